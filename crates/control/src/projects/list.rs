//! Listing projects.

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{Page, PageRequest, RepositoryError};
use promptgate_projects::{Project, ProjectFilter};
use promptgate_store::Access;
use tracing::instrument;

use crate::Control;

/// Why projects are not listed.
#[derive(Debug, thiserror::Error)]
pub enum ListProjectsError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// One page of projects.
#[instrument(name = "control.projects.list", skip_all)]
pub async fn list(
    control: &Control,
    actor: Actor,
    filter: &ProjectFilter,
    page: PageRequest,
) -> Result<Page<Project>, ListProjectsError> {
    actor.require(Permission::ManageProjects)?;
    let mut work = control.store.begin(Access::Read).await?;
    Ok(work.projects().list(filter, page).await?)
}
