//! Creating a golden set.

use promptgate_auth::{Actor, Permission};
use promptgate_endpoints::{EvalSet, NewEvalSet};
use promptgate_kernel::EvalId;
use promptgate_store::Access;
use tracing::instrument;

use super::EvalError;
use crate::Control;
use crate::endpoints::{EndpointAddress, load};
use crate::journal::Entry;
use crate::members::actor_in;
use crate::shown;

/// Creates a golden set. Nothing that runs needs to hear of it.
#[instrument(name = "control.evals.create", skip_all, fields(endpoint.id = %address.id))]
pub async fn create(
    control: &Control,
    actor: Actor,
    address: EndpointAddress,
    new: NewEvalSet,
) -> Result<EvalSet, EvalError> {
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    actor_in(&mut *work, actor, address.project)
        .await?
        .require_in(address.project, Permission::ManageEndpoints)?;
    let endpoint = load(&mut *work, address).await?;
    let id = EvalId::mint(&*control.clock, &*control.entropy);
    let set = EvalSet::create(id, endpoint.project_id, endpoint.id, new, at)?;
    work.evals().insert(&set).await?;
    let entry = Entry::of_eval("eval.created", &set).made(&shown::eval(&set));
    control.audit(&mut *work, actor, entry, at).await?;
    work.commit().await?;
    Ok(set)
}
