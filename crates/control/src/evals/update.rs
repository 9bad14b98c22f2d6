//! Changing a golden set.

use promptgate_auth::{Actor, Permission};
use promptgate_endpoints::{EvalSet, NewEvalSet};
use promptgate_store::Access;
use tracing::instrument;

use super::{EvalAddress, EvalError, load};
use crate::Control;
use crate::journal::Entry;
use crate::members::actor_in;
use crate::shown;

/// Changes what `change` changes, and leaves the rest as it is. A change that changes nothing is not
/// recorded.
#[instrument(name = "control.evals.amend", skip_all, fields(eval.id = %address.id))]
pub async fn amend(
    control: &Control,
    actor: Actor,
    address: EvalAddress,
    change: impl FnOnce(NewEvalSet) -> NewEvalSet + Send,
) -> Result<EvalSet, EvalError> {
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    actor_in(&mut *work, actor, address.endpoint.project)
        .await?
        .require_in(address.endpoint.project, Permission::ManageEndpoints)?;
    let (_, set) = load(&mut *work, address).await?;
    let present = NewEvalSet {
        name: set.name.clone(),
        description: set.description.clone(),
        items: serde_json::to_value(&set.items).ok(),
    };
    let wanted = change(present.clone());
    if wanted == present {
        return Ok(set);
    }
    let before = shown::eval(&set);
    let set = set.replace(wanted, at)?;
    if !work.evals().save(&set).await? {
        return Err(EvalError::Changed(address.id));
    }
    let entry = Entry::of_eval("eval.updated", &set).between(&before, &shown::eval(&set));
    control.audit(&mut *work, actor, entry, at).await?;
    work.commit().await?;
    Ok(set)
}
