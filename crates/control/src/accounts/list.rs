//! Listing accounts.

use promptgate_auth::{AccountFilter, Actor, Forbidden, Permission};
use promptgate_kernel::{Page, PageRequest, RepositoryError};
use promptgate_store::Access;
use tracing::instrument;

use super::{Described, describe, plans};
use crate::Control;

/// Why accounts are not listed.
#[derive(Debug, thiserror::Error)]
pub enum ListAccountsError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// One page of accounts.
#[instrument(name = "control.accounts.list", skip_all)]
pub async fn list(
    control: &Control,
    actor: Actor,
    filter: &AccountFilter,
    page: PageRequest,
) -> Result<Page<Described>, ListAccountsError> {
    actor.require(Permission::ManageAccounts)?;
    let mut work = control.store.begin(Access::Read).await?;
    let page = work.accounts().list(filter, page).await?;
    let plans = plans(work.plans()).await?;
    drop(work);
    let Page { items, request, total } = page;
    Ok(Page { items: describe(control, &plans, items).await?, request, total })
}
