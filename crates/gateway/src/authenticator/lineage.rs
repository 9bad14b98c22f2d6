//! What minted tokens come from, and how much those may use.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::try_join_all;
use promptgate_kernel::{Clock, LimitSet, Timestamp, TokenId};
use promptgate_tokens::Token;
use quick_cache::sync::Cache;

use super::asking::{About, Asking, PATIENCE_WITH_REMEMBERED, is_recent, within};
use super::{AuthUnavailable, AuthenticatorOptions, GENERATIONS};
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
///
/// What is remembered of limits carries the generation of its token at the time before it was asked for, and
/// counts only while that is the generation still: what is forgotten stays forgotten, though a question about it
/// is under way.
pub(super) struct Lineage {
    /// What minted tokens come from, themselves first. It never changes.
    lines: Cache<TokenId, Arc<[TokenId]>>,
    limits: Cache<TokenId, Known>,
    generations: Box<[AtomicU64]>,
    /// For how long limits count that nobody can confirm.
    offline_ttl: Duration,
    lookup_timeout: Duration,
}

#[derive(Clone)]
struct Known {
    limits: Arc<LimitSet>,
    generation: u64,
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
            generations: (0..GENERATIONS).map(|_| AtomicU64::new(0)).collect(),
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
        let generation = self.generation(id).load(Ordering::SeqCst);
        let known = Known { limits: Arc::new(limits), generation, confirmed_at, asked_at };
        if confirmed_at <= now && self.still_counts(id, &known, now) {
            self.limits.insert(id, known);
        }
    }

    /// The limits that would count if the store went away now.
    pub(super) fn kept_limits(&self, now: Timestamp) -> impl Iterator<Item = KeptLimits> + '_ {
        let limits = self.limits.iter().filter(move |(id, known)| self.still_counts(*id, known, now));
        limits.map(|(id, known)| KeptLimits {
            id,
            limits: LimitSet::clone(&known.limits),
            confirmed_at: known.confirmed_at,
        })
    }

    /// Looks the limits of a token up at the next call. Whether they were known.
    pub(super) fn forget_limits(&self, id: TokenId) -> bool {
        self.generation(id).fetch_add(1, Ordering::SeqCst);
        self.limits.remove(&id).is_some()
    }

    /// Looks all limits up at the next call.
    pub(super) fn forget_all_limits(&self) {
        for generation in &self.generations {
            generation.fetch_add(1, Ordering::SeqCst);
        }
        self.limits.clear();
    }

    /// The token itself and those that it comes from, itself first; and whether that was not known before.
    pub(super) async fn line_of(
        &self,
        token: &Token,
        source: &dyn TokenSource,
        asking: &Asking,
        clock: &dyn Clock,
    ) -> Result<(Arc<[TokenId]>, bool), AuthUnavailable> {
        let Some(parent) = token.parent else { return Ok((Arc::new([token.id]), false)) };
        if token.depth <= 1 {
            return Ok((Arc::new([token.id, parent]), false));
        }
        if let Some(line) = self.lines.get(&token.id) {
            return Ok((line, false));
        }
        if !asking.may_ask(About::Unknown, clock.now()) {
            return Err(AuthUnavailable);
        }
        match within(self.lookup_timeout, source.line_above(token.id)).await {
            Ok(above) => {
                asking.answered();
                let line: Arc<[TokenId]> = std::iter::once(token.id).chain(above).collect();
                self.lines.insert(token.id, Arc::clone(&line));
                Ok((line, true))
            }
            Err(why) => {
                asking.failed(About::Unknown, "what a token comes from", &why, clock.now());
                Err(AuthUnavailable)
            }
        }
    }

    /// The limits of these tokens; and whether any of them are others than before.
    pub(super) async fn limits_of(
        &self,
        ids: &[TokenId],
        source: &dyn TokenSource,
        asking: &Asking,
        clock: &dyn Clock,
    ) -> Result<(Vec<(TokenId, Arc<LimitSet>)>, bool), AuthUnavailable> {
        let now = clock.now();
        let questions: Vec<_> = ids.iter().map(|id| self.question(*id, now)).collect();
        // They are asked for together, so that it is one turn for all of them.
        if questions.iter().any(|question| question.remembered.is_none())
            && !asking.may_ask(About::Unknown, now)
        {
            return Err(AuthUnavailable);
        }
        let one = async |question: Question| {
            let id = question.id;
            let (limits, is_new) = self.answer(question, source, asking, clock).await?;
            Ok(((id, limits), is_new))
        };
        let all = try_join_all(questions.into_iter().map(one)).await?;
        let are_new = all.iter().any(|(_, is_new)| *is_new);
        Ok((all.into_iter().map(|(limits, _)| limits).collect(), are_new))
    }

    fn question(&self, id: TokenId, now: Timestamp) -> Question {
        let generation = self.generation(id).load(Ordering::SeqCst);
        let remembered = self.limits.get(&id).filter(|known| self.still_counts(id, known, now));
        Question { id, generation, remembered, asked_at: now }
    }

    async fn answer(
        &self,
        question: Question,
        source: &dyn TokenSource,
        asking: &Asking,
        clock: &dyn Clock,
    ) -> Result<(Arc<LimitSet>, bool), AuthUnavailable> {
        let Question { id, generation, remembered, asked_at } = question;
        if let Some(known) = &remembered {
            if is_recent(asked_at, known.asked_at, FRESH) {
                return Ok((Arc::clone(&known.limits), false));
            }
            // One asks; the others go on with what is known and do not wait for a store that is away.
            self.limits.insert(id, Known { asked_at, ..known.clone() });
        }
        let patience = if remembered.is_some() { PATIENCE_WITH_REMEMBERED } else { self.lookup_timeout };
        match (within(patience, source.limits_of(id)).await, remembered) {
            (Ok(found), remembered) => {
                asking.answered();
                let limits = found.map(|limits| limits.limit_set()).unwrap_or_default();
                let is_new = remembered.is_none_or(|known| *known.limits != limits);
                let limits = Arc::new(limits);
                // Whoever asked after it was forgotten may know something newer by now.
                if self.generation(id).load(Ordering::SeqCst) == generation {
                    let limits = Arc::clone(&limits);
                    self.limits.insert(id, Known { limits, generation, confirmed_at: asked_at, asked_at });
                }
                Ok((limits, is_new))
            }
            (Err(_), Some(known)) => Ok((known.limits, false)),
            (Err(why), None) => {
                let what = "the limits of a token that another was minted under";
                asking.failed(About::Unknown, what, &why, clock.now());
                Err(AuthUnavailable)
            }
        }
    }

    fn still_counts(&self, id: TokenId, known: &Known, now: Timestamp) -> bool {
        known.generation == self.generation(id).load(Ordering::SeqCst)
            && now.since(known.confirmed_at) < self.offline_ttl
    }

    fn generation(&self, id: TokenId) -> &AtomicU64 {
        // The first bytes of an id are the time.
        let [.., first, second] = *id.as_uuid().as_bytes();
        &self.generations[usize::from(u16::from_be_bytes([first, second])) % GENERATIONS]
    }
}

/// How much a token may use, as somebody wants to know it.
struct Question {
    id: TokenId,
    generation: u64,
    remembered: Option<Known>,
    asked_at: Timestamp,
}
