//! Which token is meant.

use promptgate_kernel::{ProjectId, RepositoryError, TokenId};
use promptgate_store::UnitOfWork;
use promptgate_tokens::Token;

/// Which token is meant: by its id alone, or as one of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenAddress {
    /// Its id.
    pub id: TokenId,
    /// The project it must belong to, where it is looked for in one.
    pub project: Option<ProjectId>,
}

impl From<TokenId> for TokenAddress {
    fn from(id: TokenId) -> Self {
        Self { id, project: None }
    }
}

impl TokenAddress {
    /// The token, as [`Self::find`] does, while nobody else changes the tree that it belongs to.
    pub(crate) async fn find_for_change(
        self,
        work: &mut dyn UnitOfWork,
    ) -> Result<Option<Token>, RepositoryError> {
        work.tokens().lock_tree(self.id).await?;
        self.find(work).await
    }

    /// The token, whatever its state. A deleted project has none.
    pub(crate) async fn find(self, work: &mut dyn UnitOfWork) -> Result<Option<Token>, RepositoryError> {
        let Some(project) = self.project else { return work.tokens().find(self.id).await };
        if work.projects().find(project).await?.is_none() {
            return Ok(None);
        }
        let token = work.tokens().find(self.id).await?;
        Ok(token.filter(|token| token.project_id == project))
    }
}
