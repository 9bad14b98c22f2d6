//! Changing what models without a price cost.

use promptgate_auth::{Actor, Permission};
use promptgate_store::{Access, Change};
use promptgate_usage::{PriceRates, RateChanges};
use tracing::instrument;

use super::PriceError;
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Changes what models cost that have no price. Changes that name nothing are not recorded.
#[instrument(name = "control.prices.set_fallback", skip_all)]
pub async fn set_fallback(
    control: &Control,
    actor: Actor,
    changes: RateChanges,
) -> Result<PriceRates, PriceError> {
    actor.require(Permission::ManagePrices)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    // One at a time, as with every change of prices: a whole list of them holds the log first.
    work.audit().hold().await?;
    let fallback = work.prices().fallback().await?;
    if changes.is_empty() {
        return Ok(fallback.rates);
    }
    let before = shown::rates(&fallback.rates);
    let fallback = fallback.change(changes, at)?;
    if !work.prices().save_fallback(&fallback).await? {
        return Err(PriceError::Changed);
    }
    let entry = Entry::of_fallback_price()
        .detail("fields", changes.names().join(","))
        .between(&before, &shown::rates(&fallback.rates));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Prices, at).await?;
    control.commit(work, revision).await?;
    Ok(fallback.rates)
}
