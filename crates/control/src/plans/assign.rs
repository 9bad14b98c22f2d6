//! Giving an account a plan.

use promptgate_auth::{Account, AccountKind, Actor, Forbidden, Permission};
use promptgate_kernel::{AccountId, PlanId, RepositoryError};
use promptgate_store::{Access, Change};
use tracing::instrument;

use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Why an account is not given a plan.
#[derive(Debug, thiserror::Error)]
pub enum AssignPlanError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such account.
    #[error("there is no account {0}")]
    UnknownAccount(AccountId),
    /// There is no such plan.
    #[error("there is no subscription plan {0}")]
    UnknownPlan(PlanId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// Gives an account of a kind a plan; `None` leaves it the default one. What changes nothing is not
/// recorded.
#[instrument(name = "control.plans.assign", skip_all, fields(account.id = %account))]
pub async fn assign(
    control: &Control,
    actor: Actor,
    kind: AccountKind,
    account: AccountId,
    plan: Option<PlanId>,
) -> Result<(), AssignPlanError> {
    actor.require(Permission::ManagePlans)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    let found = work.accounts().find(account).await?.filter(|found| found.kind == kind);
    let before = found.ok_or(AssignPlanError::UnknownAccount(account))?;
    if let Some(id) = plan {
        work.plans().find(id).await?.ok_or(AssignPlanError::UnknownPlan(id))?;
    }
    if before.plan_id == plan {
        return Ok(());
    }
    if !work.plans().assign(account, plan, at).await? {
        return Err(AssignPlanError::UnknownAccount(account));
    }
    let was = shown::account(&before);
    let after = shown::account(&Account { plan_id: plan, ..before });
    let entry = Entry::of_account("account.plan_changed", account).between(&was, &after);
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Account(account), at).await?;
    control.commit(work, revision).await?;
    Ok(())
}
