//! Finding an account.

use promptgate_auth::{Account, AccountKind, Actor, Forbidden, Permission};
use promptgate_kernel::{AccountId, RepositoryError};
use promptgate_store::Access;
use tracing::instrument;

use super::{Described, described, of_kind};
use crate::Control;

/// Why an account is not found.
#[derive(Debug, thiserror::Error)]
pub enum FindAccountError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none of this kind, or it was deleted.
    #[error("there is no account {0}")]
    NotFound(AccountId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// The account with this id, if it is of this kind.
#[instrument(name = "control.accounts.find", skip_all, fields(account.id = %id))]
pub async fn find(
    control: &Control,
    actor: Actor,
    kind: AccountKind,
    id: AccountId,
) -> Result<Described, FindAccountError> {
    actor.require(Permission::ManageAccounts)?;
    let mut work = control.store.begin(Access::Read).await?;
    let account = of_kind(&mut *work, kind, id).await?.ok_or(FindAccountError::NotFound(id))?;
    drop(work);
    Ok(described(control, account).await?)
}

/// The person who signs in with this e-mail, in any case.
#[instrument(name = "control.accounts.find_by_email", skip_all)]
pub async fn find_by_email(
    control: &Control,
    actor: Actor,
    email: &str,
) -> Result<Option<Account>, FindAccountError> {
    actor.require(Permission::ManageAccounts)?;
    let mut work = control.store.begin(Access::Read).await?;
    Ok(work.accounts().find_by_email(email.trim()).await?)
}
