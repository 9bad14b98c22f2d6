//! Who is calling: tokens looked up once and remembered for a while.

mod asking;
mod lineage;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use promptgate_kernel::{Clock, LimitSet, Timestamp, TokenId};
use promptgate_tokens::{PresentedToken, Token, TokenHash};
use quick_cache::sync::Cache;
use tokio::sync::Notify;

use crate::config_source::TokenSource;
use crate::kept::{KeptLimits, KeptToken, KeptTokens};
use crate::last_used::LastUsed;
use asking::{About, Asking, NoAnswer, PATIENCE_WITH_REMEMBERED, is_recent, within};
use lineage::Lineage;

const GENERATIONS: usize = 1_024;
const FLIGHTS_BEFORE_SWEEP: usize = 256;

/// What is remembered, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct AuthenticatorOptions {
    /// How many known tokens are remembered.
    pub hits: usize,
    /// How many hashes of unknown tokens are remembered.
    pub misses: usize,
    /// For how long a known token is not looked up again. A change that is announced is noticed at
    /// once; this bounds what a lost announcement could do.
    pub hit_ttl: Duration,
    /// For how long an unknown token is not looked up again.
    pub miss_ttl: Duration,
    /// For how long a token that was known goes on working while the store is away.
    pub offline_ttl: Duration,
    /// How long a look-up may take.
    pub lookup_timeout: Duration,
}

impl Default for AuthenticatorOptions {
    fn default() -> Self {
        Self {
            hits: 100_000,
            misses: 20_000,
            hit_ttl: Duration::from_mins(1),
            miss_ttl: Duration::from_secs(10),
            offline_ttl: Duration::from_mins(15),
            lookup_timeout: Duration::from_secs(5),
        }
    }
}

/// The store could not say whether the token is known.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the store cannot be asked for the token")]
pub struct AuthUnavailable;

#[derive(Clone)]
struct Hit {
    token: Arc<Token>,
    generation: u64,
    /// When the store confirmed it.
    loaded_at: Timestamp,
    /// Whether that was in this process. What another one left on the disk serves only where the store
    /// cannot be asked.
    is_own: bool,
    /// When its use was last noted, in microseconds.
    noted_at: Arc<AtomicI64>,
}

#[derive(Clone, Copy)]
struct Miss {
    generation: u64,
    loaded_at: Timestamp,
}

type Lookup = Shared<BoxFuture<'static, LookupResult>>;
type Flights = HashMap<(TokenHash, u64), WeakShared<BoxFuture<'static, LookupResult>>>;
type LookupResult = Result<Option<Arc<Token>>, NoAnswer>;

/// Looks tokens up and remembers them.
///
/// What is remembered carries the generation of its hash at the time before it was looked up, and
/// counts only while that is the generation still. [`Self::forget`] begins a new generation, so a
/// look-up that was under way meanwhile is never taken for the truth afterwards.
pub struct Authenticator {
    source: Arc<dyn TokenSource>,
    clock: Arc<dyn Clock>,
    options: AuthenticatorOptions,
    hits: Cache<TokenHash, Hit>,
    misses: Cache<TokenHash, Miss>,
    lineage: Lineage,
    generations: Box<[AtomicU64]>,
    flights: Mutex<Flights>,
    asking: Asking,
    last_used: LastUsed,
    /// Grows with everything that is remembered or forgotten.
    news: AtomicU64,
    forgotten: Notify,
}

impl Authenticator {
    /// An authenticator that remembers nothing yet.
    pub fn new(source: Arc<dyn TokenSource>, clock: Arc<dyn Clock>, options: AuthenticatorOptions) -> Self {
        Self {
            last_used: LastUsed::new(Arc::clone(&source)),
            source,
            clock,
            options,
            hits: Cache::new(options.hits),
            misses: Cache::new(options.misses),
            lineage: Lineage::new(&options),
            generations: (0..GENERATIONS).map(|_| AtomicU64::new(0)).collect(),
            flights: Mutex::default(),
            asking: Asking::default(),
            news: AtomicU64::new(0),
            forgotten: Notify::new(),
        }
    }

