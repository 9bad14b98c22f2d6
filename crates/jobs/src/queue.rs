//! What is to be done when, and who gets it.

use std::sync::Arc;
use std::time::Duration;

use promptgate_kernel::{Clock, Entropy, JobRunId, RepositoryError, Timestamp};
use promptgate_schedule::{Origin, Retry, Run, RunState};
use promptgate_store::{Access, Store};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use crate::carrier::Carrier;
use crate::worker::Claimed;

/// How many runs whose holders went away are looked at at once.
const LAPSED_AT_ONCE: u32 = 100;

/// Puts down what is due, and claims what waits.
pub(crate) struct Queue {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) carrier: Arc<Carrier>,
    /// Who claims.
    pub(crate) holder: Uuid,
    /// The places for runs at once.
    pub(crate) places: Arc<Semaphore>,
    /// How often it looks.
    pub(crate) poll: Duration,
    /// How long a run is believed to be carried out without a further word.
    pub(crate) lease: Duration,
}

/// What this process did last.
#[derive(Default)]
struct Past {
    is_announced: bool,
    /// The last tick of each job that somebody took.
    ticks: Vec<Option<Timestamp>>,
    /// When it last spoke for its own runs and looked for those of others.
    spoke: Option<Timestamp>,
    is_failing: bool,
}

impl Queue {
    /// Looks again and again, and hands on what it claims, until the process ends.
    pub(crate) async fn feed(&self, workers: mpsc::Sender<Claimed>) {
        let mut past = Past { ticks: vec![None; self.carrier.jobs.len()], ..Past::default() };
        let mut rounds = interval(self.poll);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = &self.carrier.stop;
        while stop.run_until_cancelled(rounds.tick()).await.is_some() {
            match self.round(&mut past, &workers).await {
                Ok(()) => past.is_failing = false,
                // Once, not at every look.
                Err(error) if !past.is_failing => {
                    past.is_failing = true;
                    let error: &dyn std::error::Error = &error;
                    tracing::error!(error, "the scheduler cannot look at its queue: {error}");
                }
                Err(_) => {}
            }
        }
    }

    /// Goes on speaking for what is carried out here until all of it came to its end.
    pub(crate) async fn see_out(&self, at_once: u32) {
        let mut rounds = interval(self.lease / 3);
        let all = self.places.acquire_many(at_once);
        tokio::pin!(all);
        loop {
            tokio::select! {
                biased;
                _ = &mut all => return,
                _ = rounds.tick() => {
                    // What is not heard is carried out by somebody else, once this process is gone.
                    let _ = self.speak().await;
                }
            }
        }
    }

    async fn round(&self, past: &mut Past, workers: &mpsc::Sender<Claimed>) -> Result<(), RepositoryError> {
        if !past.is_announced {
            self.announce().await?;
            past.is_announced = true;
        }
        self.take_ticks(past).await?;
        let now = self.clock.now();
        if past.spoke.is_none_or(|spoke| now.since(spoke) >= self.lease / 3) {
            self.speak().await?;
            self.reclaim().await?;
            past.spoke = Some(now);
        }
        self.claim(workers).await
    }

    fn names(&self) -> Vec<&'static str> {
        self.carrier.jobs.iter().map(|job| job.name).collect()
    }

    async fn announce(&self) -> Result<(), RepositoryError> {
        let now = self.clock.now();
        let mut work = self.store.begin(Access::Write).await?;
        for job in &self.carrier.jobs {
            let next = job.cadence.next(job.name, now);
            work.jobs().announce(job.name, &job.cadence.to_string(), next, now).await?;
        }
        work.commit().await
    }

    /// Puts down what has become due since it last looked; of all processes one does, each time.
    async fn take_ticks(&self, past: &mut Past) -> Result<(), RepositoryError> {
        let now = self.clock.now();
        let jobs = self.carrier.jobs.iter().zip(&mut past.ticks);
        for (job, last) in jobs {
            let tick = job.cadence.tick(job.name, now);
            if last.is_some_and(|last| last >= tick) {
                continue;
            }
            let id = JobRunId::mint(&*self.clock, &*self.entropy);
            let run = Run::new(id, job.name, Origin::Schedule, now, now);
            let mut work = self.store.begin(Access::Write).await?;
            let taken = work.jobs().take_tick(tick, job.cadence.next(job.name, now), &run).await?;
            work.commit().await?;
            if taken {
                tracing::debug!(job.name, tick = %tick, "job {} is due", job.name);
            }
            *last = Some(tick);
        }
        Ok(())
    }

    /// Says what is still carried out here.
    async fn speak(&self) -> Result<(), RepositoryError> {
        let held = self.carrier.held();
        if held.is_empty() {
            return Ok(());
        }
        let mut work = self.store.begin(Access::Write).await?;
        work.jobs().extend(&held, self.holder, self.clock.now().plus(self.lease)).await?;
        work.commit().await
    }

    /// Takes back what was begun by processes that are gone.
    async fn reclaim(&self) -> Result<(), RepositoryError> {
        let now = self.clock.now();
        let mut work = self.store.begin(Access::Write).await?;
        for run in work.jobs().lapsed(now, LAPSED_AT_ONCE).await? {
            let known = self.carrier.jobs.iter().find(|job| job.name == run.job);
            let retry = known.map_or_else(Retry::default, |job| job.retry);
            let run = run.failed(now, "whoever carried it out went away", retry);
            if work.jobs().save(&run).await? {
                let (name, is_dead) = (run.job, run.state == RunState::Dead);
                tracing::warn!(job.name = name, is_dead, "whoever carried out job {name} went away");
            }
        }
        work.commit().await
    }

    /// Claims what waits, while there are places.
    async fn claim(&self, workers: &mpsc::Sender<Claimed>) -> Result<(), RepositoryError> {
        let names = self.names();
        // What is handed back at the end is for others.
        while !self.carrier.stop.is_cancelled() {
            let now = self.clock.now();
            let waiting = {
                let mut work = self.store.begin(Access::Read).await?;
                work.jobs().waiting_since(&names, now).await?
            };
            let waits = waiting.map_or(Duration::ZERO, |since| now.since(since));
            metrics::gauge!("promptgate_job_oldest_waiting_seconds").set(waits.as_secs_f64());
            if waiting.is_none() {
                return Ok(());
            }
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return Ok(()) };
            let mut work = self.store.begin(Access::Write).await?;
            let claimed = work.jobs().claim(&names, self.holder, now, now.plus(self.lease)).await?;
            work.commit().await?;
            let Some(run) = claimed else { return Ok(()) };
            // There are as many seats as places, so that nobody waits here.
            if workers.send(Claimed { run, place }).await.is_err() {
                break;
            }
        }
        Ok(())
    }
}
