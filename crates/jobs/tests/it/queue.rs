//! Any number of schedulers over one store: each tick once, and what goes wrong is tried again.

use std::future::pending;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use promptgate_jobs::{Chore, ChoreError, Done, Job, Retry, Scheduler, SchedulerOptions};
use promptgate_kernel::testing::TestClock;
use promptgate_kernel::{Clock, JobRunId, PageRequest, Timestamp};
use promptgate_schedule::{JobState, Origin, Run, RunFilter, RunState};
use promptgate_store::{Access, Store};
use promptgate_store_sql::{SqlOptions, connect};
use promptgate_testkit::postgres::database;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::{PATIENCE, WORKS, clock, entropy, options, store, until};

pub(crate) const HOUR: Duration = Duration::from_hours(1);
pub(crate) const JOB: &str = "probe";

/// Schedulers with a job of their own, over stores that may be one.
pub(crate) struct Replicas {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Replicas {
    pub(crate) fn start(stores: &[Arc<dyn Store>], clock: &Arc<TestClock>, job: &Job) -> Self {
        Self::with_jobs(stores, clock, std::slice::from_ref(job), HOUR * 10_000)
    }

    /// Forgets jobs in another rhythm.
    pub(crate) fn with_jobs(
        stores: &[Arc<dyn Store>],
        clock: &Arc<TestClock>,
        jobs: &[Job],
        history_interval: Duration,
    ) -> Self {
        // Nothing but the jobs under test is due again.
        let options = SchedulerOptions {
            usage_interval: HOUR * 10_000,
            change_interval: HOUR * 10_000,
            content_interval: HOUR * 10_000,
            session_interval: HOUR * 10_000,
            dead_letter_interval: HOUR * 10_000,
            expiry_interval: HOUR * 10_000,
            history_interval,
            grace: Duration::from_millis(50),
            ..options()
        };
        let replicas = Self { stop: CancellationToken::new(), tasks: TaskTracker::new() };
        for store in stores {
            let scheduler = Scheduler::new(Arc::clone(store), clock.clone(), entropy(), options.clone());
            let scheduler = jobs.iter().cloned().fold(scheduler, Scheduler::with);
            replicas.tasks.spawn(scheduler.run(replicas.stop.clone()));
        }
        replicas
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.tasks.close();
        timeout(PATIENCE, self.tasks.wait()).await.expect("they stop");
    }
}

/// Counts how often it is carried out.
pub(crate) fn counting() -> (Arc<AtomicU64>, Job) {
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    let chore = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Ok(3) }
    };
    (count, Job::every(JOB, HOUR, chore))
}

pub(crate) async fn runs(store: &dyn Store, state: Option<RunState>) -> Vec<Run> {
    let filter = RunFilter { job: Some(JOB.to_owned()), state };
    let mut work = store.begin(Access::Read).await.expect(WORKS);
    work.jobs().runs(&filter, PageRequest::clamped(1, 100)).await.expect(WORKS).items
}

pub(crate) async fn state(store: &dyn Store) -> Option<JobState> {
    let mut work = store.begin(Access::Read).await.expect(WORKS);
    work.jobs().list().await.expect(WORKS).into_iter().find(|job| job.name == JOB)
}

async fn each_tick_is_carried_out_once(stores: &[Arc<dyn Store>]) {
    let (clock, (count, job)) = (clock(), counting());
    let replicas = Replicas::start(stores, &clock, &job);
    for tick in 1..=12 {
        until(tick, async || {
            u64::try_from(runs(&*stores[0], Some(RunState::Finished)).await.len()).unwrap_or(0)
        })
        .await;
        clock.advance(HOUR);
    }
    replicas.end().await;
    let finished = runs(&*stores[0], Some(RunState::Finished)).await;
    let carried_out = usize::try_from(count.load(Ordering::SeqCst)).expect(WORKS);
    assert!(finished.iter().all(|run| (run.attempts, run.amount, run.origin) == (1, 3, Origin::Schedule)));
    let all = runs(&*stores[0], None).await;
    assert_eq!(carried_out, finished.len(), "nothing twice: {all:?}");
    // The last advance may or may not have been seen before the end.
    assert!((12..=13).contains(&all.len()), "{all:?}");
}

