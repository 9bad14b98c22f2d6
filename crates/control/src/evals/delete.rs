//! Deleting a golden set.

use promptgate_auth::{Actor, Permission};
use promptgate_store::Access;
use tracing::instrument;

use super::{EvalAddress, EvalError, load};
use crate::Control;
use crate::journal::Entry;

/// Deletes a golden set and its runs.
#[instrument(name = "control.evals.delete", skip_all, fields(eval.id = %address.id))]
pub async fn delete(control: &Control, actor: Actor, address: EvalAddress) -> Result<(), EvalError> {
    actor.require(Permission::ManageEndpoints)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    let (_, set) = load(&mut *work, address).await?;
    work.evals().remove(set.id).await?;
    control.audit(&mut *work, actor, Entry::of_eval("eval.deleted", &set), at).await?;
    work.commit().await?;
    Ok(())
}
