//! Ending a token for good.

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{RepositoryError, TokenId};
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::TokenAddress;
use crate::Control;
use crate::journal::Entry;
use crate::members::actor_in;

/// Why a token is not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeTokenError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none.
    #[error("there is no token {0}")]
    NotFound(TokenId),
    /// Somebody else changed it at the same time; try again.
    #[error("the token {0} was changed by somebody else")]
    Changed(TokenId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// Revokes a token. Revoking a revoked one changes and records nothing.
#[instrument(name = "control.tokens.revoke", skip_all, fields(token.id = %address.id))]
pub async fn revoke(control: &Control, actor: Actor, address: TokenAddress) -> Result<(), RevokeTokenError> {
    let id = address.id;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    let token = address.find(&mut *work).await?.ok_or(RevokeTokenError::NotFound(id))?;
    actor_in(&mut *work, actor, token.project_id)
        .await?
        .require_in(token.project_id, Permission::ManageTokens)?;
    let Ok(token) = token.revoke(at) else { return Ok(()) };
    if !work.tokens().save(&token).await? {
        return Err(RevokeTokenError::Changed(id));
    }
    control.audit(&mut *work, actor, Entry::of_token("token.revoked", &token), at).await?;
    let revision = work.changes().record(Change::Token { id, hash: token.hash }, at).await?;
    control.commit(work, revision).await?;
    Ok(())
}