#[tokio::test]
async fn two_schedulers_on_one_sqlite_file_carry_out_each_tick_once() {
    let directory = tempfile::tempdir().expect(WORKS);
    let url = format!("sqlite:{}", directory.path().join("promptgate.db").display());
    let mut stores = Vec::new();
    for _ in 0..2 {
        let connected = connect(&url, SqlOptions::default()).await.expect(WORKS);
        connected.migrate().await.expect(WORKS);
        stores.push(connected.store());
    }
    each_tick_is_carried_out_once(&stores).await;
}

#[tokio::test]
async fn three_schedulers_on_one_postgresql_carry_out_each_tick_once() {
    let database = database().await.expect(WORKS);
    let options = SqlOptions { max_open: 6, max_idle: 0, ..SqlOptions::default() };
    let mut stores = Vec::new();
    for _ in 0..3 {
        let connected = connect(database.url(), options).await.expect(WORKS);
        connected.migrate().await.expect(WORKS);
        stores.push(connected.store());
    }
    each_tick_is_carried_out_once(&stores).await;
}

#[tokio::test]
async fn a_paused_job_is_left_out_by_all_schedulers_until_it_is_resumed() {
    let (store, _directory) = store().await;
    let (clock, (count, job)) = (clock(), counting());
    let replicas = Replicas::start(&[Arc::clone(&store), Arc::clone(&store)], &clock, &job);
    let ended = async |state| runs(&*store, Some(state)).await.len();
    let pause = async |at| {
        let mut work = store.begin(Access::Write).await.expect(WORKS);
        assert!(work.jobs().set_paused(JOB, at).await.expect(WORKS));
        work.commit().await.expect(WORKS);
    };
    until(1, async || ended(RunState::Finished).await).await;
    pause(Some(clock.now())).await;
    for skipped in 1..=3 {
        clock.advance(HOUR);
        until(skipped, async || ended(RunState::Skipped).await).await;
    }
    assert_eq!((count.load(Ordering::SeqCst), ended(RunState::Finished).await), (1, 1));
    // One that somebody asks for is carried out all the same.
    let id = JobRunId::mint(&*clock, &*entropy());
    let mut work = store.begin(Access::Write).await.expect(WORKS);
    assert!(
        work.jobs().insert(&Run::new(id, JOB, Origin::Request, clock.now(), clock.now())).await.expect(WORKS)
    );
    work.commit().await.expect(WORKS);
    until(2, async || ended(RunState::Finished).await).await;
    pause(None).await;
    clock.advance(HOUR);
    until(3, async || ended(RunState::Finished).await).await;
    replicas.end().await;
    assert_eq!((count.load(Ordering::SeqCst), ended(RunState::Skipped).await), (3, 3));
}

/// Goes wrong in the way that its turn says; after the last one it is fine.
struct Failing {
    turns: Mutex<Vec<&'static str>>,
}

#[async_trait]
impl Chore for Failing {
    async fn carry_out(&self, stop: &CancellationToken) -> Result<Done, ChoreError> {
        let turn = self.turns.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match turn {
            None => Ok(Done::Whole(1)),
            Some("panic") => panic!("the chore is broken"),
            Some("hang") => pending().await,
            Some("stop") => {
                stop.cancelled().await;
                Ok(Done::Stopped(4))
            }
            Some(error) => Err(error.into()),
        }
    }
}

