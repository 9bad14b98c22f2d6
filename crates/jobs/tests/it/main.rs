//! The scheduler against a real store.

mod audit;
mod looks;
mod queue;
mod steady;
mod talk;

use std::sync::Arc;
use std::time::Duration;

use promptgate_auth::{
    Account, NewSession, OidcPerson, Role, Session, SessionSecret, SessionStage, SignInKey,
};
use promptgate_control::keys::Expiry;
use promptgate_control::monitoring::{DueChecks, ServiceChecker};
use promptgate_coordination_local::LocalBus;
use promptgate_jobs::{Scheduler, SchedulerOptions, SignIns};
use promptgate_kernel::testing::{RisingEntropy, SeededEntropy, TestClock};
use promptgate_kernel::{
    AccountId, CallId, Clock, MonitoredServiceId, PageRequest, ProjectId, Revision, Sealed, SessionId,
    Timestamp, TokenId,
};
use promptgate_monitoring::{MonitoredService, NewMonitoredService, Seen};
use promptgate_projects::{NewProject, Project, ProjectEnv, ProjectName, ProjectType};
use promptgate_store::{Access, Change, Store};
use promptgate_store_sql::{SqlOptions, connect};
use promptgate_tokens::{
    NewChild, NewToken, Token, TokenEnv, TokenLimits, TokenName, TokenSecret, TokenState, key_scopes,
};
use promptgate_usage::{CallContent, DeadLetter, DeadLetterFilter, Outcome, UsageEvent, UsageFilter};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const WORKS: &str = "the store does what it is asked";
const PATIENCE: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_hours(24);

/// Fixed; the scheduler's clock shows it.
const NOW: i64 = 1_700_000_000_000;

fn clock() -> Arc<TestClock> {
    Arc::new(TestClock::at_millis(NOW))
}

/// No two schedulers draw the same.
fn entropy() -> Arc<RisingEntropy> {
    Arc::new(RisingEntropy)
}

fn options() -> SchedulerOptions {
    SchedulerOptions {
        usage_interval: Duration::from_millis(5),
        change_interval: Duration::from_millis(5),
        content_interval: Duration::from_millis(5),
        session_interval: Duration::from_millis(5),
        expiry_interval: Duration::from_millis(5),
        batch_rows: 100,
        pause: Duration::from_millis(1),
        poll: Duration::from_millis(5),
        ..SchedulerOptions::default()
    }
}

async fn store() -> (Arc<dyn Store>, TempDir) {
    let directory = tempfile::tempdir().expect(WORKS);
    let url = format!("sqlite:{}", directory.path().join("promptgate.db").display());
    let connected = connect(&url, SqlOptions::default()).await.expect(WORKS);
    connected.migrate().await.expect(WORKS);
    (connected.store(), directory)
}

fn event(at: Timestamp, entropy: &SeededEntropy) -> UsageEvent {
    let clock = TestClock::at_millis(NOW);
    UsageEvent::of_call(
        CallId::mint(&clock, entropy),
        at,
        ProjectId::mint(&clock, entropy),
        TokenId::mint(&clock, entropy),
        "models",
        Outcome::Completed,
        200,
    )
}

