//! What is to be done when, and who gets it.

use std::sync::Arc;
use std::time::Duration;

use promptgate_kernel::{Clock, Entropy, JobRunId, RepositoryError, Timestamp};
use promptgate_schedule::{Origin, Retry, Run, RunState};
use promptgate_store::{Access, Store};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use crate::Job;
use crate::carrier::Carrier;
use crate::places::Places;
use crate::worker::Claimed;

/// How many runs whose holders went away are looked at at once.
const LAPSED_AT_ONCE: u32 = 100;
/// How often it is said which jobs there are: a job of which nobody says so for a month is forgotten.
const ANNOUNCED_EVERY: Duration = Duration::from_hours(1);

/// Puts down what is due, and claims what waits.
pub(crate) struct Queue {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) carrier: Arc<Carrier>,
    /// Who claims.
    pub(crate) holder: Uuid,
    /// The places for runs at once.
    pub(crate) places: Places,
    /// How often it looks.
    pub(crate) poll: Duration,
    /// How long a run is believed to be carried out without a further word.
    pub(crate) lease: Duration,
}

/// What this process did last.
#[derive(Default)]
struct Past {
    /// When it last said which jobs there are.
    announced: Option<Timestamp>,
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
            // Nobody heard for so long that this process is there: others may go on with what it holds.
            let now = self.clock.now();
            if past.is_failing && past.spoke.is_some_and(|spoke| now.since(spoke) >= self.lease) {
                self.carrier.cut_off(&self.carrier.held());
            }
        }
    }

    /// Goes on speaking for what is carried out here until all of it came to its end.
    pub(crate) async fn see_out(&self) {
        let mut rounds = interval(self.lease / 3);
        let all = self.places.all_free();
        tokio::pin!(all);
        loop {
            tokio::select! {
                biased;
                () = &mut all => return,
                _ = rounds.tick() => {
                    // What is not heard is carried out by somebody else, once this process is gone.
                    let _ = self.speak().await;
                }
            }
        }
    }

    async fn round(&self, past: &mut Past, workers: &mpsc::Sender<Claimed>) -> Result<(), RepositoryError> {
        let now = self.clock.now();
        if past.announced.is_none_or(|announced| now.since(announced) >= ANNOUNCED_EVERY) {
            self.announce().await?;
            past.announced = Some(now);
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

    fn names(&self, is_wanted: impl Fn(&Job) -> bool) -> Vec<&'static str> {
        self.carrier.jobs.iter().filter(|job| is_wanted(job)).map(|job| job.name).collect()
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

    /// Says what is still carried out here, and cuts off what somebody else goes on with: this process was
    /// away for so long that it was taken for gone.
    async fn speak(&self) -> Result<(), RepositoryError> {
        let held = self.carrier.held();
        if held.is_empty() {
            return Ok(());
        }
        let mut work = self.store.begin(Access::Write).await?;
        let extended = work.jobs().extend(&held, self.holder, self.clock.now().plus(self.lease)).await?;
        let mut lost = Vec::new();
        if extended < held.len() as u64 {
            for id in held {
                let run = work.jobs().find(id).await?;
                if run.is_none_or(|run| run.holder != Some(self.holder)) {
                    lost.push(id);
                }
            }
        }
        work.commit().await?;
        self.carrier.cut_off(&lost);
        Ok(())
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
        let all = self.names(|_| true);
        // What is handed back at the end is for others, and so is what is cut off until it has ended here.
        while !self.carrier.stop.is_cancelled() && !self.carrier.is_cutting_off() {
            let now = self.clock.now();
            let place = self.places.take();
            let suited = self.names(|job| place.as_ref().is_some_and(|place| place.suits(job)));
            let (waiting, is_for_us) = {
                let mut work = self.store.begin(Access::Read).await?;
                let waiting = work.jobs().waiting_since(&all, now).await?;
                let is_for_us = waiting.is_some()
                    && (suited.len() == all.len()
                        || work.jobs().waiting_since(&suited, now).await?.is_some());
                (waiting, is_for_us)
            };
            let waits = waiting.map_or(Duration::ZERO, |since| now.since(since));
            metrics::gauge!("promptgate_job_oldest_waiting_seconds").set(waits.as_secs_f64());
            let Some(place) = place.filter(|_| is_for_us) else { return Ok(()) };
            let mut work = self.store.begin(Access::Write).await?;
            let claimed = work.jobs().claim(&suited, self.holder, now, now.plus(self.lease)).await?;
            work.commit().await?;
            let Some(run) = claimed else { return Ok(()) };
            let place = place.for_run_of(self.carrier.jobs.iter().find(|job| job.name == run.job));
            // There are as many seats as places, so that nobody waits here.
            if workers.send(Claimed { run, place }).await.is_err() {
                break;
            }
        }
        Ok(())
    }
}