fn failing(turns: &[&'static str], attempts: u32) -> Job {
    let turns = Mutex::new(turns.iter().rev().copied().collect());
    let retry = Retry { attempts, first: Duration::from_mins(1), longest: Duration::from_mins(2) };
    Job { retry, ..Job::every(JOB, HOUR * 1_000, Failing { turns }) }.within(Duration::from_millis(100))
}

/// The only run, once it says so often that it failed.
async fn after_failures(store: &dyn Store, attempts: u32) -> Run {
    until((attempts, false), async || match runs(store, None).await.first() {
        Some(run) => (run.attempts, run.state == RunState::Running || run.error.is_none()),
        None => (0, false),
    })
    .await;
    runs(store, None).await.swap_remove(0)
}

#[tokio::test]
async fn what_fails_panics_or_hangs_is_tried_again_later_and_given_up_in_the_end() {
    let (store, _directory) = store().await;
    let (clock, job) = (clock(), failing(&["no room", "panic", "hang"], 3));
    let replicas = Replicas::start(&[Arc::clone(&store)], &clock, &job);
    let waits = |run: &Run| run.due_at.since(clock.now());
    let once = after_failures(&*store, 1).await;
    assert_eq!((once.state, once.error.as_deref()), (RunState::Waiting, Some("no room")));
    assert_eq!(waits(&once), Duration::from_mins(1));
    clock.advance(Duration::from_mins(1));
    let twice = after_failures(&*store, 2).await;
    assert_eq!(twice.error.as_deref(), Some("it panicked: the chore is broken"));
    assert_eq!(waits(&twice), Duration::from_mins(2));
    // Others are not held up by a job that is broken.
    let others = async || {
        let mut work = store.begin(Access::Read).await.expect(WORKS);
        let jobs = work.jobs().list().await.expect(WORKS);
        let mut others = jobs.iter().filter(|job| job.name != JOB);
        others.all(|job| job.last.as_ref().is_some_and(|run| run.state == RunState::Finished))
    };
    until(true, others).await;
    clock.advance(Duration::from_mins(2));
    let dead = after_failures(&*store, 3).await;
    assert_eq!((dead.state, dead.error.as_deref()), (RunState::Dead, Some("it took longer than 100ms")));
    assert_eq!(state(&*store).await.map(|job| (job.dead, job.open)), Some((1, None)));

    let mut work = store.begin(Access::Write).await.expect(WORKS);
    let revived = dead.revived(clock.now()).expect("it is dead");
    assert!(work.jobs().save(&revived).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    until(1, async || runs(&*store, Some(RunState::Finished)).await.len()).await;
    replicas.end().await;
}

#[tokio::test]
async fn what_the_end_interrupts_is_handed_back_and_begun_anew() {
    for turn in ["stop", "hang"] {
        let (store, _directory) = store().await;
        let (clock, job) = (clock(), failing(&[turn], 1).within(HOUR));
        let replicas = Replicas::start(&[Arc::clone(&store)], &clock, &job);
        until(1, async || runs(&*store, Some(RunState::Running)).await.len()).await;
        replicas.end().await;
        let back = runs(&*store, Some(RunState::Waiting)).await;
        assert_eq!((back.len(), back[0].attempts, back[0].holder), (1, 0, None), "{turn}");
        let replicas = Replicas::start(&[Arc::clone(&store)], &clock, &job);
        until(1, async || runs(&*store, Some(RunState::Finished)).await.len()).await;
        replicas.end().await;
    }
}

/// A run that somebody begins who is never heard of again.
async fn abandoned(store: &dyn Store, now: Timestamp) -> JobRunId {
    let id = JobRunId::mint(&TestClock::at_millis(1), &*entropy());
    let run = Run::new(id, JOB, Origin::Request, now, now);
    let mut work = store.begin(Access::Write).await.expect(WORKS);
    assert!(work.jobs().insert(&run).await.expect(WORKS));
    let until = now.plus(Duration::from_mins(1));
    let claimed = work.jobs().claim(&[JOB], Uuid::from_u128(9), now, until).await.expect(WORKS);
    assert_eq!(claimed.map(|run| run.id), Some(id));
    work.commit().await.expect(WORKS);
    id
}

#[tokio::test]
async fn what_a_killed_process_began_is_begun_anew_once_its_time_is_over() {
    let (store, _directory) = store().await;
    let (clock, (count, job)) = (clock(), counting());
    let id = abandoned(&*store, clock.now()).await;
    let replicas = Replicas::start(&[Arc::clone(&store), Arc::clone(&store)], &clock, &job);
    until(true, async || state(&*store).await.is_some()).await;
    // Its tick came while the run was open, which stands for it.
    sleep(Duration::from_millis(50)).await;
    assert_eq!(count.load(Ordering::SeqCst), 0, "it is believed to be carried out");
    clock.advance(Duration::from_mins(1) + Duration::from_secs(1));
    until(1, async || runs(&*store, Some(RunState::Waiting)).await.len()).await;
    clock.advance(Duration::from_mins(1));
    until(1, async || runs(&*store, Some(RunState::Finished)).await.len()).await;
    replicas.end().await;
    let done = runs(&*store, Some(RunState::Finished)).await;
    assert_eq!((done[0].id, done[0].attempts, count.load(Ordering::SeqCst)), (id, 2, 1));
}
