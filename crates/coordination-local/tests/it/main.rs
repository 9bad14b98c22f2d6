//! The contract of a bus, and the spool in front of a real store.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use promptgate_coordination_local::LocalBus;
use promptgate_coordination_local::spool::{Drainer, Spool, SpoolOptions};
use promptgate_gateway::ports::UsageSink;
use promptgate_kernel::testing::{SeededEntropy, TestClock};
use promptgate_kernel::{CallId, Clock, Money, PageRequest, ProjectId, Revision, Timestamp, TokenId};
use promptgate_store::{Access, Bus, Store, bus_contract_tests};
use promptgate_store_sql::{SqlOptions, connect};
use promptgate_usage::{CallContent, FinishedCall, Outcome, TokenCounts, UsageEvent, UsageFilter};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const WORKS: &str = "the store does what it is asked";
const PATIENCE: Duration = Duration::from_mins(1);

/// Both ends are in this process.
struct Ends(LocalBus);

impl Ends {
    fn here(&self) -> &dyn Bus {
        &self.0
    }

    fn there(&self) -> &dyn Bus {
        &self.0
    }
}

async fn local() -> Ends {
    Ends(LocalBus::new())
}

bus_contract_tests!(local);

fn event(entropy: &SeededEntropy) -> UsageEvent {
    let clock = TestClock::at_millis(1_700_000_000_000);
    UsageEvent {
        requested_model: Some("echo:echo".to_owned()),
        provider: Some("echo".to_owned()),
        model: Some("echo".to_owned()),
        tokens: TokenCounts { input: 3, output: 4, ..TokenCounts::default() },
        cost: Money::from_nanos(1),
        price_version: "2026-11-01".to_owned(),
        price_basis: "exact".to_owned(),
        latency_us: 1,
        time_to_first_byte_us: Some(1),
        attempts: 1,
        client_ip: Some("127.0.0.1".to_owned()),
        revision: Revision::from_number(1),
        trace: vec!["address: the bare model is listed by `echo`".to_owned()],
        ..UsageEvent::of_call(
            CallId::mint(&clock, entropy),
            Timestamp::from_micros(1_700_000_000_000_000),
            ProjectId::mint(&clock, entropy),
            TokenId::mint(&clock, entropy),
            "chat_completions",
            Outcome::Completed,
            200,
        )
    }
}

async fn store_in(directory: &Path) -> Arc<dyn Store> {
    let url = format!("sqlite:{}", directory.join("promptgate.db").display());
    let connected = connect(&url, SqlOptions::default()).await.expect(WORKS);
    connected.migrate().await.expect(WORKS);
    connected.store()
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(TestClock::at_millis(1_800_000_000_000))
}

async fn stored(store: &dyn Store) -> u64 {
    let mut work = store.begin(Access::Read).await.expect(WORKS);
    work.usage().list(&UsageFilter::default(), PageRequest::clamped(1, 1)).await.expect(WORKS).total
}

/// A call of which nothing is kept but its event.
fn silent(event: UsageEvent) -> Arc<FinishedCall> {
    Arc::new(FinishedCall { event, content: None })
}

async fn until_stored(store: &dyn Store, wanted: u64) {
    let poll = async {
        while stored(store).await != wanted {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, poll).await.unwrap_or_else(|_| panic!("never {wanted} events"));
}

#[tokio::test]
async fn every_event_arrives_once() {
    let directory = tempfile::tempdir().unwrap();
    let store = store_in(directory.path()).await;
    let spool = Arc::new(Spool::open(&directory.path().join("spool"), SpoolOptions::default()).unwrap());
    let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
    tasks.spawn(Drainer::new(Arc::clone(&spool), Arc::clone(&store), clock()).run(shutdown.clone()));

    let begun = Instant::now();
    let entropy = SeededEntropy::new(1);
    let calls: Vec<_> = (0..5_000).map(|_| silent(event(&entropy))).collect();
    for call in calls.iter().chain(&calls[..500]) {
        spool.append(call).unwrap();
    }
    until_stored(&*store, 5_000).await;
    println!("{} events stored in {:?}", calls.len(), begun.elapsed());

    shutdown.cancel();
    tasks.close();
    timeout(PATIENCE, tasks.wait()).await.unwrap();
    assert_eq!(spool.pending_bytes(), 0);
}

#[tokio::test]
async fn what_was_said_is_stored_with_its_event() {
    let directory = tempfile::tempdir().unwrap();
    let store = store_in(directory.path()).await;
    let spool = Arc::new(Spool::open(&directory.path().join("spool"), SpoolOptions::default()).unwrap());
    let event = event(&SeededEntropy::new(3));
    let content = CallContent {
        prompt: Some("why?".to_owned()),
        ..CallContent::of_call(event.id, event.at, event.project_id)
    };
    let call = Arc::new(FinishedCall { event, content: Some(content) });
    for _ in 0..2 {
        spool.append(&call).unwrap();
    }
    let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
    tasks.spawn(Drainer::new(Arc::clone(&spool), Arc::clone(&store), clock()).run(shutdown.clone()));
    until_stored(&*store, 1).await;
    shutdown.cancel();
    tasks.close();
    timeout(PATIENCE, tasks.wait()).await.unwrap();
    let mut work = store.begin(Access::Read).await.expect(WORKS);
    assert_eq!(work.call_contents().find(call.event.id).await.expect(WORKS), call.content);
}

#[tokio::test]
async fn the_next_process_stores_what_the_last_one_left() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("spool");
    let entropy = SeededEntropy::new(2);
    let left = Spool::open(&root, SpoolOptions::default()).unwrap();
    (0..700).for_each(|_| left.append(&silent(event(&entropy))).unwrap());
    drop(left);

    let store = store_in(directory.path()).await;
    let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
    let options = SpoolOptions::default();
    tasks.spawn(Drainer::orphans(&root, options, Arc::clone(&store), clock()).run(shutdown.clone()));
    until_stored(&*store, 700).await;
    shutdown.cancel();
    tasks.close();
    timeout(PATIENCE, tasks.wait()).await.unwrap();
    assert_eq!(std::fs::read_dir(&root).unwrap().count(), 0);
}
