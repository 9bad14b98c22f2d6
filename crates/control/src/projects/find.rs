//! Looking at one project.

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{ProjectId, RepositoryError};
use promptgate_projects::Project;
use promptgate_store::Access;
use tracing::instrument;

use crate::Control;
use crate::members::actor_in;

/// Why a project is not shown.
#[derive(Debug, thiserror::Error)]
pub enum FindProjectError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none, or it was deleted.
    #[error("there is no project {0}")]
    NotFound(ProjectId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// The project with this id.
#[instrument(name = "control.projects.find", skip_all, fields(project.id = %id))]
pub async fn find(control: &Control, actor: Actor, id: ProjectId) -> Result<Project, FindProjectError> {
    let mut work = control.store.begin(Access::Read).await?;
    actor_in(&mut *work, actor, id).await?.require_in(id, Permission::ReadProject)?;
    work.projects().find(id).await?.ok_or(FindProjectError::NotFound(id))
}
