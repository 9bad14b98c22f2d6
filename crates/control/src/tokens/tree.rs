//! What one change does to several tokens: all below one, or all of an account.

use std::collections::HashMap;

use promptgate_auth::Actor;
use promptgate_kernel::{RepositoryError, Revision, Timestamp, TokenId};
use promptgate_store::{Change, UnitOfWork};
use promptgate_tokens::{Token, TokenHash};

use crate::context::Scribe;
use crate::journal::Entry;
use crate::shown;

/// Why several tokens are not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lost {
    /// Somebody else changed one at the same time.
    #[error("the token {0} was changed by somebody else")]
    Changed(TokenId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// Revokes tokens; those that are revoked are left alone. Every process forgets them with the revision.
pub(crate) async fn end_all(
    scribe: Scribe<'_>,
    work: &mut dyn UnitOfWork,
    actor: Actor,
    tokens: Vec<Token>,
    at: Timestamp,
) -> Result<Option<Revision>, Lost> {
    let mut ended = Vec::with_capacity(tokens.len());
    for token in tokens {
        let before = shown::token(&token);
        let Ok(token) = token.revoke(at) else { continue };
        save(work, &token).await?;
        let entry = Entry::of_token("token.revoked", &token).between(&before, &shown::token(&token));
        let entry = match token.parent {
            Some(parent) => entry.detail("parentId", parent.to_string()),
            None => entry,
        };
        scribe.audit(work, actor, entry, at).await?;
        ended.push(token);
    }
    Ok(forget(work, &ended, at).await?)
}

/// Takes from the tokens below a changed one what that does not have any more. `below` is in the
/// order of the tree. Says what every process is to forget.
pub(super) async fn narrow(
    scribe: Scribe<'_>,
    work: &mut dyn UnitOfWork,
    actor: Actor,
    (top, below): (&Token, Vec<Token>),
    at: Timestamp,
) -> Result<Vec<Token>, Lost> {
    let mut touched = Vec::with_capacity(below.len());
    let mut known = HashMap::from([(top.id, top.clone())]);
    for token in below {
        let parent = token.parent.and_then(|parent| known.get(&parent));
        let narrowed = match parent.and_then(|parent| token.narrowed_to(parent)) {
            Some(narrowed) if narrowed == token => {
                known.insert(token.id, token.clone());
                touched.push(token);
                continue;
            }
            Some(narrowed) => {
                let entry = Entry::of_token("token.updated", &narrowed)
                    .between(&shown::token(&token), &shown::token(&narrowed));
                scribe.audit(work, actor, entry, at).await?;
                narrowed
            }
            // Nothing is left that it could open.
            None => {
                let before = shown::token(&token);
                let Ok(ended) = token.revoke(at) else { continue };
                let entry = Entry::of_token("token.revoked", &ended).between(&before, &shown::token(&ended));
                scribe.audit(work, actor, entry, at).await?;
                ended
            }
        };
        save(work, &narrowed).await?;
        known.insert(narrowed.id, narrowed.clone());
        touched.push(narrowed);
    }
    Ok(touched)
}

/// Lets every process forget what it remembers of tokens.
pub(super) async fn forget(
    work: &mut dyn UnitOfWork,
    tokens: &[Token],
    at: Timestamp,
) -> Result<Option<Revision>, RepositoryError> {
    let mut revision = None;
    for token in tokens {
        revision = forget_hashes(work, token.id, token.hashes(), at).await?.or(revision);
    }
    Ok(revision)
}

/// Lets every process forget what it remembers of a token under these hashes.
pub(super) async fn forget_hashes(
    work: &mut dyn UnitOfWork,
    id: TokenId,
    hashes: impl Iterator<Item = TokenHash> + Send,
    at: Timestamp,
) -> Result<Option<Revision>, RepositoryError> {
    let mut revision = None;
    for hash in hashes {
        revision = Some(work.changes().record(Change::Token { id, hash }, at).await?);
    }
    Ok(revision)
}

async fn save(work: &mut dyn UnitOfWork, token: &Token) -> Result<(), Lost> {
    if work.tokens().save(token).await? { Ok(()) } else { Err(Lost::Changed(token.id)) }
}
