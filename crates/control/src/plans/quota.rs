//! What an account has left.

use promptgate_access::Plan;
use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{AccountId, Timestamp};
use promptgate_store::Access;
use tracing::instrument;

use super::PlanError;
use crate::Control;

/// What an account may use, and has used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// The plan that counts for it.
    pub plan: Option<Plan>,
    /// The last five hours.
    pub five_hours: Window,
    /// The last seven days.
    pub seven_days: Window,
}

/// What was used in a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// How many tokens were used.
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

    // Nothing is counted against plans yet.
    const fn unused(quota: Option<u64>) -> Self {
        Self { used: 0, quota, reset_at: None }
    }
}

/// The quota of the account that asks. Plans are read each time, so that a change of one shows at once.
#[instrument(name = "control.plans.quota", skip_all, fields(account.id = %account))]
pub async fn quota(control: &Control, actor: Actor, account: AccountId) -> Result<Quota, PlanError> {
    actor.require(Permission::UseOwnAccount)?;
    let mut work = control.store.begin(Access::Read).await?;
    let plan = work.plans().of_account(account).await?.effective;
    let limit = |of: fn(&Plan) -> Option<u64>| plan.as_ref().and_then(of);
    let five_hours = Window::unused(limit(|plan| plan.quota_5h_tokens));
    let seven_days = Window::unused(limit(|plan| plan.quota_7d_tokens));
    Ok(Quota { plan, five_hours, seven_days })
}
