//! Setting the price of a model.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::PriceId;
use promptgate_store::{Access, Change};
use promptgate_usage::{PriceRates, PriceTarget, StoredPrice};
use tracing::instrument;

use super::{PriceError, check_providers};
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// A price that is to be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPrice {
    /// Whose.
    pub target: PriceTarget,
    /// What it is.
    pub rates: PriceRates,
}

/// Sets the price of a model that has none. The calls that end from then on cost it.
#[instrument(name = "control.prices.create", skip_all)]
pub async fn create(control: &Control, actor: Actor, new: NewPrice) -> Result<StoredPrice, PriceError> {
    actor.require(Permission::ManagePrices)?;
    let at = control.clock.now();
    let id = PriceId::mint(&*control.clock, &*control.entropy);
    let price = StoredPrice::create(id, new.target, new.rates, at);
    let mut work = control.store.begin(Access::Write).await?;
    // One at a time, as with every change of prices: a whole list of them holds the log first.
    work.audit().hold().await?;
    check_providers(&mut *work, [&price.target]).await?;
    work.prices().insert(&price).await?;
    let entry = Entry::of_price("price.created", id).made(&shown::price(&price));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Prices, at).await?;
    control.commit(work, revision).await?;
    Ok(price)
}
