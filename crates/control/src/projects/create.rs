//! Creating a project.

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{ProjectId, ProviderId, RepositoryError};
use promptgate_projects::{InvalidProject, NewProject, Project};
use promptgate_store::{Access, Change};
use tracing::instrument;

use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Why a project is not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateProjectError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Something about it is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidProject),
    /// Its default provider does not exist.
    #[error("there is no provider {0}")]
    UnknownProvider(ProviderId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// Creates a project.
#[instrument(name = "control.projects.create", skip_all, fields(project.kind = %new.kind))]
pub async fn create(control: &Control, actor: Actor, new: NewProject) -> Result<Project, CreateProjectError> {
    actor.require(Permission::ManageProjects)?;
    let at = control.clock.now();
    let project = Project::create(ProjectId::mint(&*control.clock, &*control.entropy), new, at)?;
    let mut work = control.store.begin(Access::Write).await?;
    if let Some(provider) = project.default_provider {
        work.providers().find(provider).await?.ok_or(CreateProjectError::UnknownProvider(provider))?;
    }
    work.projects().insert(&project).await?;
    let entry = Entry::of_project("project.created", project.id)
        .detail("projectType", project.kind.as_str())
        .made(&shown::project(&project));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Project(project.id), at).await?;
    control.commit(work, revision).await?;
    Ok(project)
}