/// Records events that were due for removal a day ago, and as many that are due in a day.
async fn record(store: &dyn Store, count: usize) {
    let entropy = SeededEntropy::new(1);
    let retention = SchedulerOptions::default().usage_retention;
    let due = clock().now().minus(retention);
    let mut work = store.begin(Access::Write).await.expect(WORKS);
    for at in [due.minus(DAY), due.plus(DAY)] {
        let events: Vec<_> = (0..count).map(|_| event(at, &entropy)).collect();
        work.usage().record(&events.iter().collect::<Vec<_>>()).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
}

async fn events(store: &dyn Store) -> u64 {
    let mut work = store.begin(Access::Read).await.expect(WORKS);
    work.usage().list(&UsageFilter::default(), PageRequest::clamped(1, 1)).await.expect(WORKS).total
}

async fn until_events(store: &dyn Store, wanted: u64) {
    let poll = async {
        while events(store).await != wanted {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, poll).await.unwrap_or_else(|_| panic!("never {wanted} events"));
}

struct Running(TaskTracker, CancellationToken);

impl Running {
    fn start(store: &Arc<dyn Store>, options: &SchedulerOptions, replicas: usize) -> Self {
        let running = Self(TaskTracker::new(), CancellationToken::new());
        for _ in 0..replicas {
            let scheduler = Scheduler::new(Arc::clone(store), clock(), entropy(), options.clone());
            running.0.spawn(scheduler.run(running.1.clone()));
        }
        running
    }

    async fn stop(self) {
        self.1.cancel();
        self.0.close();
        timeout(PATIENCE, self.0.wait()).await.expect("it stops");
    }
}

#[tokio::test]
async fn usage_past_its_retention_goes_and_the_rest_stays() {
    let (store, _directory) = store().await;
    record(&*store, 1_050).await;
    let running = Running::start(&store, &options(), 2);
    until_events(&*store, 1_050).await;
    running.stop().await;
    assert_eq!(events(&*store).await, 1_050);
}

#[tokio::test]
async fn letters_go_a_month_after_they_were_discarded_and_others_never() {
    let (store, _directory) = store().await;
    let (entropy, now) = (SeededEntropy::new(2), clock().now());
    let month = SchedulerOptions::default().dead_letter_retention;
    let old = now.minus(month * 2);
    let letters: Vec<_> = (0..1_052)
        .map(|_| DeadLetter::now(CallId::mint(&*clock(), &entropy), "{}".to_owned(), "no", 1, old))
        .collect();
    let mut work = store.begin(Access::Write).await.unwrap();
    work.dead_letters().put(&letters).await.unwrap();
    for (place, letter) in letters.iter().enumerate().skip(1) {
        let at = if place == 1 { now.minus(month).plus(DAY) } else { now.minus(month).minus(DAY) };
        assert!(work.dead_letters().discard(letter.id, at).await.unwrap());
    }
    work.commit().await.unwrap();
    let count = async |filter| {
        let mut work = store.begin(Access::Read).await.unwrap();
        work.dead_letters().list(filter, PageRequest::clamped(1, 1)).await.unwrap().total
    };
    let running = Running::start(&store, &options(), 2);
    until(1, async || count(DeadLetterFilter::Discarded).await).await;
    running.stop().await;
    let mut work = store.begin(Access::Read).await.unwrap();
    assert!(work.dead_letters().find(letters[1].id).await.unwrap().is_some());
    drop(work);
    assert_eq!(count(DeadLetterFilter::Waiting).await, 1);
}

#[tokio::test]
async fn old_changes_go_and_the_revision_stays_known() {
    let (store, _directory) = store().await;
    let id = ProjectId::mint(&*clock(), &SeededEntropy::new(1));
    let now = clock().now();
    let mut work = store.begin(Access::Write).await.unwrap();
    for at in [now.minus(DAY * 3), now.minus(DAY * 2), now] {
        work.changes().record(Change::Project(id), at).await.unwrap();
    }
    work.commit().await.unwrap();

    let running = Running::start(&store, &options(), 1);
    let pruned = async {
        loop {
            let mut work = store.begin(Access::Read).await.unwrap();
            if work.changes().since(Revision::default(), 10).await.unwrap().is_none() {
                return;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, pruned).await.expect("old changes are removed");
    running.stop().await;
    let mut work = store.begin(Access::Read).await.unwrap();
    assert_eq!(work.changes().revision().await.unwrap(), Revision::from_number(3));
    let kept = work.changes().since(Revision::from_number(2), 10).await.unwrap().unwrap();
    assert_eq!(kept, [(Revision::from_number(3), Change::Project(id))]);
}

#[tokio::test]
async fn minted_tokens_go_when_what_was_done_with_them_has_gone() {
    let (store, _directory) = store().await;
    let (clock, entropy) = (clock(), SeededEntropy::new(6));
    let due = clock.now().minus(SchedulerOptions::default().usage_retention);
    let project = project(&*clock, &entropy);
    let issued = new_token(&project, None, None);
    let secret = || TokenSecret::generate(TokenEnv::Live, &entropy);
    let id = || TokenId::mint(&*clock, &entropy);
    let issued = Token::issue(id(), issued, &secret(), due.minus(DAY)).expect(WORKS);
    let child = |end| {
        let new = NewChild {
            name: TokenName::parse("child").expect(WORKS),
            scopes: None,
            endpoint_ids: vec![],
            limits: TokenLimits::default(),
            metadata: serde_json::Map::new(),
            expires_at: Some(end),
        };
        issued.mint(id(), new, &secret(), due.minus(DAY * 2)).expect(WORKS)
    };
    let children = [child(due.minus(DAY)), child(due.plus(DAY))];
    let mut work = store.begin(Access::Write).await.expect(WORKS);
    work.projects().insert(&project).await.expect(WORKS);
    for token in std::iter::once(&issued).chain(&children) {
        work.tokens().insert(token).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
    let running = Running::start(&store, &options(), 2);
    until([false, true, true], async || {
        let mut work = store.begin(Access::Read).await.expect(WORKS);
        let mut there = [false; 3];
        for (token, there) in children.iter().chain([&issued]).zip(&mut there) {
            *there = work.tokens().find(token.id).await.expect(WORKS).is_some();
        }
        there
    })
    .await;
    running.stop().await;
}

fn project(clock: &dyn Clock, entropy: &SeededEntropy) -> Project {
    let new = NewProject {
        name: ProjectName::parse("p").expect(WORKS),
        kind: ProjectType::AgentProxy,
        env: ProjectEnv::Prod,
        default_provider: None,
        record_bodies: None,
        limits: promptgate_kernel::LimitSet::default(),
        metadata: serde_json::Map::new(),
        active: true,
    };
    Project::create(ProjectId::mint(clock, entropy), new, clock.now()).expect(WORKS)
}

fn new_token(project: &Project, owner: Option<AccountId>, expires_at: Option<Timestamp>) -> NewToken {
    NewToken {
        project_id: project.id,
        owner,
        name: TokenName::parse("key").expect(WORKS),
        env: TokenEnv::Live,
        scopes: key_scopes(),
        endpoint_ids: vec![],
        limits: TokenLimits::default(),
        metadata: serde_json::Map::new(),
        expires_at,
    }
}

#[tokio::test]
async fn it_removes_in_batches_and_stops_between_them() {
    let (store, _directory) = store().await;
    record(&*store, 30).await;
    let options = SchedulerOptions { batch_rows: 10, pause: Duration::from_hours(1), ..options() };
    let running = Running::start(&store, &options, 1);
    until_events(&*store, 50).await;
    running.stop().await;
    assert_eq!(events(&*store).await, 50);
}

/// Waits until a question about the store is answered as wanted.
async fn until<T: PartialEq + std::fmt::Debug>(wanted: T, ask: impl AsyncFn() -> T) {
    let poll = async {
        while ask().await != wanted {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, poll).await.unwrap_or_else(|_| panic!("never {wanted:?}"));
}

#[tokio::test]
async fn what_was_said_goes_before_its_event() {
    let (store, _directory) = store().await;
    let entropy = SeededEntropy::new(1);
    let due = clock().now().minus(SchedulerOptions::default().content_retention);
    let events = [due.minus(DAY), due.plus(DAY)].map(|at| event(at, &entropy));
    let contents = events.each_ref().map(|event| CallContent {
        prompt: Some("why?".to_owned()),
        ..CallContent::of_call(event.id, event.at, event.project_id)
    });
    let mut work = store.begin(Access::Write).await.unwrap();
    work.usage().record(&events.each_ref()).await.unwrap();
    work.call_contents().record(&contents.each_ref()).await.unwrap();
    work.commit().await.unwrap();

    let running = Running::start(&store, &options(), 2);
    until([false, true], async || {
        let mut work = store.begin(Access::Read).await.unwrap();
        let mut there = [false; 2];
        for (event, there) in events.iter().zip(&mut there) {
            *there = work.call_contents().find(event.id).await.unwrap().is_some();
        }
        there
    })
    .await;
    running.stop().await;
    assert_eq!(self::events(&*store).await, 2);
}

#[tokio::test]
async fn sign_ins_that_are_over_are_forgotten() {
    let connected = connect("sqlite::memory:", SqlOptions::default()).await.expect(WORKS);
    connected.migrate().await.expect(WORKS);
    let (state, clock, entropy) = (connected.sign_in(), clock(), SeededEntropy::new(1));
    let session = |seen: Timestamp| {
        let new = NewSession {
            account: AccountId::mint(&*clock, &entropy),
            lifetime: DAY,
            address: None,
            user_agent: String::new(),
            provider: None,
            stage: SessionStage::Full,
        };
        let hash = SessionSecret::generate(&entropy).hash();
        Session::open(SessionId::mint(&*clock, &entropy), hash, new, seen)
    };
    let idle = Duration::from_hours(2);
    let (dead, live) = (session(clock.now().minus(idle)), session(clock.now().minus(idle / 2)));
    for session in [&dead, &live] {
        state.sessions.insert(session).await.expect(WORKS);
    }
    let (key, long_ago) = (SignInKey::of("test", "x"), clock.now().minus(DAY));
    state.throttle.hit(&key, 1, idle, long_ago).await.expect(WORKS);
    state.one_time.put(&key, &Sealed::from_text("x".into()), idle, long_ago).await.expect(WORKS);

    let scheduler = Scheduler::new(connected.store(), clock.clone(), self::entropy(), options())
        .forgetting(SignIns { state: state.clone(), idle });
    let stop = CancellationToken::new();
    let running = TaskTracker::new();
    running.spawn(scheduler.run(stop.clone()));
    let gone = async {
        while state.sessions.find(dead.hash).await.expect(WORKS).is_some() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, gone).await.expect("it is removed in the end");
    stop.cancel();
    running.close();
    running.wait().await;
    assert!(state.sessions.find(live.hash).await.expect(WORKS).is_some());
    assert_eq!(state.throttle.prune(clock.now(), 9).await.expect(WORKS), 0, "nothing is left to prune");
    assert_eq!(state.one_time.prune(clock.now(), 9).await.expect(WORKS), 0, "nothing is left to prune");
}

/// Counts the looks, and answers after a moment in which others could look too.
#[derive(Default)]
struct Counting(std::sync::Mutex<Vec<String>>);

#[async_trait::async_trait]
impl ServiceChecker for Counting {
    async fn look(&self, url: &str) -> Seen {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(url.to_owned());
        tokio::task::yield_now().await;
        Seen { status_code: Some(503), error: String::new(), latency_ms: 1 }
    }
}

async fn insert_services(store: &dyn Store, clock: &dyn Clock, count: usize) {
    let entropy = SeededEntropy::new(9);
    let mut work = store.begin(Access::Write).await.expect(WORKS);
    for number in 0..count {
        let new = NewMonitoredService {
            name: format!("s{number}"),
            url: format!("http://h/{number}"),
            enabled: true,
            ..NewMonitoredService::default()
        };
        let id = MonitoredServiceId::mint(clock, &entropy);
        let service = MonitoredService::create(id, new, clock.now()).expect(WORKS);
        work.monitored_services().insert(&service).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
}

#[tokio::test]
async fn of_several_schedulers_one_looks_at_a_service() {
    let (store, _directory) = store().await;
    let clock = clock();
    insert_services(&*store, &*clock, 20).await;
    let checker = Arc::new(Counting::default());
    let checks = DueChecks { store: Arc::clone(&store), clock: clock.clone(), checker: checker.clone() };
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    for _ in 0..3 {
        let options = SchedulerOptions { check_interval: Duration::from_millis(5), ..options() };
        let scheduler = Scheduler::new(Arc::clone(&store), clock.clone(), self::entropy(), options);
        tasks.spawn(scheduler.checking(checks.clone()).run(stop.clone()));
    }
    let all_degraded = async {
        loop {
            let mut work = store.begin(Access::Read).await.expect(WORKS);
            if work.monitored_services().degraded().await.expect(WORKS).len() == 20 {
                return;
            }
            drop(work);
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, all_degraded).await.expect("every service is looked at");
    stop.cancel();
    tasks.close();
    timeout(PATIENCE, tasks.wait()).await.expect("it stops");
    let mut looked = checker.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    let looks = looked.len();
    looked.sort();
    looked.dedup();
    assert_eq!((looks, looked.len()), (20, 20), "each once while the clock stands still");
}

#[tokio::test]
async fn what_has_expired_is_ended_once() {
    let (store, _directory) = store().await;
    let (clock, entropy) = (clock(), Arc::new(SeededEntropy::new(5)));
    let now = clock.now();
    let person = |name: &str, end| {
        let identity = OidcPerson {
            issuer: "https://id.example.com".into(),
            subject: name.into(),
            username: name.into(),
            email: String::new(),
            name: name.into(),
        };
        let account =
            Account::person_by_oidc(AccountId::mint(&*clock, &*entropy), identity, Role::Manager, now)
                .expect(WORKS);
        Account { expires_at: Some(end), ..account }
    };
    let (past, later) = (person("past", now), person("later", now.plus(DAY)));
    let project = project(&*clock, &entropy);
    let token = |owner: &Account, end| {
        let new = new_token(&project, Some(owner.id), Some(end));
        let secret = TokenSecret::generate(TokenEnv::Live, &*entropy);
        Token::issue(TokenId::mint(&*clock, &*entropy), new, &secret, now.minus(DAY)).expect(WORKS)
    };
    let tokens = [token(&past, now.plus(DAY)), token(&later, now.plus(DAY)), token(&later, now)];
    let mut work = store.begin(Access::Write).await.expect(WORKS);
    work.projects().insert(&project).await.expect(WORKS);
    for account in [&past, &later] {
        work.accounts().insert(account).await.expect(WORKS);
    }
    for token in &tokens {
        work.tokens().insert(token).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    for _ in 0..2 {
        let often = Duration::from_millis(5);
        let options = SchedulerOptions { token_interval: often, access_interval: often, ..options() };
        let expiry = Expiry {
            store: Arc::clone(&store),
            bus: Arc::new(LocalBus::new()),
            clock: clock.clone(),
            entropy: entropy.clone(),
        };
        let scheduler =
            Scheduler::new(Arc::clone(&store), clock.clone(), self::entropy(), options).ending(expiry);
        tasks.spawn(scheduler.run(stop.clone()));
    }
    let done = async {
        loop {
            let mut work = store.begin(Access::Read).await.expect(WORKS);
            let account = work.accounts().find(past.id).await.expect(WORKS).expect(WORKS);
            let marked = work.tokens().find(tokens[2].id).await.expect(WORKS).expect(WORKS).expired_at;
            if account.role == Role::None && marked == Some(now) {
                return;
            }
            drop(work);
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, done).await.expect("both are done");
    stop.cancel();
    tasks.close();
    timeout(PATIENCE, tasks.wait()).await.expect("it stops");
    let mut work = store.begin(Access::Read).await.expect(WORKS);
    let states: Vec<bool> = {
        let mut states = Vec::new();
        for token in &tokens {
            let token = work.tokens().find(token.id).await.expect(WORKS).expect(WORKS);
            states.push(token.state == TokenState::Revoked { at: now });
        }
        states
    };
    assert_eq!(states, [true, false, false]);
    assert_eq!(work.accounts().find(past.id).await.expect(WORKS).expect(WORKS).expires_at, None);
    assert_eq!(work.accounts().find(later.id).await.expect(WORKS).expect(WORKS).role, Role::Manager);
    let events = work.audit().list_after(0, 100).await.expect(WORKS);
    let actions: Vec<&str> = events.iter().map(|chained| chained.event.action.as_str()).collect();
    assert_eq!(actions, ["user.access_expired", "token.revoked"]);
}
