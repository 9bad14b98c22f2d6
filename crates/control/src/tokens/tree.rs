//! What one change does to several tokens: all below one, or all of an account.
//!
//! Every row is locked and written before the first entry of the audit log: writers queue there, and
//! whoever changes one token holds its row while waiting.

use std::collections::{HashMap, HashSet};

use promptgate_auth::Actor;
use promptgate_kernel::{AccountId, RepositoryError, Revision, Timestamp, TokenId};
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

/// Tokens that were ended, and what is to be written down about it.
#[must_use = "what is done must be recorded"]
pub(crate) struct Ended {
    tokens: Vec<Token>,
    entries: Vec<Entry>,
}

impl Ended {
    /// Writes it down; every process forgets the tokens with the revision.
    pub(crate) async fn record(
        self,
        scribe: Scribe<'_>,
        work: &mut dyn UnitOfWork,
        actor: Actor,
        at: Timestamp,
    ) -> Result<Option<Revision>, RepositoryError> {
        for entry in self.entries {
            scribe.audit(work, actor, entry, at).await?;
        }
        forget(work, &self.tokens, at).await
    }
}

/// Revokes tokens; those that are revoked are left alone. Nothing is recorded yet.
pub(crate) async fn end(work: &mut dyn UnitOfWork, tokens: Vec<Token>, at: Timestamp) -> Result<Ended, Lost> {
    let mut ended = Ended { tokens: Vec::with_capacity(tokens.len()), entries: Vec::new() };
    for token in tokens {
        let before = shown::token(&token);
        let Ok(token) = token.revoke(at) else { continue };
        save(work, &token).await?;
        let entry = Entry::of_token("token.revoked", &token).between(&before, &shown::token(&token));
        ended.entries.push(match token.parent {
            Some(parent) => entry.detail("parentId", parent.to_string()),
            None => entry,
        });
        ended.tokens.push(token);
    }
    Ok(ended)
}

/// Revokes the tokens of an account that still work. Nothing is recorded yet. Their trees are locked
/// first, in the order of their ids, so that nobody changes or mints one meanwhile.
pub(crate) async fn end_all_of(
    work: &mut dyn UnitOfWork,
    owner: AccountId,
    at: Timestamp,
) -> Result<Ended, Lost> {
    let tokens = work.tokens().list_of_owner(owner).await?;
    let own: HashSet<TokenId> = tokens.iter().map(|token| token.id).collect();
    for token in &tokens {
        if token.parent.is_none_or(|parent| !own.contains(&parent)) {
            work.tokens().lock_tree(token.id).await?;
        }
    }
    let tokens = work.tokens().list_of_owner(owner).await?;
    end(work, tokens, at).await
}

/// Revokes tokens and records it.
pub(crate) async fn end_all(
    scribe: Scribe<'_>,
    work: &mut dyn UnitOfWork,
    actor: Actor,
    tokens: Vec<Token>,
    at: Timestamp,
) -> Result<Option<Revision>, Lost> {
    Ok(end(work, tokens, at).await?.record(scribe, work, actor, at).await?)
}

/// Takes from the tokens below a changed one what that does not have any more. `below` is in the
/// order of the tree. Says what every process is to forget. All rows are written before the first entry.
pub(super) async fn narrow(
    scribe: Scribe<'_>,
    work: &mut dyn UnitOfWork,
    actor: Actor,
    (top, below): (&Token, Vec<Token>),
    at: Timestamp,
) -> Result<Vec<Token>, Lost> {
    let mut touched = Vec::with_capacity(below.len());
    let mut entries = Vec::new();
    // Those that go on; whatever is below another one ends.
    let mut known = HashMap::from([(top.id, top.clone())]);
    for token in below {
        let parent = token.parent.and_then(|parent| known.get(&parent));
        let Some(narrowed) = parent.and_then(|parent| token.narrowed_to(parent)) else {
            // Nothing is left that it could open.
            let before = shown::token(&token);
            let Ok(ended) = token.revoke(at) else { continue };
            save(work, &ended).await?;
            entries.push(Entry::of_token("token.revoked", &ended).between(&before, &shown::token(&ended)));
            touched.push(ended);
            continue;
        };
        if narrowed != token {
            save(work, &narrowed).await?;
            entries.push(
                Entry::of_token("token.updated", &narrowed)
                    .between(&shown::token(&token), &shown::token(&narrowed)),
            );
        }
        known.insert(narrowed.id, narrowed.clone());
        touched.push(narrowed);
    }
    for entry in entries {
        scribe.audit(work, actor, entry, at).await?;
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
