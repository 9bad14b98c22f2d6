//! Looking at one endpoint.

use promptgate_auth::{Actor, Permission};
use promptgate_endpoints::Endpoint;
use promptgate_store::Access;
use tracing::instrument;

use super::{EndpointAddress, EndpointError, load};
use crate::Control;
use crate::members::actor_in;

/// The endpoint at this address, on or off.
#[instrument(name = "control.endpoints.find", skip_all, fields(endpoint.id = %address.id))]
pub async fn find(
    control: &Control,
    actor: Actor,
    address: EndpointAddress,
) -> Result<Endpoint, EndpointError> {
    let mut work = control.store.begin(Access::Read).await?;
    actor_in(&mut *work, actor, address.project)
        .await?
        .require_in(address.project, Permission::ReadProject)?;
    load(&mut *work, address).await
}
