//! Creating a plan.

use promptgate_access::{ListedPlan, NewPlan, Plan};
use promptgate_auth::{Actor, Permission};
use promptgate_kernel::PlanId;
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::PlanError;
use super::default::give_way;
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Creates a plan. The first one is the default one, whatever is asked for.
#[instrument(name = "control.plans.create", skip_all)]
pub async fn create(control: &Control, actor: Actor, mut new: NewPlan) -> Result<ListedPlan, PlanError> {
    actor.require(Permission::ManagePlans)?;
    let at = control.clock.now();
    let id = PlanId::mint(&*control.clock, &*control.entropy);
    let mut work = control.store.begin(Access::Write).await?;
    if work.plans().find_default().await?.is_none() {
        new.is_default = true;
    }
    let plan = Plan::create(id, new, at)?;
    if plan.is_default {
        give_way(&mut *work, at).await?;
    }
    work.plans().insert(&plan).await?;
    let entry = Entry::of_plan("subscription_plan.created", id).made(&shown::plan(&plan));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Plan(id), at).await?;
    let listed = work.plans().find_listed(id).await?.ok_or(PlanError::NotFound(id))?;
    control.commit(work, revision).await?;
    Ok(listed)
}
