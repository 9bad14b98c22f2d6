//! Changing a plan.

use promptgate_access::{ListedPlan, PlanChanges};
use promptgate_auth::{Actor, Permission};
use promptgate_kernel::PlanId;
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::PlanError;
use super::default::give_way;
use crate::Control;
use crate::journal::{Entry, named};
use crate::shown;

/// What is to change about a plan.
#[derive(Debug, Clone, Default)]
pub struct UpdatePlan {
    /// The plan itself.
    pub changes: PlanChanges,
    /// Whether it is to be the default one.
    pub is_default: Option<bool>,
}

/// Applies changes to a plan. Changes that name nothing are not recorded.
#[instrument(name = "control.plans.update", skip_all, fields(plan.id = %id))]
pub async fn update(
    control: &Control,
    actor: Actor,
    id: PlanId,
    command: UpdatePlan,
) -> Result<ListedPlan, PlanError> {
    actor.require(Permission::ManagePlans)?;
    let at = control.clock.now();
    let fields = fields(&command);
    let mut work = control.store.begin(Access::Write).await?;
    let mut plan = work.plans().find(id).await?.ok_or(PlanError::NotFound(id))?;
    if plan.is_default && command.is_default == Some(false) {
        return Err(PlanError::DefaultRequired);
    }
    if !fields.is_empty() {
        let becomes_default = command.is_default == Some(true) && !plan.is_default;
        let before = shown::plan(&plan);
        plan = plan.change(command.changes, at)?;
        if becomes_default {
            give_way(&mut *work, at).await?;
            plan.is_default = true;
        }
        if !work.plans().save(&plan).await? {
            return Err(PlanError::Changed);
        }
        let entry = Entry::of_plan("subscription_plan.updated", id)
            .detail("fields", fields)
            .between(&before, &shown::plan(&plan));
        control.audit(&mut *work, actor, entry, at).await?;
        let revision = work.changes().record(Change::Plan(id), at).await?;
        let listed = work.plans().find_listed(id).await?.ok_or(PlanError::NotFound(id))?;
        control.commit(work, revision).await?;
        return Ok(listed);
    }
    work.plans().find_listed(id).await?.ok_or(PlanError::NotFound(id))
}

fn fields(command: &UpdatePlan) -> String {
    let changes = &command.changes;
    named([
        ("name", changes.name.is_some()),
        ("description", changes.description.is_some()),
        ("quota5hTokens", changes.quota_5h_tokens.is_some()),
        ("quota7dTokens", changes.quota_7d_tokens.is_some()),
        ("isDefault", command.is_default.is_some()),
    ])
}
