//! Deleting a project.

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_firewall::Namespace;
use promptgate_kernel::{EndpointId, ProjectId, RepositoryError};
use promptgate_projects::AlreadyDeleted;
use promptgate_store::{Access, Change, UnitOfWork};
use tracing::instrument;

use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Why a project is not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteProjectError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none, or it was deleted before.
    #[error("there is no project {0}")]
    NotFound(ProjectId),
    /// Somebody else changed it at the same time; look at it again.
    #[error("the project {0} was changed by somebody else")]
    Changed(ProjectId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// Deletes a project: its routes stop, its tokens open nothing, and its aliases, its network rules, its
/// settings of providers and its endpoints, with their versions, golden sets, conversations and cached answers, are
/// gone. What was recorded of its calls stays.
#[instrument(name = "control.projects.delete", skip_all, fields(project.id = %id))]
pub async fn delete(control: &Control, actor: Actor, id: ProjectId) -> Result<(), DeleteProjectError> {
    actor.require(Permission::ManageProjects)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    let project = work.projects().find(id).await?.ok_or(DeleteProjectError::NotFound(id))?;
    let before = shown::project(&project);
    let project = project.delete(at).map_err(|AlreadyDeleted { .. }| DeleteProjectError::NotFound(id))?;
    if !work.projects().save(&project).await? {
        return Err(DeleteProjectError::Changed(id));
    }
    let endpoints = clear(&mut *work, id).await?;
    let entry = Entry::of_project("project.deleted", id).gone(&before);
    control.audit(&mut *work, actor, entry, at).await?;
    // Behind the entry, because whoever changes rules waits for the audit log first.
    let namespace = Namespace::Project(id);
    for rule in work.network_rules().remove_all(namespace).await? {
        let entry = Entry::of_network_rule("network_rule.deleted", (namespace, Some(id)), rule.id)
            .gone(&shown::network_rule(&rule));
        control.audit(&mut *work, actor, entry, at).await?;
    }
    work.changes().record(Change::NetworkRules, at).await?;
    for endpoint in endpoints {
        work.changes().record(Change::Endpoint(endpoint), at).await?;
    }
    let revision = work.changes().record(Change::Project(id), at).await?;
    control.commit(work, revision).await?;
    Ok(())
}

/// Removes what belongs to a project and to nothing else; says which endpoints that were. The project
/// itself stays, as what history refers to.
async fn clear(work: &mut dyn UnitOfWork, id: ProjectId) -> Result<Vec<EndpointId>, RepositoryError> {
    let mut endpoints = Vec::new();
    for endpoint in work.endpoints().list_all().await? {
        if endpoint.project_id == id {
            work.endpoints().remove(endpoint.id).await?;
            endpoints.push(endpoint.id);
        }
    }
    for alias in work.aliases().list_all().await? {
        if alias.project_id == id {
            work.aliases().remove(alias.id).await?;
        }
    }
    for setting in work.project_providers().list(id).await? {
        work.project_providers().remove(id, setting.provider_id).await?;
    }
    Ok(endpoints)
}
