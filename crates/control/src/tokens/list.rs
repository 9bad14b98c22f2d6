//! Listing a project's tokens.

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{Page, PageRequest, ProjectId, RepositoryError};
use promptgate_store::Access;
use promptgate_tokens::{Token, TokenFilter};
use tracing::instrument;

use crate::Control;
use crate::members::actor_in;

/// Why tokens are not listed.
#[derive(Debug, thiserror::Error)]
pub enum ListTokensError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The project does not exist, or was deleted.
    #[error("there is no project {0}")]
    UnknownProject(ProjectId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// One page of a project's tokens.
#[instrument(name = "control.tokens.list", skip_all, fields(project.id = %filter.project_id))]
pub async fn list(
    control: &Control,
    actor: Actor,
    filter: &TokenFilter,
    page: PageRequest,
) -> Result<Page<Token>, ListTokensError> {
    let mut work = control.store.begin(Access::Read).await?;
    actor_in(&mut *work, actor, filter.project_id)
        .await?
        .require_in(filter.project_id, Permission::ReadProject)?;
    let project = filter.project_id;
    work.projects().find(project).await?.ok_or(ListTokensError::UnknownProject(project))?;
    Ok(work.tokens().list(filter, page).await?)
}
