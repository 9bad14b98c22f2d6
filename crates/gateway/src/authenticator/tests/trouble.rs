//! A store that is late, away or unreadable, and a clock that is set back.

use async_trait::async_trait;
use promptgate_kernel::RepositoryError;
use promptgate_tokens::TokenLimits;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use tokio::sync::Semaphore;

use super::*;
use crate::testing::FakeTokens;

/// Tokens whose limits and lines can be late, and one of which nobody can read.
struct Troubled {
    tokens: Arc<FakeTokens>,
    unreadable: Mutex<Option<TokenHash>>,
    /// Holds limits back that were read already.
    late: Mutex<Option<Arc<Semaphore>>>,
    hangs: AtomicBool,
    asked: AtomicUsize,
}

impl Troubled {
    async fn wait(&self) {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl TokenSource for Troubled {
    async fn find_by_hash(&self, hash: TokenHash) -> Result<Option<Token>, RepositoryError> {
        if *self.unreadable.lock().unwrap() == Some(hash) {
            let (table, id) = ("tokens", "1".to_owned());
            return Err(RepositoryError::Corrupt { table, id, source: "no such state".into() });
        }
        self.tokens.find_by_hash(hash).await
    }

    async fn line_above(&self, id: TokenId) -> Result<Vec<TokenId>, RepositoryError> {
        self.wait().await;
        self.tokens.line_above(id).await
    }

    async fn limits_of(&self, id: TokenId) -> Result<Option<TokenLimits>, RepositoryError> {
        self.wait().await;
        let found = self.tokens.limits_of(id).await;
        let late = self.late.lock().unwrap().clone();
        if let Some(late) = late {
            let _permit = late.acquire().await.unwrap();
        }
        found
    }

    async fn touch(&self, uses: &[(TokenId, Timestamp)]) -> Result<(), RepositoryError> {
        self.tokens.touch(uses).await
    }
}

struct Scene {
    source: Arc<Troubled>,
    clock: Arc<TestClock>,
    authenticator: Authenticator,
    presented: PresentedToken,
    /// One that the next was minted under, and so on.
    tokens: [Token; 3],
}

fn scene() -> Scene {
    let clock = Arc::new(TestClock::at_millis(1_000_000_000));
    let source = Arc::new(Troubled {
        tokens: Arc::default(),
        unreadable: Mutex::default(),
        late: Mutex::default(),
        hangs: AtomicBool::new(false),
        asked: AtomicUsize::new(0),
    });
    let project = project(ProjectType::AiWrapper);
    let [(_, top), (_, middle), (presented, minted)] = [1, 2, 3].map(|seed| token_for(&project, seed));
    let middle = Token { parent: Some(top.id), depth: 1, ..middle };
    let minted = Token { parent: Some(middle.id), depth: 2, ..minted };
    let tokens = [top, middle, minted];
    for token in &tokens {
        source.tokens.put(token.clone());
    }
    let authenticator = Authenticator::new(source.clone(), clock.clone(), AuthenticatorOptions::default());
    Scene { source, clock, authenticator, presented, tokens }
}

impl Scene {
    /// How many requests a minute the first token may make, as it is known.
    async fn top(&self) -> Result<Option<u32>, AuthUnavailable> {
        let limits = self.authenticator.limits_above(&[self.tokens[0].id]).await?;
        Ok(limits[0].1.requests_per_minute)
    }

    /// Gives the first token another limit.
    fn limit_top(&self, requests: u32) {
        let limits = TokenLimits { rate_limit_per_minute: Some(requests), ..TokenLimits::default() };
        self.source.tokens.put(Token { limits, ..self.tokens[0].clone() });
    }

    fn forget_top(&self) {
        self.authenticator.forget(self.tokens[0].id, self.tokens[0].hash);
    }
}

#[tokio::test]
async fn limits_that_changed_while_they_were_looked_up_are_not_remembered() {
    for forget in [Scene::forget_top, |scene: &Scene| scene.authenticator.forget_all()] {
        let scene = scene();
        scene.limit_top(9);
        let late = Arc::new(Semaphore::new(0));
        *scene.source.late.lock().unwrap() = Some(Arc::clone(&late));
        let mut before = std::pin::pin!(scene.top());
        assert!(matches!(futures_util::poll!(before.as_mut()), Poll::Pending));
        scene.limit_top(3);
        forget(&scene);
        *scene.source.late.lock().unwrap() = None;
        assert_eq!(scene.top().await.unwrap(), Some(3));
        late.add_permits(9);
        assert_eq!(before.await.unwrap(), Some(9), "it was asked before");
        let kept: Vec<_> = scene.authenticator.kept_limits().collect();
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].limits.requests_per_minute, Some(3));
        assert_eq!(scene.top().await.unwrap(), Some(3));
        // What was forgotten while nobody asked anew counts no more either.
        forget(&scene);
        assert_eq!(scene.authenticator.kept_limits().count(), 0);
    }
}

