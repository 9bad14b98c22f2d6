//! What accounts have left.

use promptgate_access::Plan;
use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{AccountId, RepositoryError, Timestamp};
use promptgate_limits as limits;
use promptgate_store::Access;
use tracing::instrument;

use super::PlanError;
use crate::Control;
use crate::limits::quota_of;

/// What an account may use, and has used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// The plan that counts for it.
    pub plan: Option<Plan>,
    /// The last five hours.
    pub five_hours: Window,
    /// The last seven days.
    pub seven_days: Window,
    /// When that was looked up.
    pub at: Timestamp,
}

/// What was used in a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// How many tokens were used: those of the calls that are on record.
    pub used: u64,
    /// How many may be; `None` is no limit.
    pub quota: Option<u64>,
    /// When the oldest of what was used stops counting; `None` where nothing was used.
    pub reset_at: Option<Timestamp>,
}

impl Window {
    /// How many tokens are left; `None` without a limit.
    pub fn remaining(&self) -> Option<u64> {
        self.quota.map(|quota| quota.saturating_sub(self.used))
    }

    fn of(standing: Option<&limits::Standing>, quota: Option<u64>) -> Self {
        let used = standing.map_or(0, |standing| standing.used);
        let reset_at = standing.filter(|standing| standing.used > 0).map(|standing| standing.resets_at);
        Self { used, quota, reset_at }
    }
}

/// The quota of the account that asks. Plans and counters are read each time, so that a change of one, and
/// a call, show at once.
#[instrument(name = "control.plans.quota", skip_all, fields(account.id = %account))]
pub async fn quota(control: &Control, actor: Actor, account: AccountId) -> Result<Quota, PlanError> {
    actor.require(Permission::UseOwnAccount)?;
    let mut work = control.store.begin(Access::Read).await?;
    let plan = work.plans().of_account(account).await?.effective;
    drop(work);
    let mut quotas = quotas(control, vec![(account, plan)]).await?;
    Ok(quotas.pop().expect("there is one for each account"))
}

/// The quotas of accounts that have these plans, in their order. Never while a unit of work is open.
pub(crate) async fn quotas(
    control: &Control,
    accounts: Vec<(AccountId, Option<Plan>)>,
) -> Result<Vec<Quota>, RepositoryError> {
    let at = control.clock.now();
    let windows = [limits::Window::FiveHours, limits::Window::SevenDays];
    // What is used is told without a plan too; a cap changes nothing about it.
    let asked: Vec<limits::Limit> = accounts
        .iter()
        .flat_map(|(account, _)| windows.map(|window| quota_of(*account, window, u64::MAX)))
        .collect();
    let told = control.limits.standing(&asked, at).await?;
    let quota = |((_, plan), told): ((AccountId, Option<Plan>), &[Option<limits::Standing>])| {
        let limit = |of: fn(&Plan) -> Option<u64>| plan.as_ref().and_then(of);
        let of = |place: usize| told.get(place).and_then(Option::as_ref);
        let five_hours = Window::of(of(0), limit(|plan| plan.quota_5h_tokens));
        let seven_days = Window::of(of(1), limit(|plan| plan.quota_7d_tokens));
        Quota { plan, five_hours, seven_days, at }
    };
    Ok(accounts.into_iter().zip(told.chunks(windows.len())).map(quota).collect())
}
