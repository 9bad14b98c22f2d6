//! Listing projects.

use promptgate_auth::{Actor, Forbidden, Membership, Permission};
use promptgate_kernel::{Page, PageRequest, ProjectId, RepositoryError};
use promptgate_projects::{Project, ProjectFilter};
use promptgate_store::{Access, UnitOfWork};
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

/// One page of projects: of whoever manages them all there are, of a person those that the person is a
/// member of and may read. Who may read none is refused.
#[instrument(name = "control.projects.list", skip_all)]
pub async fn list(
    control: &Control,
    actor: Actor,
    filter: &ProjectFilter,
    page: PageRequest,
) -> Result<Page<Project>, ListProjectsError> {
    let mut work = control.store.begin(Access::Read).await?;
    let Err(refused) = actor.require(Permission::ManageProjects) else {
        return Ok(work.projects().list(filter, page).await?);
    };
    let own = readable(&mut *work, actor).await?;
    if own.is_empty() {
        return Err(refused.into());
    }
    let filter = ProjectFilter { among: Some(own), ..filter.clone() };
    Ok(work.projects().list(&filter, page).await?)
}

/// The projects that an actor may read as a member.
async fn readable(work: &mut dyn UnitOfWork, actor: Actor) -> Result<Vec<ProjectId>, RepositoryError> {
    let Some(account) = actor.account() else { return Ok(Vec::new()) };
    let memberships = work.memberships().of_account(account).await?.into_iter();
    let may_read = |membership: &Membership| {
        actor.as_member(Some(*membership)).require_in(membership.project, Permission::ReadProject).is_ok()
    };
    Ok(memberships.filter(may_read).map(|membership| membership.project).collect())
}
