//! How far the gateway is used.

use promptgate_auth::{Actor, Permission};
use promptgate_store::Access;
use promptgate_usage::{Adoption, Day, Days, Period, UsageScope, Window};
use tracing::instrument;

use super::{StatisticsError, period};
use crate::Control;

/// How many accounts called in a window, and how many of their keys are good at its end.
#[instrument(name = "control.statistics.adoption", skip_all)]
pub async fn adoption(
    control: &Control,
    actor: Actor,
    window: Window,
) -> Result<(Period, Adoption), StatisticsError> {
    actor.require(Permission::ReadUsage)?;
    let now = control.clock.now();
    let mut work = control.store.begin(Access::Read).await?;
    let period = period(&mut *work, UsageScope::Everybody, window, now).await?;
    let today = Days { first: Day::of(now), last: Day::of(now) };
    let adoption = work.statistics().adoption(period.days.unwrap_or(today), now).await?;
    Ok((period, adoption))
}
