//! Listing plans.

use promptgate_access::{ListedPlan, PlanFilter};
use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{Page, PageRequest};
use promptgate_store::Access;
use tracing::instrument;

use super::PlanError;
use crate::Control;

/// One page of plans.
#[instrument(name = "control.plans.list", skip_all)]
pub async fn list(
    control: &Control,
    actor: Actor,
    filter: PlanFilter,
    page: PageRequest,
) -> Result<Page<ListedPlan>, PlanError> {
    actor.require(Permission::ManagePlans)?;
    let mut work = control.store.begin(Access::Read).await?;
    Ok(work.plans().list(filter, page).await?)
}
