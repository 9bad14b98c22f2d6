//! Changing a project.

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{ProjectId, ProviderId, RepositoryError};
use promptgate_projects::{InvalidProject, Project, ProjectChanges};
use promptgate_store::{Access, Change};
use tracing::instrument;

use crate::Control;
use crate::journal::{Entry, named, update_action};
use crate::members::actor_in;
use crate::shown;

const ACTIONS: [&str; 3] = ["project.updated", "project.activated", "project.deactivated"];

/// Why a project is not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateProjectError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none, or it was deleted.
    #[error("there is no project {0}")]
    NotFound(ProjectId),
    /// Something about the change is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidProject),
    /// Its new default provider does not exist.
    #[error("there is no provider {0}")]
    UnknownProvider(ProviderId),
    /// Somebody else changed it at the same time; look at it again.
    #[error("the project {0} was changed by somebody else")]
    Changed(ProjectId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// Applies changes to a project. Changes that name nothing are not recorded.
#[instrument(name = "control.projects.update", skip_all, fields(project.id = %id))]
pub async fn update(
    control: &Control,
    actor: Actor,
    id: ProjectId,
    changes: ProjectChanges,
) -> Result<Project, UpdateProjectError> {
    let at = control.clock.now();
    let fields = fields(&changes);
    let action = update_action(&fields, "isActive", changes.active, ACTIONS);
    let mut work = control.store.begin(Access::Write).await?;
    actor_in(&mut *work, actor, id).await?.require_in(id, Permission::ConfigureProject)?;
    let project = work.projects().find(id).await?.ok_or(UpdateProjectError::NotFound(id))?;
    if fields.is_empty() {
        return Ok(project);
    }
    if let Some(Some(provider)) = changes.default_provider {
        work.providers().find(provider).await?.ok_or(UpdateProjectError::UnknownProvider(provider))?;
    }
    let before = shown::project(&project);
    let project = project.change(changes, at)?;
    if !work.projects().save(&project).await? {
        return Err(UpdateProjectError::Changed(id));
    }
    let entry =
        Entry::of_project(action, id).detail("fields", fields).between(&before, &shown::project(&project));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Project(id), at).await?;
    control.commit(work, revision).await?;
    Ok(project)
}

fn fields(changes: &ProjectChanges) -> String {
    named([
        ("name", changes.name.is_some()),
        ("env", changes.env.is_some()),
        ("isActive", changes.active.is_some()),
        ("defaultProviderId", changes.default_provider.is_some()),
        ("recordBodies", changes.record_bodies.is_some()),
        ("limits", !changes.limits.is_empty()),
        ("metadata", changes.metadata.is_some()),
    ])
}
