//! Switching an endpoint on and off.

use promptgate_auth::{Actor, Permission};
use promptgate_endpoints::Endpoint;
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::{EndpointAddress, EndpointError, load};
use crate::Control;
use crate::journal::Entry;
use crate::members::actor_in;
use crate::shown;

/// Switches an endpoint on or off. Switching it to what it is changes and records nothing; it makes
/// no version.
#[instrument(name = "control.endpoints.switch", skip_all, fields(endpoint.id = %address.id))]
pub async fn switch(
    control: &Control,
    actor: Actor,
    address: EndpointAddress,
    on: bool,
) -> Result<Endpoint, EndpointError> {
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    actor_in(&mut *work, actor, address.project)
        .await?
        .require_in(address.project, Permission::ManageEndpoints)?;
    let endpoint = load(&mut *work, address).await?;
    if endpoint.is_active == on {
        return Ok(endpoint);
    }
    let before = shown::endpoint(&endpoint);
    let endpoint = endpoint.switch(on, at);
    if !work.endpoints().save(&endpoint).await? {
        return Err(EndpointError::Changed(address.id));
    }
    let action = if on { "endpoint.activated" } else { "endpoint.deactivated" };
    let entry = Entry::of_endpoint(action, &endpoint).between(&before, &shown::endpoint(&endpoint));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Endpoint(address.id), at).await?;
    control.commit(work, revision).await?;
    Ok(endpoint)
}
