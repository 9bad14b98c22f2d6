//! What is written down, and what may be made of it.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use promptgate_kernel::testing::TestClock;
use promptgate_kernel::{Clock, Revision, Secret};
use promptgate_projects::ProjectType;
use promptgate_providers::{CapabilityCell, CapabilityTable, ProviderKind};
use promptgate_store::{Bus, Change};
use promptgate_tokens::{PresentedToken, TokenLimits, TokenState};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::*;
use crate::authenticator::{AuthUnavailable, Authenticator, AuthenticatorOptions};
use crate::snapshot::SnapshotCell;
use crate::sync::Synchroniser;
use crate::testing::{FakeConfig, FakeTokens, SilentBus, credential, keys, project, provider, token_for};

/// Documents in memory.
#[derive(Default)]
struct FakeShelf {
    documents: Mutex<HashMap<&'static str, Vec<u8>>>,
    writes: AtomicUsize,
    full: AtomicBool,
}

impl Shelf for FakeShelf {
    fn put(
        &self,
        name: &'static str,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        if self.full.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let mut text = Vec::new();
        write(&mut text)?;
        self.documents.lock().unwrap().insert(name, text);
        self.writes.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn get(&self, name: &'static str) -> Result<Option<Secret<Vec<u8>>>, ShelfError> {
        Ok(self.documents.lock().unwrap().get(name).cloned().map(Secret::new))
    }
}

fn keepsakes(shelf: &Arc<FakeShelf>) -> Keepsakes {
    Keepsakes::new(Arc::clone(shelf) as Arc<dyn Shelf>, "db.test/promptgate".into())
}

/// A process, with a shelf that outlives it.
struct Bench {
    clock: Arc<TestClock>,
    config: Arc<FakeConfig>,
    tokens: Arc<FakeTokens>,
    bus: Arc<SilentBus>,
    snapshot: Arc<SnapshotCell>,
    authenticator: Arc<Authenticator>,
    kept: Keepsakes,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Bench {
    fn new(shelf: &Arc<FakeShelf>, config: &Arc<FakeConfig>, tokens: &Arc<FakeTokens>, now: i64) -> Self {
        let clock = Arc::new(TestClock::at_millis(now));
        let authenticator = Authenticator::new(
            Arc::clone(tokens) as _,
            Arc::clone(&clock) as Arc<dyn Clock>,
            AuthenticatorOptions::default(),
        );
        Self {
            clock,
            config: Arc::clone(config),
            tokens: Arc::clone(tokens),
            bus: Arc::default(),
            snapshot: Arc::default(),
            authenticator: Arc::new(authenticator),
            kept: keepsakes(shelf),
            shutdown: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    fn synchroniser(&self) -> Synchroniser<Arc<FakeConfig>> {
        Synchroniser {
            store: Arc::clone(&self.config),
            bus: Arc::clone(&self.bus) as Arc<dyn Bus>,
            keys: keys(1),
            capabilities: Arc::new(CapabilityCell::new(CapabilityTable::bundled())),
            snapshot: Arc::clone(&self.snapshot),
            authenticator: Arc::clone(&self.authenticator),
            poll_interval: Duration::from_secs(1),
        }
    }

    fn keep(&self, recalled: Option<Revision>) {
        let keeper = Keeper {
            store: Arc::clone(&self.config),
            snapshot: Arc::clone(&self.snapshot),
            authenticator: Arc::clone(&self.authenticator),
            kept: self.kept.clone(),
            recalled,
        };
        self.tasks.spawn(keeper.run(self.shutdown.clone()));
    }

    async fn start(&self) {
        self.synchroniser().load_initial().await.unwrap();
        self.tasks.spawn(self.synchroniser().run(self.shutdown.clone()));
        self.keep(None);
    }

    /// Those above a token, and how many requests a minute they may make.
    async fn above(&self, presented: PresentedToken) -> Result<Vec<(TokenId, Option<u32>)>, AuthUnavailable> {
        let token = self.authenticator.find(presented).await?.unwrap();
        let line = self.authenticator.line_of(&token).await?;
        let limits = self.authenticator.limits_above(&line[1..]).await?;
        Ok(limits.into_iter().map(|(id, limits)| (id, limits.requests_per_minute)).collect())
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn known(token: KeptToken) -> KeptTokens {
    KeptTokens { tokens: vec![token], ..KeptTokens::default() }
}

/// Waits for something that another task does, in real time: files are written on threads of their own.
async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never: {what}");
}

#[tokio::test]
async fn a_process_starts_without_the_store_from_what_another_kept() {
    let (shelf, config, tokens) =
        (Arc::<FakeShelf>::default(), Arc::<FakeConfig>::default(), Arc::<FakeTokens>::default());
    let project = project(ProjectType::AiWrapper);
    let main = provider("main", ProviderKind::OpenAi);
    config.add_project(project.clone());
    config.add_provider(main.clone(), credential(&main, "sk-kept", &keys(1)));
    let (presented, token) = token_for(&project, 1);
    tokens.put(token);

    let before = Bench::new(&shelf, &config, &tokens, 1_000_000);
    before.start().await;
    before.authenticator.find(presented).await.unwrap();
    until("the configuration is kept", || before.kept.configuration().is_some()).await;
    before.stop().await;

    config.break_down(true);
    tokens.break_down(true);
    let after = Bench::new(&shelf, &config, &tokens, 1_000_000 + 14 * 60_000);
    assert!(after.synchroniser().load_initial().await.is_err());
    assert_eq!(after.synchroniser().recall(&after.kept), Some(Revision::from_number(2)));
    let snapshot = after.snapshot.load();
    assert!(snapshot.project(project.id).is_some());
    // Replicas and restarts keep the credentials of providers.
    let provider = snapshot.provider_named("main").unwrap();
    assert_eq!(provider.credentials[0].secrets[0].value, "Bearer sk-kept");
    let found = after.authenticator.find(presented).await.unwrap().unwrap();
    assert_eq!(found.state, TokenState::Active);
    // What was known is known for no longer than it would have been without the restart.
    after.clock.advance(Duration::from_mins(1));
    assert!(after.authenticator.find(presented).await.is_err());

    config.break_down(false);
    let another = crate::testing::project(ProjectType::McpGateway);
    config.add_project(another.clone());
    after.tasks.spawn(after.synchroniser().run(after.shutdown.clone()));
    until("what changed meanwhile is in force", || after.snapshot.load().project(another.id).is_some()).await;
    after.stop().await;
}

#[tokio::test]
async fn what_was_revoked_before_the_outage_stays_revoked_after_a_restart() {
    let (shelf, config, tokens) =
        (Arc::<FakeShelf>::default(), Arc::<FakeConfig>::default(), Arc::<FakeTokens>::default());
    let project = project(ProjectType::AiWrapper);
    config.add_project(project.clone());
    let (presented, token) = token_for(&project, 1);
    tokens.put(token.clone());
    let before = Bench::new(&shelf, &config, &tokens, 1_000_000);
    before.start().await;
    before.authenticator.find(presented).await.unwrap();
    until("the token is kept", || before.kept.tokens().tokens.len() == 1).await;
    tokens.put(token.clone().revoke(before.clock.now()).unwrap());
    config.change(Change::Token { id: token.id, hash: token.hash });
    before.bus.signal();
    // No shutdown writes anything: the process is killed.
    until("the token is kept no more", || before.kept.tokens().tokens.is_empty()).await;

    tokens.break_down(true);
    let after = Bench::new(&shelf, &config, &tokens, 1_001_000);
    after.authenticator.recall(after.kept.tokens());
    assert!(after.authenticator.find(presented).await.is_err());
    before.stop().await;
}

#[tokio::test]
async fn what_was_revoked_while_the_process_was_down_is_not_recalled() {
    let (shelf, config, tokens) =
        (Arc::<FakeShelf>::default(), Arc::<FakeConfig>::default(), Arc::<FakeTokens>::default());
    let project = project(ProjectType::AiWrapper);
    config.add_project(project.clone());
    let before = Bench::new(&shelf, &config, &tokens, 1_000_000);
    before.start().await;
    let [(presented, token), (other, other_token)] = [1, 2].map(|seed| token_for(&project, seed));
    for (presented, token) in [(presented, &token), (other, &other_token)] {
        tokens.put(token.clone());
        before.authenticator.find(presented).await.unwrap();
    }
    before.stop().await;
    tokens.put(token.clone().revoke(Timestamp::from_micros(1_000_000_000)).unwrap());
    config.change(Change::Token { id: token.id, hash: token.hash });

    let after = Bench::new(&shelf, &config, &tokens, 1_001_000);
    assert_eq!(after.kept.tokens().tokens.len(), 2);
    after.synchroniser().load_initial().await.unwrap();
    after.synchroniser().recall_tokens(&after.kept).await;
    after.keep(None);
    until("the copy is mended", || after.kept.tokens().tokens.len() == 1).await;
    assert_eq!(after.kept.tokens().revision, Revision::from_number(2));
    tokens.break_down(true);
    assert!(after.authenticator.find(presented).await.is_err());
    assert!(after.authenticator.find(other).await.unwrap().is_some(), "nothing happened to this one");

    // Where it is not known any more what changed, none of them is taken.
    config.prune();
    config.change(Change::Token { id: token.id, hash: token.hash });
    let last = Bench::new(&shelf, &config, &tokens, 1_002_000);
    last.synchroniser().load_initial().await.unwrap();
    last.synchroniser().recall_tokens(&last.kept).await;
    assert!(last.authenticator.find(other).await.is_err());
    after.stop().await;
}

#[tokio::test]
async fn what_was_revoked_before_the_copy_of_the_configuration_is_forgotten_when_the_store_is_back() {
    let (shelf, config, tokens) =
        (Arc::<FakeShelf>::default(), Arc::<FakeConfig>::default(), Arc::<FakeTokens>::default());
    let (presented, token) = token_for(&project(ProjectType::AiWrapper), 1);
    tokens.put(token.clone().revoke(Timestamp::from_micros(1_000_000_000)).unwrap());
    config.change(Change::Token { id: token.id, hash: token.hash });
    let bench = Bench::new(&shelf, &config, &tokens, 1_000_000);
    let known = KeptToken { token, confirmed_at: bench.clock.now(), line: vec![] };
    bench.kept.put_tokens(Revision::default(), std::iter::once(known), std::iter::empty()).unwrap();
    let revision = Revision::from_number(1);
    bench.kept.put_configuration(&Configuration { revision, ..Configuration::default() }).unwrap();

    assert_eq!(bench.synchroniser().recall(&bench.kept), Some(revision));
    bench.tasks.spawn(bench.synchroniser().run(bench.shutdown.clone()));
    until("the changes are read", || bench.snapshot.load().revision() == revision).await;
    tokens.break_down(true);
    assert!(bench.authenticator.find(presented).await.is_err());
    bench.stop().await;
}

/// What a minted token comes from, and how much those may use, is asked of the store apart from the token.
#[tokio::test]
async fn a_minted_token_works_after_a_restart_without_the_store_within_the_limits_above_it() {
    let (shelf, config, tokens) =
        (Arc::<FakeShelf>::default(), Arc::<FakeConfig>::default(), Arc::<FakeTokens>::default());
    let project = project(ProjectType::AiWrapper);
    config.add_project(project.clone());
    let [(_, top), (_, middle), (presented, minted)] = [1, 2, 3].map(|seed| token_for(&project, seed));
    let limits = TokenLimits { rate_limit_per_minute: Some(7), ..TokenLimits::default() };
    let top = Token { limits, ..top };
    let middle = Token { parent: Some(top.id), depth: 1, ..middle };
    let minted = Token { parent: Some(middle.id), depth: 2, ..minted };
    for token in [&top, &middle, &minted] {
        tokens.put(token.clone());
    }
    let before = Bench::new(&shelf, &config, &tokens, 1_000_000);
    before.start().await;
    assert_eq!(before.above(presented).await.unwrap(), [(middle.id, None), (top.id, Some(7))]);
    until("the configuration is kept", || before.kept.configuration().is_some()).await;
    before.stop().await;

    tokens.break_down(true);
    let after = Bench::new(&shelf, &config, &tokens, 1_000_000 + 14 * 60_000);
    assert!(after.synchroniser().recall(&after.kept).is_some());
    assert_eq!(after.above(presented).await.unwrap(), [(middle.id, None), (top.id, Some(7))]);
    // No longer than what was minted under them.
    after.clock.advance(Duration::from_secs(59));
    assert!(after.above(presented).await.is_ok());
    after.clock.advance(Duration::from_secs(1));
    assert!(after.above(presented).await.is_err());
    assert!(after.authenticator.limits_above(&[top.id]).await.is_ok());
    after.clock.advance(Duration::from_secs(10));
    assert!(after.authenticator.limits_above(&[top.id]).await.is_err());
    after.stop().await;
}

#[tokio::test]
async fn limits_above_a_token_that_changed_while_the_process_was_down_are_not_recalled() {
    let (shelf, config, tokens) =
        (Arc::<FakeShelf>::default(), Arc::<FakeConfig>::default(), Arc::<FakeTokens>::default());
    let project = project(ProjectType::AiWrapper);
    config.add_project(project.clone());
    let (_, top) = token_for(&project, 1);
    tokens.put(top.clone());
    let before = Bench::new(&shelf, &config, &tokens, 1_000_000);
    before.start().await;
    before.authenticator.limits_above(&[top.id]).await.unwrap();
    before.stop().await;
    let limits = TokenLimits { rate_limit_per_minute: Some(7), ..TokenLimits::default() };
    tokens.put(Token { limits, ..top.clone() });
    config.change(Change::Token { id: top.id, hash: top.hash });

    // It changed before the store went away, and this process did not hear of it.
    let after = Bench::new(&shelf, &config, &tokens, 1_001_000);
    after.synchroniser().load_initial().await.unwrap();
    after.synchroniser().recall_tokens(&after.kept).await;
    tokens.break_down(true);
    assert!(after.authenticator.limits_above(&[top.id]).await.is_err());
    tokens.break_down(false);
    after.clock.advance(Duration::from_secs(1));
    let known = after.authenticator.limits_above(&[top.id]).await.unwrap();
    assert_eq!(known[0].1.requests_per_minute, Some(7));
    after.stop().await;
}

#[tokio::test]
async fn what_is_known_from_the_disk_is_asked_for_where_that_is_possible() {
    let tokens = Arc::<FakeTokens>::default();
    let (presented, token) = token_for(&project(ProjectType::AiWrapper), 1);
    let bench = Bench::new(&Arc::default(), &Arc::default(), &tokens, 1_000_000);
    let kept = KeptToken { token: token.clone(), confirmed_at: bench.clock.now(), line: vec![] };
    bench.authenticator.recall(known(kept));
    tokens.put(token.revoke(bench.clock.now()).unwrap());
    let found = bench.authenticator.find(presented).await.unwrap().unwrap();
    assert!(matches!(found.state, TokenState::Revoked { .. }));
    assert_eq!(bench.tokens.lookups(), 1);
}

#[tokio::test]
async fn nothing_counts_that_is_from_the_future_or_too_old() {
    let bench = Bench::new(&Arc::default(), &Arc::default(), &Arc::default(), 100_000_000);
    bench.tokens.break_down(true);
    let now = bench.clock.now();
    for (seed, confirmed_at) in [
        (1, Timestamp::from_micros(now.as_micros() + 1)),
        (2, Timestamp::from_micros(now.as_micros() - 15 * 60_000_000)),
    ] {
        let (presented, token) = token_for(&project(ProjectType::AiWrapper), seed);
        bench.authenticator.recall(known(KeptToken { token, confirmed_at, line: vec![] }));
        assert!(bench.authenticator.find(presented).await.is_err());
    }
}

#[test]
fn documents_of_others_are_ignored() {
    let shelf = Arc::<FakeShelf>::default();
    let own = keepsakes(&shelf);
    own.put_configuration(&Configuration::default()).unwrap();
    assert!(own.configuration().is_some());
    let other = Keepsakes::new(Arc::clone(&shelf) as Arc<dyn Shelf>, "other.test/promptgate".into());
    assert!(other.configuration().is_none());
    let older = String::from_utf8(shelf.documents.lock().unwrap()[CONFIGURATION].clone()).unwrap();
    let older = older.replace(env!("CARGO_PKG_VERSION"), "0.0.0");
    shelf.documents.lock().unwrap().insert(CONFIGURATION, older.into_bytes());
    assert!(own.configuration().is_none());
    shelf.documents.lock().unwrap().insert(CONFIGURATION, b"{".to_vec());
    assert!(own.configuration().is_none());
    assert!(own.tokens().is_empty());
    assert_eq!(own.proxies(), None);
    own.put_proxies(3).unwrap();
    assert_eq!(own.proxies(), Some(3));
}

#[tokio::test]
async fn only_what_is_new_is_written_and_a_full_disk_stops_nothing() {
    let (shelf, config) = (Arc::<FakeShelf>::default(), Arc::<FakeConfig>::default());
    let bench = Bench::new(&shelf, &config, &Arc::default(), 1_000_000);
    config.add_project(project(ProjectType::AiWrapper));
    shelf.full.store(true, Ordering::SeqCst);
    bench.start().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(bench.kept.configuration().is_none());
    shelf.full.store(false, Ordering::SeqCst);
    until("it is tried again", || bench.kept.configuration().is_some()).await;
    let (_, token) = token_for(&project(ProjectType::AiWrapper), 1);
    let writes = shelf.writes.load(Ordering::SeqCst);
    config.change(Change::Token { id: token.id, hash: token.hash });
    bench.bus.signal();
    until("the change is in force", || bench.snapshot.load().revision() == Revision::from_number(2)).await;
    let kept = bench.kept.configuration().unwrap();
    assert_eq!((kept.revision, kept.projects.len()), (Revision::from_number(1), 1));
    assert!(shelf.writes.load(Ordering::SeqCst) <= writes + 1, "the configuration is as it was");
    bench.stop().await;
}
