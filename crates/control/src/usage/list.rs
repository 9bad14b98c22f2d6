//! Listing the calls of a project.

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{Page, PageRequest, ProjectId, RepositoryError, TokenId};
use promptgate_store::Access;
use promptgate_usage::{UsageEvent, UsageFilter};
use tracing::instrument;

use crate::Control;
use crate::members::actor_in;

/// Which calls are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListUsage {
    /// Of which project.
    pub project_id: ProjectId,
    /// Only by this token.
    pub token_id: Option<TokenId>,
    /// Only with this request id.
    pub request_id: Option<String>,
}

/// Why calls are not listed.
#[derive(Debug, thiserror::Error)]
pub enum ListUsageError {
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

/// One page of a project's calls, newest first.
#[instrument(name = "control.usage.list", skip_all, fields(project.id = %query.project_id))]
pub async fn list(
    control: &Control,
    actor: Actor,
    query: ListUsage,
    page: PageRequest,
) -> Result<Page<UsageEvent>, ListUsageError> {
    let mut work = control.store.begin(Access::Read).await?;
    actor_in(&mut *work, actor, query.project_id)
        .await?
        .require_in(query.project_id, Permission::ReadUsage)?;
    let id = query.project_id;
    work.projects().find(id).await?.ok_or(ListUsageError::UnknownProject(id))?;
    let filter = UsageFilter { project_id: Some(id), token_id: query.token_id, request_id: query.request_id };
    Ok(work.usage().list(&filter, page).await?)
}
