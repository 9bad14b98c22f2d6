//! Listing the golden sets of an endpoint.

use promptgate_auth::{Actor, Permission};
use promptgate_endpoints::EvalSet;
use promptgate_kernel::{Page, PageRequest};
use promptgate_store::Access;
use tracing::instrument;

use super::EvalError;
use crate::Control;
use crate::endpoints::{EndpointAddress, load};
use crate::members::actor_in;

/// One page of an endpoint's golden sets, by name.
#[instrument(name = "control.evals.list", skip_all, fields(endpoint.id = %address.id))]
pub async fn list(
    control: &Control,
    actor: Actor,
    address: EndpointAddress,
    page: PageRequest,
) -> Result<Page<EvalSet>, EvalError> {
    let mut work = control.store.begin(Access::Read).await?;
    actor_in(&mut *work, actor, address.project)
        .await?
        .require_in(address.project, Permission::ReadProject)?;
    let endpoint = load(&mut *work, address).await?;
    Ok(work.evals().list(endpoint.id, page).await?)
}
