//! Deleting a provider.

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{ProjectId, ProviderId, RepositoryError, Timestamp};
use promptgate_projects::{InvalidProject, ProjectChanges};
use promptgate_store::{Access, Change, UnitOfWork};
use tracing::instrument;

use crate::Control;
use crate::endpoints::{EndpointError, forget_provider};
use crate::journal::Entry;
use crate::shown;

/// Why a provider is not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteProviderError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none.
    #[error("there is no provider {0}")]
    NotFound(ProviderId),
    /// Somebody else changed a project that it was the default of; try again.
    #[error("the project {0} was changed by somebody else")]
    ProjectChanged(ProjectId),
    /// Somebody else changed an endpoint that names it; try again.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// Deletes a provider with its credentials, its templates and the aliases of its models. Projects that
/// it was the default of have none afterwards, and endpoints and failover lists that named it name
/// none; its name is free again.
#[instrument(name = "control.providers.delete", skip_all, fields(provider.id = %id))]
pub async fn delete(control: &Control, actor: Actor, id: ProviderId) -> Result<(), DeleteProviderError> {
    actor.require(Permission::ManageProviders)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    let provider = work.providers().find(id).await?.ok_or(DeleteProviderError::NotFound(id))?;
    let projects = forget_default(&mut *work, id, at).await?;
    let endpoints = forget_provider(&mut *work, id, at).await?;
    if !work.providers().remove(id).await? {
        return Err(DeleteProviderError::NotFound(id));
    }
    let entry = Entry::of_provider("provider.deleted", id)
        .detail("name", provider.name.as_str())
        .gone(&shown::provider(&provider));
    control.audit(&mut *work, actor, entry, at).await?;
    for endpoint in endpoints {
        work.changes().record(Change::Endpoint(endpoint), at).await?;
    }
    for project in projects {
        work.changes().record(Change::Project(project), at).await?;
    }
    let revision = work.changes().record(Change::Provider(id), at).await?;
    control.commit(work, revision).await?;
    Ok(())
}

async fn forget_default(
    work: &mut dyn UnitOfWork,
    id: ProviderId,
    at: Timestamp,
) -> Result<Vec<ProjectId>, DeleteProviderError> {
    let mut touched = Vec::new();
    for project in work.projects().list_all().await? {
        if project.default_provider != Some(id) {
            continue;
        }
        let project_id = project.id;
        let changes = ProjectChanges { default_provider: Some(None), ..ProjectChanges::default() };
        let cleared = project.change(changes, at).map_err(|_: InvalidProject| {
            // Nothing that is checked changes, so this is a stored project that breaks a rule.
            DeleteProviderError::ProjectChanged(project_id)
        })?;
        if !work.projects().save(&cleared).await? {
            return Err(DeleteProviderError::ProjectChanged(project_id));
        }
        touched.push(project_id);
    }
    Ok(touched)
}
