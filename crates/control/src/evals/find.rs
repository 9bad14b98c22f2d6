//! Looking at one golden set.

use promptgate_auth::{Actor, Permission};
use promptgate_endpoints::EvalSet;
use promptgate_store::Access;
use tracing::instrument;

use super::{EvalAddress, EvalError, load};
use crate::Control;

/// The golden set at this address.
#[instrument(name = "control.evals.find", skip_all, fields(eval.id = %address.id))]
pub async fn find(control: &Control, actor: Actor, address: EvalAddress) -> Result<EvalSet, EvalError> {
    actor.require(Permission::ManageEndpoints)?;
    let mut work = control.store.begin(Access::Read).await?;
    let (_, set) = load(&mut *work, address).await?;
    Ok(set)
}
