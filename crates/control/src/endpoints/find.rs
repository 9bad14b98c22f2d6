//! Looking at one endpoint.

use promptgate_auth::{Actor, Permission};
use promptgate_endpoints::Endpoint;
use promptgate_store::Access;
use tracing::instrument;

use super::{EndpointAddress, EndpointError, load};
use crate::Control;

/// The endpoint at this address, on or off.
#[instrument(name = "control.endpoints.find", skip_all, fields(endpoint.id = %address.id))]
pub async fn find(
    control: &Control,
    actor: Actor,
    address: EndpointAddress,
) -> Result<Endpoint, EndpointError> {
    actor.require(Permission::ManageEndpoints)?;
    let mut work = control.store.begin(Access::Read).await?;
    load(&mut *work, address).await
}
