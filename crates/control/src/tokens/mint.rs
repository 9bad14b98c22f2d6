//! Minting a token below one that asks for it.

use promptgate_auth::Origin;
use promptgate_kernel::{RepositoryError, TokenId};
use promptgate_store::Access;
use promptgate_tokens::{AccessDenied, InvalidToken, MAX_LIVE_IN_TREE, NewChild, TokenSecret};
use tracing::instrument;

use super::Issued;
use crate::Control;
use crate::introspection::Caller;
use crate::journal::Entry;
use crate::shown;

/// Why no token is minted.
#[derive(Debug, thiserror::Error)]
pub enum MintTokenError {
    /// The token that asks stopped working meanwhile.
    #[error(transparent)]
    Refused(#[from] AccessDenied),
    /// Something about the new token is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidToken),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// Mints a token below the one that asks. Holding it is all the right that this takes: the new one can
/// do nothing that the holder could not.
#[instrument(name = "control.tokens.mint", skip_all, fields(token.id = %caller.token.id))]
pub async fn mint(
    control: &Control,
    origin: Origin,
    caller: &Caller,
    new: NewChild,
) -> Result<Issued, MintTokenError> {
    let asking = &caller.token;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    let top = work.tokens().lock_tree(asking.id).await?.ok_or(AccessDenied::Revoked)?;
    // As it is now, under the secret that was presented: what ends with an overlap mints nothing that
    // outlives it.
    let stored = work.tokens().find(asking.id).await?.ok_or(AccessDenied::Revoked)?;
    let parent = if stored.hash == asking.hash {
        stored
    } else {
        stored.under_previous(asking.hash).ok_or(AccessDenied::Revoked)?
    };
    parent.usable(at)?;
    if work.tokens().count_live_below(top, at).await? >= MAX_LIVE_IN_TREE {
        return Err(InvalidToken::TooMany.into());
    }
    let secret = TokenSecret::generate(parent.env, &*control.entropy);
    let id = TokenId::mint(&*control.clock, &*control.entropy);
    let token = parent.mint(id, new, &secret, at)?;
    work.tokens().insert(&token).await?;
    let entry = Entry::of_token("token.created", &token)
        .detail("scopes", token.scopes.to_string())
        .detail("parentId", parent.id.to_string())
        .made(&shown::token(&token));
    control.audit(&mut *work, caller.actor().coming_from(origin), entry, at).await?;
    work.commit().await?;
    Ok(Issued { token, secret })
}
