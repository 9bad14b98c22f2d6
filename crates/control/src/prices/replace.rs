//! Replacing all prices.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::PriceId;
use promptgate_store::{Access, Change, UnitOfWork};
use promptgate_usage::{FallbackPrice, PriceRates, PriceTarget, StoredPrice, StoredPrices};
use tracing::instrument;

use super::{NewPrice, PriceError, check_providers};
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Replaces all prices by these. A model that had a price and has one still keeps its row.
#[instrument(name = "control.prices.replace", skip_all)]
pub async fn replace(
    control: &Control,
    actor: Actor,
    fallback: PriceRates,
    models: Vec<NewPrice>,
) -> Result<StoredPrices, PriceError> {
    actor.require(Permission::ManagePrices)?;
    PriceTarget::check_distinct(models.iter().map(|new| &new.target))?;
    let at = control.clock.now();
    let count = models.len().to_string();
    let mut work = control.store.begin(Access::Write).await?;
    check_providers(&mut *work, models.iter().map(|new| &new.target)).await?;
    // One at a time, so that two lists are not mixed.
    work.audit().hold().await?;
    let were = work.prices().list_all().await?;
    let before = work.prices().fallback().await?;
    if before.rates != fallback {
        let after = FallbackPrice { rates: fallback, updated_at: at, version: before.version + 1 };
        if !work.prices().save_fallback(&after).await? {
            return Err(PriceError::Changed);
        }
    }
    put(control, &mut *work, models).await?;
    let all = work.prices().list_all().await?;
    let entry =
        Entry::of_all_prices().detail("models", count).between(&shown::prices(&were), &shown::prices(&all));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Prices, at).await?;
    control.commit(work, revision).await?;
    Ok(all)
}

async fn put(control: &Control, work: &mut dyn UnitOfWork, models: Vec<NewPrice>) -> Result<(), PriceError> {
    let at = control.clock.now();
    let mut old = work.prices().list_all().await?.models;
    for new in models {
        if let Some(position) = old.iter().position(|price| price.target == new.target) {
            let price = old.swap_remove(position);
            if price.rates == new.rates {
                continue;
            }
            let version = price.version + 1;
            let price = StoredPrice { rates: new.rates, updated_at: at, version, ..price };
            if !work.prices().save(&price).await? {
                return Err(PriceError::Changed);
            }
        } else {
            let id = PriceId::mint(&*control.clock, &*control.entropy);
            work.prices().insert(&StoredPrice::create(id, new.target, new.rates, at)).await?;
        }
    }
    for gone in old {
        work.prices().remove(gone.id, at).await?;
    }
    Ok(())
}
