//! Deleting a golden set.

use promptgate_auth::{Actor, Permission};
use promptgate_store::Access;
use tracing::instrument;

use super::{EvalAddress, EvalError, load};
use crate::Control;
use crate::journal::Entry;
use crate::members::actor_in;
use crate::shown;

/// Deletes a golden set and its runs.
#[instrument(name = "control.evals.delete", skip_all, fields(eval.id = %address.id))]
pub async fn delete(control: &Control, actor: Actor, address: EvalAddress) -> Result<(), EvalError> {
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    actor_in(&mut *work, actor, address.endpoint.project)
        .await?
        .require_in(address.endpoint.project, Permission::ManageEndpoints)?;
    let (_, set) = load(&mut *work, address).await?;
    work.evals().remove(set.id).await?;
    let entry = Entry::of_eval("eval.deleted", &set).gone(&shown::eval(&set));
    control.audit(&mut *work, actor, entry, at).await?;
    work.commit().await?;
    Ok(())
}
