//! Replacing a token's secret.

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{RepositoryError, TokenId};
use promptgate_store::{Access, Change};
use promptgate_tokens::{AlreadyRevoked, TokenSecret};
use tracing::instrument;

use super::{Issued, TokenAddress};
use crate::Control;
use crate::journal::Entry;
use crate::members::actor_in;

/// Why a token is not rotated.
#[derive(Debug, thiserror::Error)]
pub enum RotateTokenError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none.
    #[error("there is no token {0}")]
    NotFound(TokenId),
    /// It was revoked, which is for good.
    #[error(transparent)]
    Revoked(#[from] AlreadyRevoked),
    /// Somebody else changed it at the same time; look at it again.
    #[error("the token {0} was changed by somebody else")]
    Changed(TokenId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// Gives a token a new secret; the old one opens nothing from then on, everything else stays.
#[instrument(name = "control.tokens.rotate", skip_all, fields(token.id = %address.id))]
pub async fn rotate(
    control: &Control,
    actor: Actor,
    address: TokenAddress,
) -> Result<Issued, RotateTokenError> {
    let id = address.id;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    let before = address.find(&mut *work).await?.ok_or(RotateTokenError::NotFound(id))?;
    actor_in(&mut *work, actor, before.project_id)
        .await?
        .require_in(before.project_id, Permission::ManageTokens)?;
    let old_hash = before.hash;
    let secret = TokenSecret::generate(before.env, &*control.entropy);
    let token = before.rotate(&secret)?;
    if !work.tokens().save(&token).await? {
        return Err(RotateTokenError::Changed(id));
    }
    control.audit(&mut *work, actor, Entry::of_token("token.rotated", &token), at).await?;
    let revision = work.changes().record(Change::Token { id, hash: old_hash }, at).await?;
    control.commit(work, revision).await?;
    Ok(Issued { token, secret })
}