    /// Takes what was kept on the disk for what is known while the store is away. Never beyond the time since
    /// the store confirmed it.
    pub fn recall(&self, kept: KeptTokens) {
        let now = self.clock.now();
        kept.limits.into_iter().for_each(|kept| self.lineage.recall_limits(kept, now));
        let in_time = |kept: &KeptToken| {
            kept.confirmed_at <= now && now.since(kept.confirmed_at) < self.options.offline_ttl
        };
        for KeptToken { token, confirmed_at, line } in kept.tokens.into_iter().filter(in_time) {
            if !line.is_empty() {
                self.lineage.recall_line(token.id, line);
            }
            let (hash, token) = (token.hash, Arc::new(token));
            let generation = self.generation(hash).load(Ordering::SeqCst);
            let hit =
                Hit { token, generation, loaded_at: confirmed_at, is_own: false, noted_at: Arc::default() };
            self.hits.insert(hash, hit);
        }
    }

    /// What would serve if the store went away now.
    pub(crate) fn kept(&self) -> impl Iterator<Item = KeptToken> + '_ {
        let now = self.clock.now();
        self.hits.iter().filter_map(move |(hash, hit)| {
            let holds = hit.generation == self.generation(hash).load(Ordering::SeqCst);
            (holds && self.still_serves(&hit, now)).then(|| KeptToken {
                line: self.lineage.line(hit.token.id).map(|line| line.to_vec()).unwrap_or_default(),
                token: Token::clone(&hit.token),
                confirmed_at: hit.loaded_at,
            })
        })
    }

    /// How much tokens may use that others were minted under, as it would count then.
    pub(crate) fn kept_limits(&self) -> impl Iterator<Item = KeptLimits> + '_ {
        self.lineage.kept_limits(self.clock.now())
    }

    /// A number that is another one when [`Self::kept`] or [`Self::kept_limits`] may be.
    pub(crate) fn news(&self) -> u64 {
        self.news.load(Ordering::SeqCst)
    }

    /// Waits until something is forgotten.
    pub(crate) async fn forgotten(&self) {
        self.forgotten.notified().await;
    }

    /// The token that was presented, whatever its state; `None` when there is no such token.
    pub async fn find(&self, presented: PresentedToken) -> Result<Option<Arc<Token>>, AuthUnavailable> {
        let hash = presented.hash();
        let now = self.clock.now();
        let generation = self.generation(hash).load(Ordering::SeqCst);
        let remembered = self.hits.get(&hash).filter(|hit| hit.generation == generation);
        if let Some(hit) = &remembered
            && hit.is_own
            && is_recent(now, hit.loaded_at, self.options.hit_ttl)
        {
            metrics::counter!("promptgate_auth_cache_hits_total").increment(1);
            return Ok(Some(Arc::clone(&hit.token)));
        }
        let missing = self.misses.get(&hash).filter(|miss| {
            miss.generation == generation && is_recent(now, miss.loaded_at, self.options.miss_ttl)
        });
        if missing.is_some() {
            metrics::counter!("promptgate_auth_cache_hits_total").increment(1);
            return Ok(None);
        }
        metrics::counter!("promptgate_auth_cache_misses_total").increment(1);
        let serving = remembered.as_ref().filter(|hit| self.still_serves(hit, now));
        let about = if serving.is_some() { About::Remembered } else { About::Unknown };
        if !self.asking.may_ask(about, now) {
            return serving.map(|hit| Some(Arc::clone(&hit.token))).ok_or(AuthUnavailable);
        }
        let looked_up = match about {
            About::Remembered => {
                let answer = tokio::time::timeout(PATIENCE_WITH_REMEMBERED, self.look_up(hash, generation));
                answer.await.unwrap_or(Err(NoAnswer::TookTooLong))
            }
            About::Unknown => self.look_up(hash, generation).await,
        };
        match (looked_up, remembered) {
            (Ok(Some(token)), remembered) => {
                self.asking.answered();
                let noted_at = remembered.map_or_else(Arc::default, |hit| hit.noted_at);
                let hit =
                    Hit { token: Arc::clone(&token), generation, loaded_at: now, is_own: true, noted_at };
                self.hits.insert(hash, hit);
                self.news.fetch_add(1, Ordering::SeqCst);
                Ok(Some(token))
            }
            (Ok(None), remembered) => {
                self.asking.answered();
                self.hits.remove(&hash);
                self.misses.insert(hash, Miss { generation, loaded_at: now });
                if remembered.is_some() {
                    self.news.fetch_add(1, Ordering::SeqCst);
                    self.forgotten.notify_one();
                }
                Ok(None)
            }
            (Err(why), remembered) => {
                self.asking.failed(about, "a token", &why, self.clock.now());
                let serving = remembered.filter(|hit| self.still_serves(hit, now));
                serving.map(|hit| Some(hit.token)).ok_or(AuthUnavailable)
            }
        }
    }

    /// The token itself and those that it comes from, itself first.
    pub(crate) async fn line_of(&self, token: &Token) -> Result<Arc<[TokenId]>, AuthUnavailable> {
        let (line, is_new) = self.lineage.line_of(token, &*self.source, &self.asking, &*self.clock).await?;
        if is_new {
            self.news.fetch_add(1, Ordering::SeqCst);
        }
        Ok(line)
    }

    /// How much the tokens may use that a token was minted under. While the store cannot be asked, what was
    /// last known of them counts.
    pub(crate) async fn limits_above(
        &self,
        above: &[TokenId],
    ) -> Result<Vec<(TokenId, Arc<LimitSet>)>, AuthUnavailable> {
        if above.is_empty() {
            return Ok(Vec::new());
        }
        let asked = self.lineage.limits_of(above, &*self.source, &self.asking, &*self.clock);
        let (limits, are_new) = asked.await?;
        if are_new {
            self.news.fetch_add(1, Ordering::SeqCst);
        }
        Ok(limits)
    }

    /// Whether what is remembered may serve while the store is away.
    fn still_serves(&self, hit: &Hit, now: Timestamp) -> bool {
        now.since(hit.loaded_at) < self.options.offline_ttl
    }

    /// Forgets what is remembered of a token, look-ups of it that are under way included.
    pub fn forget(&self, id: TokenId, hash: TokenHash) {
        self.generation(hash).fetch_add(1, Ordering::SeqCst);
        let had_limits = self.lineage.forget_limits(id);
        let known = self.hits.remove(&hash);
        self.misses.remove(&hash);
        self.news.fetch_add(1, Ordering::SeqCst);
        if known.is_some() || had_limits {
            self.forgotten.notify_one();
        }
    }

    /// Forgets everything, look-ups that are under way included.
    pub fn forget_all(&self) {
        for generation in &self.generations {
            generation.fetch_add(1, Ordering::SeqCst);
        }
        self.hits.clear();
        self.misses.clear();
        self.lineage.forget_all_limits();
        self.news.fetch_add(1, Ordering::SeqCst);
        self.forgotten.notify_one();
    }

    /// Notes that a token opened something just now. Written down later, by
    /// [`Self::write_last_used`].
    pub(crate) fn note_use(&self, token: &Token, now: Timestamp) {
        let Some(hit) = self.hits.get(&token.hash) else { return };
        let before = Timestamp::from_micros(hit.noted_at.load(Ordering::Relaxed));
        if now.since(before) >= LastUsed::RESOLUTION {
            hit.noted_at.store(now.as_micros(), Ordering::Relaxed);
            self.last_used.note(token.id, now);
        }
    }

    /// Writes noted uses down every now and then, and once more at the shutdown.
    pub async fn write_last_used(&self, shutdown: tokio_util::sync::CancellationToken) {
        self.last_used.run(shutdown).await;
    }

    fn generation(&self, hash: TokenHash) -> &AtomicU64 {
        let [first, second, ..] = *hash.as_bytes();
        &self.generations[usize::from(u16::from_be_bytes([first, second])) % GENERATIONS]
    }

    /// Asks the store; those who ask at the same time share one question. A question that was asked
    /// before the hash was forgotten is not shared with those who ask afterwards.
    fn look_up(&self, hash: TokenHash, generation: u64) -> Lookup {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(&(hash, generation)).and_then(WeakShared::upgrade) {
            return flight;
        }
        if flights.len() >= FLIGHTS_BEFORE_SWEEP {
            flights.retain(|_, flight| flight.upgrade().is_some());
        }
        let (source, limit) = (Arc::clone(&self.source), self.options.lookup_timeout);
        let flight =
            async move { within(limit, source.find_by_hash(hash)).await.map(|found| found.map(Arc::new)) };
        let flight = flight.boxed().shared();
        if let Some(weak) = flight.downgrade() {
            flights.insert((hash, generation), weak);
        }
        flight
    }
}
