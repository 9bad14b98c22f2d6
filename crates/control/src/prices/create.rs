//! Setting the price of a model.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::PriceId;
use promptgate_store::{Access, Change};
use promptgate_usage::{PriceRates, PriceTarget, StoredPrice};
use tracing::instrument;

use super::{PriceError, check_providers};
use crate::Control;
use crate::journal::Entry;

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
    check_providers(&mut *work, [&price.target]).await?;
    work.prices().insert(&price).await?;
    control.audit(&mut *work, actor, Entry::of_price("price.created", id), at).await?;
    let revision = work.changes().record(Change::Prices, at).await?;
    control.commit(work, revision).await?;
    Ok(price)
}
