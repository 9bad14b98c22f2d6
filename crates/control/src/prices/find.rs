//! Looking at prices.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::PriceId;
use promptgate_store::Access;
use promptgate_usage::{StoredPrice, StoredPrices};
use tracing::instrument;

use super::PriceError;
use crate::Control;

/// The price of a model with this id.
#[instrument(name = "control.prices.find", skip_all, fields(price.id = %id))]
pub async fn find(control: &Control, actor: Actor, id: PriceId) -> Result<StoredPrice, PriceError> {
    actor.require(Permission::ManagePrices)?;
    let mut work = control.store.begin(Access::Read).await?;
    work.prices().find(id).await?.ok_or(PriceError::NotFound(id))
}

/// Every price, by provider and by model.
#[instrument(name = "control.prices.all", skip_all)]
pub async fn all(control: &Control, actor: Actor) -> Result<StoredPrices, PriceError> {
    actor.require(Permission::ManagePrices)?;
    let mut work = control.store.begin(Access::Read).await?;
    Ok(work.prices().list_all().await?)
}
