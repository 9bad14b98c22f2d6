//! What keeps going whatever else there is: short jobs beside long ones, rare jobs, and one run at a time.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use promptgate_jobs::{Chore, ChoreError, Done, Job};
use promptgate_kernel::Clock;
use promptgate_schedule::{Retry, RunState};
use promptgate_store::Access;
use tokio_util::sync::CancellationToken;

use crate::queue::{HOUR, JOB, Replicas, counting, runs, state};
use crate::{DAY, WORKS, clock, store, until};

/// Goes on until it is cut off.
#[derive(Default)]
struct Endless {
    begun: AtomicU64,
    /// How many are carried out now, and how many were at most.
    running: AtomicU64,
    most: AtomicU64,
}

/// Notices that what it is in was cut off.
struct Left<'a>(&'a AtomicU64);

impl Drop for Left<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The same for all jobs that it is given to.
struct Shared(Arc<Endless>);

#[async_trait]
impl Chore for Shared {
    async fn carry_out(&self, _: &CancellationToken) -> Result<Done, ChoreError> {
        let Endless { begun, running, most } = &*self.0;
        most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let _left = Left(running);
        begun.fetch_add(1, Ordering::SeqCst);
        pending().await
    }
}

#[tokio::test]
async fn long_jobs_leave_places_to_short_ones() {
    let (store, _directory) = store().await;
    let (clock, endless, (count, short)) = (clock(), Arc::new(Endless::default()), counting());
    let long = ["long_1", "long_2", "long_3", "long_4"].map(|name| {
        Job::every(name, HOUR * 1_000, Shared(Arc::clone(&endless))).within(Duration::from_hours(6))
    });
    let jobs = [&long[..], &[short.within(Duration::from_mins(1))]].concat();
    let replicas = Replicas::with_jobs(&[Arc::clone(&store)], &clock, &jobs, HOUR * 10_000);
    until(2, async || endless.begun.load(Ordering::SeqCst)).await;
    for ticks in 1..=3 {
        until(ticks, async || runs(&*store, Some(RunState::Finished)).await.len()).await;
        clock.advance(HOUR);
    }
    assert!(count.load(Ordering::SeqCst) >= 3);
    assert_eq!(endless.most.load(Ordering::SeqCst), 2, "the others wait");
    replicas.end().await;
}

#[tokio::test]
async fn what_somebody_else_goes_on_with_is_cut_off() {
    let (store, _directory) = store().await;
    let (clock, endless) = (clock(), Arc::new(Endless::default()));
    let job = Job::every(JOB, HOUR * 1_000, Shared(Arc::clone(&endless))).within(HOUR);
    let replicas = Replicas::start(&[Arc::clone(&store)], &clock, &job);
    until(1, async || endless.begun.load(Ordering::SeqCst)).await;
    // It said nothing for a minute, so that somebody else puts the run down anew.
    let run = runs(&*store, Some(RunState::Running)).await.swap_remove(0);
    let retry = Retry { attempts: 5, first: Duration::from_secs(10), longest: Duration::from_secs(10) };
    let mut work = store.begin(Access::Write).await.expect(WORKS);
    assert!(work.jobs().save(&run.failed(clock.now(), "it went away", retry)).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    clock.advance(Duration::from_secs(30));
    until(2, async || endless.begun.load(Ordering::SeqCst)).await;
    assert_eq!(endless.most.load(Ordering::SeqCst), 1, "never beside the next one");
    let all = runs(&*store, None).await;
    let [run] = &all[..] else { panic!("there is one run: {all:?}") };
    assert_eq!((run.state, run.attempts), (RunState::Running, 2));
    replicas.end().await;
}

#[tokio::test]
async fn a_job_that_is_seldom_due_is_not_forgotten() {
    let (store, _directory) = store().await;
    let (clock, (count, job)) = (clock(), counting());
    let seldom = Job { cadence: promptgate_jobs::Cadence::Every(DAY * 70), ..job };
    let replicas = Replicas::with_jobs(&[Arc::clone(&store)], &clock, &[seldom], HOUR);
    until(1, async || runs(&*store, Some(RunState::Finished)).await.len()).await;
    // Whoever forgets jobs is not to be at it while the clock leaps: it would take all of them for gone.
    let forgot = async || {
        let mut work = store.begin(Access::Read).await.expect(WORKS);
        let jobs = work.jobs().list().await.expect(WORKS);
        let history = jobs.into_iter().find(|job| job.name == "prune_job_history");
        history.and_then(|job| job.open.is_none().then_some(job.last?.ended_at?))
    };
    until(Some(clock.now()), forgot).await;
    for _ in 0..3 {
        clock.advance(DAY * 35);
        let seen = async || state(&*store).await.map(|job| job.seen_at);
        until(Some(clock.now()), seen).await;
        until(Some(clock.now()), forgot).await;
    }
    // A run that a leap of the clock cut off is tried again a little later. While one is carried out the clock
    // stands, or it would be taken for one that nobody answers for.
    let ran_again = async || {
        let open = state(&*store).await.and_then(|job| job.open);
        if open.is_some_and(|run| run.state == RunState::Waiting && run.due_at > clock.now()) {
            clock.advance(Duration::from_secs(10));
        }
        count.load(Ordering::SeqCst) >= 2
    };
    until(true, ran_again).await;
    replicas.end().await;
}
