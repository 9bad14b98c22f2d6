//! Looking at one golden set.

use promptgate_auth::{Actor, Permission};
use promptgate_endpoints::EvalSet;
use promptgate_store::Access;
use tracing::instrument;

use super::{EvalAddress, EvalError, load};
use crate::Control;
use crate::members::actor_in;

/// The golden set at this address.
#[instrument(name = "control.evals.find", skip_all, fields(eval.id = %address.id))]
pub async fn find(control: &Control, actor: Actor, address: EvalAddress) -> Result<EvalSet, EvalError> {
    let mut work = control.store.begin(Access::Read).await?;
    actor_in(&mut *work, actor, address.endpoint.project)
        .await?
        .require_in(address.endpoint.project, Permission::ReadProject)?;
    let (_, set) = load(&mut *work, address).await?;
    Ok(set)
}
