//! Looking at what prices were, and at what had none.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{Page, PageRequest, Timestamp};
use promptgate_store::Access;
use promptgate_usage::{
    PriceRefresh, PriceVersion, PriceVersionFilter, PriceVersionId, StoredPrices, UnpricedModel,
};
use tracing::instrument;

use super::PriceError;
use crate::Control;

/// How many refreshes are shown.
const REFRESHES: u32 = 100;

/// Every price, what is published too.
#[instrument(name = "control.prices.all_with_lists", skip_all)]
pub async fn all_with_lists(control: &Control, actor: Actor) -> Result<StoredPrices, PriceError> {
    actor.require(Permission::ManagePrices)?;
    let mut work = control.store.begin(Access::Read).await?;
    let stored = work.prices().list_all().await?;
    Ok(StoredPrices { lists: work.prices().list_prices().await?, ..stored })
}

/// One page of what prices were, newest first.
#[instrument(name = "control.prices.versions", skip_all)]
pub async fn versions(
    control: &Control,
    actor: Actor,
    filter: &PriceVersionFilter,
    page: PageRequest,
) -> Result<Page<PriceVersion>, PriceError> {
    actor.require(Permission::ManagePrices)?;
    Ok(control.store.begin(Access::Read).await?.prices().versions(filter, page).await?)
}

/// A price as it was; calls name it.
#[instrument(name = "control.prices.version", skip_all, fields(price.version = %id))]
pub async fn version(
    control: &Control,
    actor: Actor,
    id: PriceVersionId,
) -> Result<PriceVersion, PriceError> {
    actor.require(Permission::ManagePrices)?;
    let found = control.store.begin(Access::Read).await?.prices().find_version(id).await?;
    found.ok_or(PriceError::UnknownVersion(id))
}

/// The models that calls took tokens of without a price of their own, since the day of an instant.
#[instrument(name = "control.prices.unpriced", skip_all)]
pub async fn unpriced(
    control: &Control,
    actor: Actor,
    since: Timestamp,
) -> Result<Vec<UnpricedModel>, PriceError> {
    actor.require(Permission::ManagePrices)?;
    Ok(control.store.begin(Access::Read).await?.prices().unpriced(since).await?)
}

/// What became of the last looks for newer prices, newest first.
#[instrument(name = "control.prices.refreshes", skip_all)]
pub async fn refreshes(control: &Control, actor: Actor) -> Result<Vec<PriceRefresh>, PriceError> {
    actor.require(Permission::ManagePrices)?;
    Ok(control.store.begin(Access::Read).await?.prices().refreshes(REFRESHES).await?)
}
