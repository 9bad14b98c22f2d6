//! Ending a key for good.

use promptgate_auth::{AccountKind, Actor, Forbidden};
use promptgate_kernel::{AccountId, RepositoryError, TokenId};
use promptgate_store::Access;
use promptgate_tokens::TokenState;
use tracing::instrument;

use super::require;
use crate::Control;
use crate::tokens::{Lost, TokenAddress, end_all};

/// Why a key is not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeKeyError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no account of this kind.
    #[error("there is no account {0}")]
    UnknownAccount(AccountId),
    /// The account has no such key.
    #[error("there is no token {0}")]
    NotFound(TokenId),
    /// Somebody else changed it at the same time; try again.
    #[error("the token {0} was changed by somebody else")]
    Changed(TokenId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

impl From<Lost> for RevokeKeyError {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Changed(id) => Self::Changed(id),
            Lost::Store(error) => Self::Store(error),
        }
    }
}

/// Revokes a key of an account, and everything below it. Revoking a revoked one changes and records
/// nothing. The account must be there only where its kind is given.
#[instrument(name = "control.keys.revoke", skip_all, fields(account.id = %owner, token.id = %id))]
pub async fn revoke(
    control: &Control,
    actor: Actor,
    kind: Option<AccountKind>,
    owner: AccountId,
    id: TokenId,
) -> Result<(), RevokeKeyError> {
    require(actor, owner)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    if let Some(kind) = kind {
        let found = work.accounts().find(owner).await?;
        found.filter(|account| account.kind == kind).ok_or(RevokeKeyError::UnknownAccount(owner))?;
    }
    let found = TokenAddress::from(id).find_for_change(&mut *work).await?;
    let key = found.filter(|key| key.owner == Some(owner)).ok_or(RevokeKeyError::NotFound(id))?;
    if matches!(key.state, TokenState::Revoked { .. }) {
        return Ok(());
    }
    let mut tokens = vec![key];
    tokens.extend(work.tokens().list_below(id).await?);
    if let Some(revision) = end_all(control.scribe(), &mut *work, actor, tokens, at).await? {
        control.commit(work, revision).await?;
    }
    Ok(())
}
