//! Making a plan the default one.

use promptgate_access::{ListedPlan, Plan};
use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{PlanId, Timestamp};
use promptgate_store::{Access, Change, UnitOfWork};
use tracing::instrument;

use super::PlanError;
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Makes a plan the default one, in place of the one that was. The default one stays it, and nothing is
/// recorded.
#[instrument(name = "control.plans.make_default", skip_all, fields(plan.id = %id))]
pub async fn make_default(control: &Control, actor: Actor, id: PlanId) -> Result<ListedPlan, PlanError> {
    actor.require(Permission::ManagePlans)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    let plan = work.plans().find(id).await?.ok_or(PlanError::NotFound(id))?;
    if !plan.is_default {
        give_way(&mut *work, at).await?;
        let before = shown::plan(&plan);
        let plan = plan.as_default(true, at);
        if !work.plans().save(&plan).await? {
            return Err(PlanError::Changed);
        }
        let entry =
            Entry::of_plan("subscription_plan.made_default", id).between(&before, &shown::plan(&plan));
        control.audit(&mut *work, actor, entry, at).await?;
        let revision = work.changes().record(Change::Plan(id), at).await?;
        let listed = work.plans().find_listed(id).await?.ok_or(PlanError::NotFound(id))?;
        control.commit(work, revision).await?;
        return Ok(listed);
    }
    work.plans().find_listed(id).await?.ok_or(PlanError::NotFound(id))
}

/// The plan that is the default one is it no longer. Another one must be in the same unit of work.
pub(super) async fn give_way(work: &mut dyn UnitOfWork, at: Timestamp) -> Result<(), PlanError> {
    let Some(before) = work.plans().find_default().await? else { return Ok(()) };
    let ordinary: Plan = before.as_default(false, at);
    if work.plans().save(&ordinary).await? { Ok(()) } else { Err(PlanError::Changed) }
}
