//! Looking at one plan.

use promptgate_access::ListedPlan;
use promptgate_auth::{Actor, Permission};
use promptgate_kernel::PlanId;
use promptgate_store::Access;
use tracing::instrument;

use super::PlanError;
use crate::Control;

/// The plan with this id, and how many accounts have it.
#[instrument(name = "control.plans.find", skip_all, fields(plan.id = %id))]
pub async fn find(control: &Control, actor: Actor, id: PlanId) -> Result<ListedPlan, PlanError> {
    actor.require(Permission::ManagePlans)?;
    let mut work = control.store.begin(Access::Read).await?;
    work.plans().find_listed(id).await?.ok_or(PlanError::NotFound(id))
}
