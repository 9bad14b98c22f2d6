//! Creating an endpoint.

use promptgate_auth::{Actor, Permission};
use promptgate_endpoints::{Endpoint, NewEndpoint, Slug};
use promptgate_kernel::{EndpointId, ProjectId, RepositoryError};
use promptgate_store::{Access, Change, UnitOfWork};
use tracing::instrument;

use super::catalogue::Known;
use super::{EndpointError, check_project};
use crate::Control;
use crate::journal::Entry;
use crate::members::actor_in;
use crate::shown;

/// Creates an endpoint and its first version. A slug that is made from the name gets a number where
/// it is taken.
#[instrument(name = "control.endpoints.create", skip_all, fields(project.id = %project))]
pub async fn create(
    control: &Control,
    actor: Actor,
    project: ProjectId,
    mut new: NewEndpoint,
) -> Result<Endpoint, EndpointError> {
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    actor_in(&mut *work, actor, project).await?.require_in(project, Permission::ManageEndpoints)?;
    check_project(&mut *work, project).await?;
    if new.slug.is_none() {
        new.slug = Some(free_slug(&mut *work, project, &new.name).await?.into());
    }
    let known = Known::load(&mut *work, project).await?;
    let id = EndpointId::mint(&*control.clock, &*control.entropy);
    let saved = Endpoint::create(id, project, new, &known, None, at)?;
    work.endpoints().insert(&saved.endpoint).await?;
    work.endpoints().insert_version(&saved.version).await?;
    let entry =
        Entry::of_endpoint("endpoint.created", &saved.endpoint).made(&shown::endpoint(&saved.endpoint));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Endpoint(id), at).await?;
    control.commit(work, revision).await?;
    Ok(saved.endpoint)
}

/// The slug of a name, or the first numbered one that is free.
async fn free_slug(
    work: &mut dyn UnitOfWork,
    project: ProjectId,
    name: &str,
) -> Result<Slug, RepositoryError> {
    let wanted = Slug::from_name(name);
    let mut slug = wanted.clone();
    let mut number = 1;
    while work.endpoints().find_by_slug(project, &slug).await?.is_some() {
        number += 1;
        slug = wanted.numbered(number);
    }
    Ok(slug)
}
