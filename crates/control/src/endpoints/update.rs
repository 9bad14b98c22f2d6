//! Changing an endpoint.

use promptgate_auth::{Actor, Permission};
use promptgate_endpoints::{Endpoint, EndpointVersion, NewEndpoint, Saved};
use promptgate_kernel::Timestamp;
use promptgate_store::{Access, Change, UnitOfWork};
use serde_json::Value;
use tracing::instrument;

use super::catalogue::Known;
use super::{EndpointAddress, EndpointError, load};
use crate::Control;
use crate::journal::Entry;
use crate::members::actor_in;
use crate::shown;

/// Replaces the whole configuration of an endpoint, as a new version: what is left out falls back to
/// its default, but for the slug and whether the endpoint is on, which stay.
#[instrument(name = "control.endpoints.replace", skip_all, fields(endpoint.id = %address.id))]
pub async fn replace(
    control: &Control,
    actor: Actor,
    address: EndpointAddress,
    new: NewEndpoint,
) -> Result<Endpoint, EndpointError> {
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    actor_in(&mut *work, actor, address.project)
        .await?
        .require_in(address.project, Permission::ManageEndpoints)?;
    let endpoint = load(&mut *work, address).await?;
    store(control, work, actor, endpoint, new, at).await
}

/// Changes what `change` changes, and leaves the rest as it is, as a new version. A change that only
/// switches it on or off makes none, and one that changes nothing records nothing.
#[instrument(name = "control.endpoints.amend", skip_all, fields(endpoint.id = %address.id))]
pub async fn amend(
    control: &Control,
    actor: Actor,
    address: EndpointAddress,
    change: impl FnOnce(NewEndpoint) -> NewEndpoint + Send,
) -> Result<Endpoint, EndpointError> {
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    actor_in(&mut *work, actor, address.project)
        .await?
        .require_in(address.project, Permission::ManageEndpoints)?;
    let endpoint = load(&mut *work, address).await?;
    let present = NewEndpoint {
        is_active: Some(endpoint.is_active),
        guardrails: Some(Value::Object(endpoint.guardrails.clone())),
        ..endpoint.config.clone().into()
    };
    let wanted = change(present.clone());
    if wanted == present {
        return Ok(endpoint);
    }
    if wanted == (NewEndpoint { is_active: wanted.is_active, ..present }) {
        drop(work);
        let on = wanted.is_active.unwrap_or(endpoint.is_active);
        return super::switch(control, actor, address, on).await;
    }
    store(control, work, actor, endpoint, wanted, at).await
}

async fn store(
    control: &Control,
    mut work: Box<dyn UnitOfWork>,
    actor: Actor,
    endpoint: Endpoint,
    new: NewEndpoint,
    at: Timestamp,
) -> Result<Endpoint, EndpointError> {
    let known = Known::load_for(&mut *work, &endpoint).await?;
    let (before, was) =
        (work.endpoints().version(endpoint.id, endpoint.latest_version).await?, shown::endpoint(&endpoint));
    let saved = endpoint.replace(new, &known, None, at)?;
    write(&mut *work, &saved).await?;
    let entry = Entry::of_endpoint("endpoint.updated", &saved.endpoint)
        .detail("fields", fields(before.as_ref(), &saved.version))
        .detail("version", saved.version.number.to_string())
        .between(&was, &shown::endpoint(&saved.endpoint));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Endpoint(saved.endpoint.id), at).await?;
    control.commit(work, revision).await?;
    Ok(saved.endpoint)
}

/// Writes an endpoint that was there before, and its new version.
pub(super) async fn write(work: &mut dyn UnitOfWork, saved: &Saved) -> Result<(), EndpointError> {
    if !work.endpoints().save(&saved.endpoint).await? {
        return Err(EndpointError::Changed(saved.endpoint.id));
    }
    work.endpoints().insert_version(&saved.version).await?;
    Ok(())
}

/// The names of the fields that a version changes, separated by commas.
fn fields(before: Option<&EndpointVersion>, after: &EndpointVersion) -> String {
    let changes = before.map(|before| before.diff(after)).unwrap_or_default();
    let names: Vec<String> = changes.into_iter().map(|change| change.field).collect();
    names.join(",")
}
