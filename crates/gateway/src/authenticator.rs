//! Who is calling: tokens looked up once and remembered for a while.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use promptgate_kernel::{Clock, Timestamp, TokenId};
use promptgate_tokens::{PresentedToken, Token, TokenHash};
use quick_cache::sync::Cache;
use tokio::sync::Notify;

use crate::config_source::TokenSource;
use crate::kept::KeptToken;
use crate::last_used::LastUsed;

const GENERATIONS: usize = 1_024;
const FLIGHTS_BEFORE_SWEEP: usize = 256;
/// Of how many minted tokens it is remembered what they come from.
const LINES: usize = 10_000;
/// For how long the store is not asked again for a token that is remembered, after it failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);
/// How long the store may take to confirm a token that is remembered: whoever calls with it waits no longer
/// for a store that is away.
const PATIENCE_WITH_REMEMBERED: Duration = Duration::from_millis(100);

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

type Lookup = Shared<BoxFuture<'static, Result<Option<Arc<Token>>, AuthUnavailable>>>;
type Flights = HashMap<(TokenHash, u64), WeakShared<BoxFuture<'static, LookupResult>>>;
type LookupResult = Result<Option<Arc<Token>>, AuthUnavailable>;

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
    /// What minted tokens come from, themselves first. It never changes.
    lines: Cache<TokenId, Arc<[TokenId]>>,
    generations: Box<[AtomicU64]>,
    flights: Mutex<Flights>,
    /// When the store last failed, in microseconds.
    failed_at: AtomicI64,
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
            lines: Cache::new(LINES),
            generations: (0..GENERATIONS).map(|_| AtomicU64::new(0)).collect(),
            flights: Mutex::default(),
            failed_at: AtomicI64::new(i64::MIN),
            news: AtomicU64::new(0),
            forgotten: Notify::new(),
        }
    }

    /// Takes what was kept on the disk for what is known while the store is away. Never beyond the time since
    /// the store confirmed it.
    pub fn recall(&self, kept: Vec<KeptToken>) {
        let now = self.clock.now();
        let in_time = |kept: &KeptToken| {
            kept.confirmed_at <= now && now.since(kept.confirmed_at) < self.options.offline_ttl
        };
        for KeptToken { token, confirmed_at, line } in kept.into_iter().filter(in_time) {
            if !line.is_empty() {
                self.lines.insert(token.id, line.into());
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
                line: self.lines.get(&hit.token.id).map(|line| line.to_vec()).unwrap_or_default(),
                token: Token::clone(&hit.token),
                confirmed_at: hit.loaded_at,
            })
        })
    }

    /// A number that is another one when [`Self::kept`] may be.
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
            && now.since(hit.loaded_at) < self.options.hit_ttl
        {
            metrics::counter!("promptgate_auth_cache_hits_total").increment(1);
            return Ok(Some(Arc::clone(&hit.token)));
        }
        let missing = self.misses.get(&hash).filter(|miss| {
            miss.generation == generation && now.since(miss.loaded_at) < self.options.miss_ttl
        });
        if missing.is_some() {
            metrics::counter!("promptgate_auth_cache_hits_total").increment(1);
            return Ok(None);
        }
        metrics::counter!("promptgate_auth_cache_misses_total").increment(1);
        let serving = remembered.as_ref().filter(|hit| self.still_serves(hit, now));
        if let Some(hit) = serving.filter(|_| !self.may_ask(now)) {
            return Ok(Some(Arc::clone(&hit.token)));
        }
        let looked_up = match serving {
            Some(_) => tokio::time::timeout(PATIENCE_WITH_REMEMBERED, self.look_up(hash, generation))
                .await
                .unwrap_or(Err(AuthUnavailable)),
            None => self.look_up(hash, generation).await,
        };
        match (looked_up, remembered) {
            (Ok(Some(token)), remembered) => {
                self.failed_at.store(i64::MIN, Ordering::Relaxed);
                let noted_at = remembered.map_or_else(Arc::default, |hit| hit.noted_at);
                let hit =
                    Hit { token: Arc::clone(&token), generation, loaded_at: now, is_own: true, noted_at };
                self.hits.insert(hash, hit);
                self.news.fetch_add(1, Ordering::SeqCst);
                Ok(Some(token))
            }
            (Ok(None), remembered) => {
                self.failed_at.store(i64::MIN, Ordering::Relaxed);
                self.hits.remove(&hash);
                self.misses.insert(hash, Miss { generation, loaded_at: now });
                if remembered.is_some() {
                    self.news.fetch_add(1, Ordering::SeqCst);
                    self.forgotten.notify_one();
                }
                Ok(None)
            }
            (Err(unavailable), remembered) => {
                self.failed_at.store(self.clock.now().as_micros(), Ordering::Relaxed);
                let serving = remembered.filter(|hit| self.still_serves(hit, now));
                serving.map(|hit| Some(hit.token)).ok_or(unavailable)
            }
        }
    }

    /// Whether the store may be asked for a token that is remembered. After it failed, one caller asks it
    /// every so often; the others do not wait for that one.
    fn may_ask(&self, now: Timestamp) -> bool {
        let failed_at = self.failed_at.load(Ordering::Relaxed);
        if failed_at == i64::MIN {
            return true;
        }
        let paused = now.since(Timestamp::from_micros(failed_at)) >= PAUSE_AFTER_FAILURE;
        let (order, now) = (Ordering::Relaxed, now.as_micros());
        paused && self.failed_at.compare_exchange(failed_at, now, order, order).is_ok()
    }

    /// Where tokens are looked up.
    pub(crate) fn source(&self) -> &dyn TokenSource {
        &*self.source
    }

    /// The token itself and those that it comes from, itself first.
    pub(crate) async fn line_of(&self, token: &Token) -> Result<Arc<[TokenId]>, AuthUnavailable> {
        let Some(parent) = token.parent else { return Ok(Arc::new([token.id])) };
        if token.depth <= 1 {
            return Ok(Arc::new([token.id, parent]));
        }
        if let Some(line) = self.lines.get(&token.id) {
            return Ok(line);
        }
        let looking = self.source.line_above(token.id);
        match tokio::time::timeout(self.options.lookup_timeout, looking).await {
            Ok(Ok(above)) => {
                let line: Arc<[TokenId]> = std::iter::once(token.id).chain(above).collect();
                self.lines.insert(token.id, Arc::clone(&line));
                Ok(line)
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

    /// Whether what is remembered may serve while the store is away.
    fn still_serves(&self, hit: &Hit, now: Timestamp) -> bool {
        now.since(hit.loaded_at) < self.options.offline_ttl
    }

    /// Forgets what is remembered under a hash, look-ups that are under way included.
    pub fn forget(&self, hash: TokenHash) {
        self.generation(hash).fetch_add(1, Ordering::SeqCst);
        let known = self.hits.remove(&hash);
        self.misses.remove(&hash);
        self.news.fetch_add(1, Ordering::SeqCst);
        if known.is_some() {
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
        let flight = async move {
            match tokio::time::timeout(limit, source.find_by_hash(hash)).await {
                Ok(Ok(found)) => Ok(found.map(Arc::new)),
                Ok(Err(error)) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "cannot look up a token");
                    Err(AuthUnavailable)
                }
                Err(_) => {
                    tracing::warn!(limit_ms = limit.as_millis(), "looking up a token took too long");
                    Err(AuthUnavailable)
                }
            }
        }
        .boxed()
        .shared();
        if let Some(weak) = flight.downgrade() {
            flights.insert((hash, generation), weak);
        }
        flight
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeTokens, project, token_for};
    use promptgate_kernel::testing::TestClock;
    use promptgate_projects::ProjectType;
    use promptgate_tokens::TokenState;
    use std::task::Poll;

    struct Bench {
        tokens: Arc<FakeTokens>,
        clock: Arc<TestClock>,
        authenticator: Authenticator,
        presented: PresentedToken,
        token: Token,
    }

    fn bench() -> Bench {
        let (tokens, clock) = (Arc::<FakeTokens>::default(), Arc::new(TestClock::at_millis(1_000_000)));
        let authenticator =
            Authenticator::new(tokens.clone(), clock.clone(), AuthenticatorOptions::default());
        let (presented, token) = token_for(&project(ProjectType::AiWrapper), 1);
        tokens.put(token.clone());
        Bench { tokens, clock, authenticator, presented, token }
    }

    impl Bench {
        async fn state(&self) -> Option<TokenState> {
            self.authenticator.find(self.presented).await.unwrap().map(|token| token.state)
        }

        fn revoke(&self) {
            self.tokens.put(self.token.clone().revoke(self.clock.now()).unwrap());
        }
    }

    #[tokio::test]
    async fn hits_and_misses_are_remembered_for_a_while() {
        let bench = bench();
        let (unknown, _) = token_for(&project(ProjectType::AiWrapper), 2);
        for _ in 0..3 {
            assert_eq!(bench.state().await, Some(TokenState::Active));
            assert!(bench.authenticator.find(unknown).await.unwrap().is_none());
        }
        assert_eq!(bench.tokens.lookups(), 2);
        bench.clock.advance(Duration::from_secs(10));
        bench.authenticator.find(unknown).await.unwrap();
        assert_eq!(bench.tokens.lookups(), 3);
        bench.clock.advance(Duration::from_secs(50));
        bench.state().await;
        assert_eq!(bench.tokens.lookups(), 4);
    }

    #[tokio::test]
    async fn a_token_revoked_while_it_is_looked_up_is_not_remembered_as_active() {
        let bench = bench();
        let gate = bench.tokens.pause();
        let mut first = std::pin::pin!(bench.authenticator.find(bench.presented));
        // The store has read the active token and has not answered yet.
        assert!(matches!(futures_util::poll!(first.as_mut()), Poll::Pending));
        bench.revoke();
        bench.authenticator.forget(bench.token.hash);
        gate.open();
        assert_eq!(first.await.unwrap().unwrap().state, TokenState::Active, "it was asked before");
        assert!(matches!(bench.state().await, Some(TokenState::Revoked { .. })));
    }

    #[tokio::test]
    async fn who_asks_after_the_revocation_does_not_share_the_older_question() {
        let bench = bench();
        let gate = bench.tokens.pause();
        let mut before = std::pin::pin!(bench.authenticator.find(bench.presented));
        assert!(matches!(futures_util::poll!(before.as_mut()), Poll::Pending));
        bench.revoke();
        bench.authenticator.forget(bench.token.hash);
        let mut after = std::pin::pin!(bench.authenticator.find(bench.presented));
        assert!(matches!(futures_util::poll!(after.as_mut()), Poll::Pending));
        gate.open();
        assert!(matches!(after.await.unwrap().unwrap().state, TokenState::Revoked { .. }));
        before.await.unwrap();
        assert!(matches!(bench.state().await, Some(TokenState::Revoked { .. })));
    }

    #[tokio::test]
    async fn many_who_ask_at_once_make_one_lookup_and_survive_one_leaving() {
        let bench = bench();
        let gate = bench.tokens.pause();
        let mut leaving = Box::pin(bench.authenticator.find(bench.presented));
        assert!(matches!(futures_util::poll!(leaving.as_mut()), Poll::Pending));
        let others = futures_util::future::join_all((0..50).map(|_| bench.state()));
        let mut others = std::pin::pin!(others);
        assert!(matches!(futures_util::poll!(others.as_mut()), Poll::Pending));
        drop(leaving);
        gate.open();
        assert!(others.await.into_iter().all(|state| state == Some(TokenState::Active)));
        assert_eq!(bench.tokens.lookups(), 1);
    }

    #[tokio::test]
    async fn while_the_store_is_away_known_tokens_work_and_others_are_not_called_wrong() {
        let bench = bench();
        bench.state().await;
        bench.tokens.break_down(true);
        bench.clock.advance(Duration::from_mins(14));
        assert_eq!(bench.state().await, Some(TokenState::Active));
        let (unknown, _) = token_for(&project(ProjectType::AiWrapper), 2);
        assert!(bench.authenticator.find(unknown).await.is_err());
        bench.clock.advance(Duration::from_mins(1));
        assert!(bench.authenticator.find(bench.presented).await.is_err());
    }

    #[tokio::test]
    async fn while_the_store_is_away_known_tokens_do_not_wait_for_it_each_time() {
        let bench = bench();
        bench.state().await;
        bench.tokens.break_down(true);
        bench.clock.advance(Duration::from_mins(2));
        for _ in 0..5 {
            assert_eq!(bench.state().await, Some(TokenState::Active));
        }
        assert_eq!(bench.tokens.lookups(), 2);
        bench.clock.advance(PAUSE_AFTER_FAILURE);
        bench.tokens.break_down(false);
        bench.revoke();
        assert!(matches!(bench.state().await, Some(TokenState::Revoked { .. })));
    }

    #[tokio::test]
    async fn forgetting_all_begins_anew() {
        let bench = bench();
        bench.state().await;
        bench.authenticator.forget_all();
        bench.state().await;
        assert_eq!(bench.tokens.lookups(), 2);
    }
}
