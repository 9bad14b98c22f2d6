//! Removing the price of a model.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::PriceId;
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::PriceError;
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Removes the price of a model, which then costs what the program knows, or else the fallback.
#[instrument(name = "control.prices.delete", skip_all, fields(price.id = %id))]
pub async fn delete(control: &Control, actor: Actor, id: PriceId) -> Result<(), PriceError> {
    actor.require(Permission::ManagePrices)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    // One at a time, as with every change of prices: a whole list of them holds the log first.
    work.audit().hold().await?;
    let price = work.prices().find(id).await?.ok_or(PriceError::NotFound(id))?;
    if !work.prices().remove(id, at).await? {
        return Err(PriceError::NotFound(id));
    }
    let entry = Entry::of_price("price.deleted", id).gone(&shown::price(&price));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Prices, at).await?;
    control.commit(work, revision).await?;
    Ok(())
}
