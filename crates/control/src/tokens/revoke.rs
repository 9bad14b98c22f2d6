//! Ending a token for good.

use promptgate_auth::{Actor, Forbidden, Permission, Who};
use promptgate_kernel::{RepositoryError, TokenId};
use promptgate_store::Access;
use promptgate_tokens::TokenState;
use tracing::instrument;

use super::issue::{Escape, may_reach};
use super::{Lost, TokenAddress, end_all};
use crate::Control;
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
    /// The token that asks would end with it.
    #[error("a token cannot revoke itself, nor one that it comes from")]
    Itself,
    /// A minted token would end one that does not come from it.
    #[error(transparent)]
    Escape(#[from] Escape),
    /// Somebody else changed it at the same time; try again.
    #[error("the token {0} was changed by somebody else")]
    Changed(TokenId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

impl From<Lost> for RevokeTokenError {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Changed(id) => Self::Changed(id),
            Lost::Store(error) => Self::Store(error),
        }
    }
}

/// Revokes a token and everything below it. Revoking a revoked one changes and records nothing.
#[instrument(name = "control.tokens.revoke", skip_all, fields(token.id = %address.id))]
pub async fn revoke(control: &Control, actor: Actor, address: TokenAddress) -> Result<(), RevokeTokenError> {
    let id = address.id;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    let token = address.find_for_change(&mut *work).await?.ok_or(RevokeTokenError::NotFound(id))?;
    actor_in(&mut *work, actor, token.project_id)
        .await?
        .require_in(token.project_id, Permission::ManageTokens)?;
    if matches!(token.state, TokenState::Revoked { .. }) {
        return Ok(());
    }
    let mut tokens = vec![token];
    tokens.extend(work.tokens().list_below(id).await?);
    if let Who::Token { id: own, .. } = actor.who
        && tokens.iter().any(|token| token.id == own)
    {
        return Err(RevokeTokenError::Itself);
    }
    may_reach(&mut *work, actor, id).await??;
    if let Some(revision) = end_all(control.scribe(), &mut *work, actor, tokens, at).await? {
        control.commit(work, revision).await?;
    }
    Ok(())
}
