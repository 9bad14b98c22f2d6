//! The scheduler against a real store.

use std::sync::Arc;
use std::time::Duration;

use promptgate_jobs::{Scheduler, SchedulerOptions};
use promptgate_kernel::testing::{SeededEntropy, TestClock};
use promptgate_kernel::{CallId, Clock, PageRequest, ProjectId, Revision, Timestamp, TokenId};
use promptgate_store::{Access, Change, Store};
use promptgate_store_sql::{SqlOptions, connect};
use promptgate_usage::{Outcome, UsageEvent, UsageFilter};
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

fn options() -> SchedulerOptions {
    SchedulerOptions {
        usage_interval: Duration::from_millis(5),
        change_interval: Duration::from_millis(5),
        batch_rows: 100,
        pause: Duration::from_millis(1),
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
            let scheduler = Scheduler::new(Arc::clone(store), clock(), options.clone());
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
async fn it_removes_in_batches_and_stops_between_them() {
    let (store, _directory) = store().await;
    record(&*store, 30).await;
    let options = SchedulerOptions { batch_rows: 10, pause: Duration::from_hours(1), ..options() };
    let running = Running::start(&store, &options, 1);
    until_events(&*store, 50).await;
    running.stop().await;
    assert_eq!(events(&*store).await, 50);
}