#[tokio::test]
async fn limits_that_were_known_are_off_the_disk_at_once_when_they_are_forgotten() {
    let scene = scene();
    scene.top().await.unwrap();
    scene.forget_top();
    let mut forgotten = std::pin::pin!(scene.authenticator.forgotten());
    assert!(futures_util::poll!(forgotten.as_mut()).is_ready());
    scene.forget_top();
    let mut forgotten = std::pin::pin!(scene.authenticator.forgotten());
    assert!(futures_util::poll!(forgotten.as_mut()).is_pending(), "there was nothing to forget");
}

#[tokio::test]
async fn a_clock_that_was_set_back_stops_no_look_up() {
    let scene = scene();
    let find = async || scene.authenticator.find(scene.presented).await;
    let (unknown, _) = token_for(&project(ProjectType::AiWrapper), 9);
    find().await.unwrap();
    assert!(scene.authenticator.find(unknown).await.unwrap().is_none());
    assert_eq!(scene.top().await.unwrap(), None);
    // What was confirmed in the future is asked for again.
    scene.clock.set_back(Duration::from_hours(1));
    let lookups = scene.source.tokens.lookups();
    find().await.unwrap();
    scene.authenticator.find(unknown).await.unwrap();
    assert_eq!(scene.source.tokens.lookups(), lookups + 2);
    scene.limit_top(3);
    assert_eq!(scene.top().await.unwrap(), Some(3));

    // So is a store that was away in the future, whether something is remembered or not.
    scene.source.tokens.break_down(true);
    scene.clock.advance(Duration::from_mins(2));
    find().await.unwrap();
    assert!(scene.authenticator.find(unknown).await.is_err());
    scene.clock.set_back(Duration::from_hours(1));
    scene.source.tokens.break_down(false);
    scene.source.tokens.put(scene.tokens[2].clone().revoke(scene.clock.now()).unwrap());
    assert!(matches!(find().await.unwrap().unwrap().state, TokenState::Revoked { .. }));
    assert!(scene.authenticator.find(unknown).await.unwrap().is_none());
}

#[tokio::test]
async fn a_token_that_nobody_can_read_stops_no_other() {
    let scene = scene();
    let (unreadable, corrupt) = token_for(&project(ProjectType::AiWrapper), 9);
    *scene.source.unreadable.lock().unwrap() = Some(corrupt.hash);
    for _ in 0..2 {
        assert!(scene.authenticator.find(unreadable).await.is_err());
    }
    assert!(scene.authenticator.find(scene.presented).await.unwrap().is_some());
    // As soon as somebody can, it is there.
    *scene.source.unreadable.lock().unwrap() = None;
    assert!(scene.authenticator.find(unreadable).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_a_token_comes_from_and_may_use_is_waited_for_by_one_call_at_a_time() {
    let scene = scene();
    let [top, middle, minted] = &scene.tokens;
    let limits = async || scene.authenticator.limits_above(&[middle.id, top.id]).await;
    let waited = |started: tokio::time::Instant| started.elapsed() >= Duration::from_secs(5);
    scene.source.hangs.store(true, Ordering::SeqCst);

    let started = tokio::time::Instant::now();
    assert!(scene.authenticator.line_of(minted).await.is_err());
    assert!(waited(started));
    let (started, asked) = (tokio::time::Instant::now(), scene.source.asked());
    for _ in 0..3 {
        assert!(scene.authenticator.line_of(minted).await.is_err());
        assert!(limits().await.is_err());
    }
    assert!(!waited(started));
    assert_eq!(scene.source.asked(), asked);

    scene.clock.advance(PAUSE_AFTER_FAILURE);
    let started = tokio::time::Instant::now();
    assert!(limits().await.is_err());
    assert!(waited(started));
    assert!(limits().await.is_err());

    // One turn is enough for all that one call wants to know.
    scene.source.hangs.store(false, Ordering::SeqCst);
    scene.clock.advance(PAUSE_AFTER_FAILURE);
    assert_eq!(limits().await.unwrap().len(), 2);
    assert_eq!(scene.authenticator.line_of(minted).await.unwrap().len(), 3);
}
