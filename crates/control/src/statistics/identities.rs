//! Who uses the most.

use promptgate_auth::{Actor, Permission};
use promptgate_store::Access;
use promptgate_usage::{BreakdownEntry, Costs, Period, TOP, UsageScope, Window, top_identities as assemble};
use tracing::instrument;

use super::{StatisticsError, book, period};
use crate::Control;

/// The accounts that took the most in a window.
#[instrument(name = "control.statistics.top_identities", skip_all)]
pub async fn top_identities(
    control: &Control,
    actor: Actor,
    window: Window,
    costs: Costs,
) -> Result<(Period, Vec<BreakdownEntry>), StatisticsError> {
    actor.require(Permission::ReadUsage)?;
    let mut work = control.store.begin(Access::Read).await?;
    let period = period(&mut *work, UsageScope::Everybody, window, control.clock.now()).await?;
    let limit = u32::try_from(TOP).unwrap_or(u32::MAX);
    let uses = match period.days {
        Some(days) => work.statistics().top_identities(days, limit).await?,
        None => Vec::new(),
    };
    let book = book(&mut *work, costs).await?;
    Ok((period, assemble(&uses, book.as_ref())))
}
