//! What minted tokens come from, and how much those may use.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use promptgate_kernel::{Clock, LimitSet, Timestamp, TokenId};
use promptgate_tokens::Token;
use quick_cache::sync::Cache;

use super::{AuthUnavailable, AuthenticatorOptions, PATIENCE_WITH_REMEMBERED};
use crate::config_source::TokenSource;
use crate::kept::KeptLimits;

/// Of how many tokens it is remembered what they come from.
const LINES: usize = 10_000;
/// Of how many tokens that others were minted under it is remembered how much they may use.
const LIMITS: usize = 10_000;
/// For how long that is not looked up again.
const FRESH: Duration = Duration::from_secs(10);

/// Remembers lines of tokens, and the limits of those that others were minted under. A token that is gone
/// limits nothing.
pub(super) struct Lineage {
    /// What minted tokens come from, themselves first. It never changes.
    lines: Cache<TokenId, Arc<[TokenId]>>,
    limits: Cache<TokenId, Known>,
    /// For how long limits count that nobody can confirm.
    offline_ttl: Duration,
    lookup_timeout: Duration,
}

#[derive(Clone)]
struct Known {
    limits: Arc<LimitSet>,
    /// When the store said so.
    confirmed_at: Timestamp,
    /// When it was last asked; never, where that was in a process before this one.
    asked_at: Timestamp,
}

impl Lineage {
    pub(super) fn new(options: &AuthenticatorOptions) -> Self {
        Self {
            lines: Cache::new(LINES),
            limits: Cache::new(LIMITS),
            // A token is confirmed up to so long after those above it.
            offline_ttl: options.offline_ttl + FRESH,
            lookup_timeout: options.lookup_timeout,
        }
    }

    /// What a token comes from, if that had to be looked up.
    pub(super) fn line(&self, id: TokenId) -> Option<Arc<[TokenId]>> {
        self.lines.get(&id)
    }

    /// What a token comes from, as it was kept on the disk.
    pub(super) fn recall_line(&self, id: TokenId, line: Vec<TokenId>) {
        self.lines.insert(id, line.into());
    }

    /// Takes what was kept on the disk for what is known while the store is away.
    pub(super) fn recall_limits(&self, kept: KeptLimits, now: Timestamp) {
        let KeptLimits { id, limits, confirmed_at } = kept;
        let asked_at = Timestamp::from_micros(i64::MIN);
        let known = Known { limits: Arc::new(limits), confirmed_at, asked_at };
        if confirmed_at <= now && self.still_counts(&known, now) {
            self.limits.insert(id, known);
        }
    }

    /// The limits that would count if the store went away now.
    pub(super) fn kept_limits(&self, now: Timestamp) -> impl Iterator<Item = KeptLimits> + '_ {
        self.limits.iter().filter(move |(_, known)| self.still_counts(known, now)).map(|(id, known)| {
            KeptLimits { id, limits: LimitSet::clone(&known.limits), confirmed_at: known.confirmed_at }
        })
    }

    /// Looks the limits of a token up at the next call.
    pub(super) fn forget_limits(&self, id: TokenId) {
        self.limits.remove(&id);
    }

    /// Looks all limits up at the next call.
    pub(super) fn forget_all_limits(&self) {
        self.limits.clear();
    }

    /// The token itself and those that it comes from, itself first; and whether that was not known before.
    pub(super) async fn line_of(
        &self,
        token: &Token,
        source: &dyn TokenSource,
    ) -> Result<(Arc<[TokenId]>, bool), AuthUnavailable> {
        let Some(parent) = token.parent else { return Ok((Arc::new([token.id]), false)) };
        if token.depth <= 1 {
            return Ok((Arc::new([token.id, parent]), false));
        }
        if let Some(line) = self.lines.get(&token.id) {
            return Ok((line, false));
        }
        match tokio::time::timeout(self.lookup_timeout, source.line_above(token.id)).await {
            Ok(Ok(above)) => {
                let line: Arc<[TokenId]> = std::iter::once(token.id).chain(above).collect();
                self.lines.insert(token.id, Arc::clone(&line));
                Ok((line, true))
            }
            Ok(Err(error)) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot look up what a token comes from"
                );
                Err(AuthUnavailable)
            }
            Err(_) => {
                tracing::warn!("looking up what a token comes from took too long");
                Err(AuthUnavailable)
            }
        }
    }

    /// The limits of these tokens; and whether any of them are others than before.
    pub(super) async fn limits_of(
        &self,
        ids: &[TokenId],
        source: &dyn TokenSource,
        clock: &dyn Clock,
    ) -> Result<(Vec<(TokenId, Arc<LimitSet>)>, bool), AuthUnavailable> {
        let one = async |id: TokenId| {
            let (limits, is_new) = self.limits_of_one(id, source, clock.now()).await?;
            Ok(((id, limits), is_new))
        };
        let all = try_join_all(ids.iter().map(|id| one(*id))).await?;
        let are_new = all.iter().any(|(_, is_new)| *is_new);
        Ok((all.into_iter().map(|(limits, _)| limits).collect(), are_new))
    }

    async fn limits_of_one(
        &self,
        id: TokenId,
        source: &dyn TokenSource,
        now: Timestamp,
    ) -> Result<(Arc<LimitSet>, bool), AuthUnavailable> {
        let remembered = self.limits.get(&id).filter(|known| self.still_counts(known, now));
        if let Some(known) = &remembered {
            if now.since(known.asked_at) < FRESH {
                return Ok((Arc::clone(&known.limits), false));
            }
            // One asks; the others go on with what is known and do not wait for a store that is away.
            self.limits.insert(id, Known { asked_at: now, ..known.clone() });
        }
        let patience = if remembered.is_some() { PATIENCE_WITH_REMEMBERED } else { self.lookup_timeout };
        match (tokio::time::timeout(patience, source.limits_of(id)).await, remembered) {
            (Ok(Ok(found)), remembered) => {
                let limits = found.map(|limits| limits.limit_set()).unwrap_or_default();
                let is_new = remembered.is_none_or(|known| *known.limits != limits);
                let limits = Arc::new(limits);
                let known = Known { limits: Arc::clone(&limits), confirmed_at: now, asked_at: now };
                self.limits.insert(id, known);
                Ok((limits, is_new))
            }
            (Ok(Err(_)) | Err(_), Some(known)) => Ok((known.limits, false)),
            (Ok(Err(_)) | Err(_), None) => {
                tracing::warn!("the limits of a token that another was minted under cannot be looked up");
                Err(AuthUnavailable)
            }
        }
    }

    fn still_counts(&self, known: &Known, now: Timestamp) -> bool {
        now.since(known.confirmed_at) < self.offline_ttl
    }
}
