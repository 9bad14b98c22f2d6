//! Listing the keys of an account.

use promptgate_auth::{AccountKind, Actor, Forbidden};
use promptgate_kernel::{AccountId, Page, PageRequest, RepositoryError};
use promptgate_store::Access;
use promptgate_tokens::{KeyFilter, Token};
use tracing::instrument;

use super::require;
use crate::Control;

/// Why keys are not listed.
#[derive(Debug, thiserror::Error)]
pub enum ListKeysError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no account of this kind.
    #[error("there is no account {0}")]
    UnknownAccount(AccountId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// One page of an account's keys. The account must be there only where its kind is given.
#[instrument(name = "control.keys.list", skip_all, fields(account.id = %filter.owner))]
pub async fn list(
    control: &Control,
    actor: Actor,
    kind: Option<AccountKind>,
    filter: &KeyFilter,
    page: PageRequest,
) -> Result<Page<Token>, ListKeysError> {
    require(actor, filter.owner)?;
    let mut work = control.store.begin(Access::Read).await?;
    if let Some(kind) = kind {
        let found = work.accounts().find(filter.owner).await?;
        found.filter(|account| account.kind == kind).ok_or(ListKeysError::UnknownAccount(filter.owner))?;
    }
    Ok(work.tokens().list_keys(filter, page).await?)
}
