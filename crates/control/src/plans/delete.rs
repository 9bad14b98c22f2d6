//! Deleting a plan.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::PlanId;
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::PlanError;
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Deletes a plan that is not the default one and that no account was given. Its name is free again.
#[instrument(name = "control.plans.delete", skip_all, fields(plan.id = %id))]
pub async fn delete(control: &Control, actor: Actor, id: PlanId) -> Result<(), PlanError> {
    actor.require(Permission::ManagePlans)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    let listed = work.plans().find_listed(id).await?.ok_or(PlanError::NotFound(id))?;
    if listed.plan.is_default {
        return Err(PlanError::DefaultNotDeleted);
    }
    let accounts = listed.people + listed.service_accounts;
    if accounts > 0 {
        return Err(PlanError::Assigned { accounts });
    }
    if !work.plans().remove(id).await? {
        return Err(PlanError::NotFound(id));
    }
    let entry = Entry::of_plan("subscription_plan.deleted", id).gone(&shown::plan(&listed.plan));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Plan(id), at).await?;
    control.commit(work, revision).await?;
    Ok(())
}
