//! Replacing a token's secret.

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{RepositoryError, TokenId};
use promptgate_store::Access;
use promptgate_tokens::{AlreadyRevoked, Overlap, TokenSecret};
use tracing::instrument;

use super::issue::{Escalation, Escape, may_grant, may_reach};
use super::tree::forget_hashes;
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
    /// A token would get the secret of one that can do more.
    #[error(transparent)]
    Escalation(#[from] Escalation),
    /// A minted token would get the secret of one that does not come from it.
    #[error(transparent)]
    Escape(#[from] Escape),
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

/// Gives a token a new secret; the old one works for the time of the overlap, everything else stays. The
/// key of an account is a matter of whoever manages accounts.
#[instrument(name = "control.tokens.rotate", skip_all, fields(token.id = %address.id))]
pub async fn rotate(
    control: &Control,
    actor: Actor,
    address: TokenAddress,
    overlap: Overlap,
) -> Result<Issued, RotateTokenError> {
    let id = address.id;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    let before = address.find_for_change(&mut *work).await?.ok_or(RotateTokenError::NotFound(id))?;
    actor_in(&mut *work, actor, before.project_id)
        .await?
        .require_in(before.project_id, Permission::ManageTokens)?;
    if before.owner.is_some() {
        actor.require(Permission::ManageAccounts)?;
    }
    may_grant(actor, &before.scopes)?;
    may_reach(&mut *work, actor, id).await??;
    let remembered = before.hashes();
    let secret = TokenSecret::generate(before.env, &*control.entropy);
    let token = before.rotate(&secret, overlap, at)?;
    if !work.tokens().save(&token).await? {
        return Err(RotateTokenError::Changed(id));
    }
    let entry = Entry::of_token("token.rotated", &token);
    let entry = match token.previous {
        Some(previous) => entry.detail("oldSecretUntil", previous.until.to_string()),
        None => entry,
    };
    control.audit(&mut *work, actor, entry, at).await?;
    if let Some(revision) = forget_hashes(&mut *work, id, remembered, at).await? {
        control.commit(work, revision).await?;
    }
    Ok(Issued { token, secret })
}
