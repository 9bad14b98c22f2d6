//! Deleting an endpoint.

use promptgate_auth::{Actor, Permission};
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::{EndpointAddress, EndpointError, load};
use crate::Control;
use crate::journal::Entry;
use crate::members::actor_in;
use crate::shown;

/// Deletes an endpoint with its versions, golden sets, conversations and cached answers. What was
/// recorded of its calls stays.
#[instrument(name = "control.endpoints.delete", skip_all, fields(endpoint.id = %address.id))]
pub async fn delete(control: &Control, actor: Actor, address: EndpointAddress) -> Result<(), EndpointError> {
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    actor_in(&mut *work, actor, address.project)
        .await?
        .require_in(address.project, Permission::ManageEndpoints)?;
    let endpoint = load(&mut *work, address).await?;
    work.endpoints().remove(address.id).await?;
    let entry = Entry::of_endpoint("endpoint.deleted", &endpoint).gone(&shown::endpoint(&endpoint));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Endpoint(address.id), at).await?;
    control.commit(work, revision).await?;
    Ok(())
}
