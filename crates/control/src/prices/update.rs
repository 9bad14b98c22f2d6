//! Changing the price of a model.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::PriceId;
use promptgate_store::{Access, Change};
use promptgate_usage::{InvalidPrice, RateChanges, StoredPrice};
use tracing::instrument;

use super::{PriceError, check_providers};
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// What is to change about a price. Provider and model may be named, but not others.
#[derive(Debug, Clone, Default)]
pub struct PriceChanges {
    /// The provider that it is said to be of.
    pub provider: Option<String>,
    /// The model that it is said to be of.
    pub model: Option<String>,
    /// Other rates.
    pub rates: RateChanges,
}

/// Changes the price of a model. The calls that end from then on cost it. Changes that name no rate are
/// not recorded.
#[instrument(name = "control.prices.update", skip_all, fields(price.id = %id))]
pub async fn update(
    control: &Control,
    actor: Actor,
    id: PriceId,
    changes: PriceChanges,
) -> Result<StoredPrice, PriceError> {
    actor.require(Permission::ManagePrices)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    // One at a time, as with every change of prices: a whole list of them holds the log first.
    work.audit().hold().await?;
    let price = work.prices().find(id).await?.ok_or(PriceError::NotFound(id))?;
    let moved = |given: Option<&String>, has: &str| given.is_some_and(|given| given.trim() != has);
    if moved(changes.provider.as_ref(), &price.target.provider)
        || moved(changes.model.as_ref(), &price.target.model)
    {
        return Err(InvalidPrice::Moved.into());
    }
    if changes.rates.is_empty() {
        return Ok(price);
    }
    let before = shown::price(&price);
    let price = price.change(changes.rates, at)?;
    check_providers(&mut *work, [&price.target]).await?;
    if !work.prices().save(&price).await? {
        return Err(PriceError::Changed);
    }
    let entry = Entry::of_price("price.updated", id)
        .detail("fields", changes.rates.names().join(","))
        .between(&before, &shown::price(&price));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Prices, at).await?;
    control.commit(work, revision).await?;
    Ok(price)
}
