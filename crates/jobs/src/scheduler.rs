//! When jobs run.

use std::sync::Arc;
use std::time::Duration;

use promptgate_kernel::{Clock, RepositoryError};
use promptgate_store::{Access, Store};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};
use tokio_util::sync::CancellationToken;

use crate::SignIns;
use crate::job::{Job, Removal};

/// The first run comes this soon after the start, so that a process that never runs for a whole
/// interval cleans up too.
const FIRST_RUN: Duration = Duration::from_mins(1);

/// What the scheduler removes, and how often.
#[derive(Debug, Clone)]
pub struct SchedulerOptions {
    /// How long usage events are kept.
    pub usage_retention: Duration,
    /// How often older ones are removed.
    pub usage_interval: Duration,
    /// How long configuration changes are kept. A process that was away for longer reads the whole
    /// configuration anew.
    pub change_retention: Duration,
    /// How often older ones are removed.
    pub change_interval: Duration,
    /// How long it is kept what was said in calls.
    pub content_retention: Duration,
    /// How often older contents are removed.
    pub content_interval: Duration,
    /// How long a conversation is kept after its last turn, whatever its endpoint says. An endpoint
    /// may say less.
    pub session_retention: Duration,
    /// How often conversations are removed whose time is over.
    pub session_interval: Duration,
    /// How often cached answers and answers for repeated calls are removed whose time is over.
    pub expiry_interval: Duration,
    /// The most rows that one transaction removes.
    pub batch_rows: u32,
    /// The pause after a full batch.
    pub pause: Duration,
}

impl Default for SchedulerOptions {
    fn default() -> Self {
        Self {
            usage_retention: Duration::from_hours(90 * 24),
            usage_interval: Duration::from_hours(1),
            change_retention: Duration::from_hours(24),
            change_interval: Duration::from_hours(1),
            content_retention: Duration::from_hours(7 * 24),
            content_interval: Duration::from_hours(1),
            session_retention: Duration::from_hours(30 * 24),
            session_interval: Duration::from_hours(1),
            expiry_interval: Duration::from_mins(10),
            batch_rows: 1_000,
            pause: Duration::from_millis(50),
        }
    }
}

/// Runs recurring jobs.
pub struct Scheduler {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    options: SchedulerOptions,
    sign_ins: Option<SignIns>,
}

/// How a run ended.
enum Outcome {
    Finished { removed: u64 },
    Stopped { removed: u64 },
    Failed { removed: u64, error: RepositoryError },
}

impl Scheduler {
    /// A scheduler that has not started yet.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, options: SchedulerOptions) -> Self {
        Self { store, clock, options, sign_ins: None }
    }

    /// The same scheduler, which forgets sign-ins that are over besides.
    #[must_use]
    pub fn forgetting(self, sign_ins: SignIns) -> Self {
        Self { sign_ins: Some(sign_ins), ..self }
    }

    /// Runs until shutdown. A job under way ends after its present batch.
    pub async fn run(self, shutdown: CancellationToken) {
        let SchedulerOptions {
            usage_interval,
            change_interval,
            content_interval,
            session_interval,
            expiry_interval,
            ..
        } = self.options;
        tokio::join!(
            self.repeat(Job::Usage, usage_interval, &shutdown),
            self.repeat(Job::Changes, change_interval, &shutdown),
            self.repeat(Job::Contents, content_interval, &shutdown),
            self.repeat(Job::Sessions, session_interval, &shutdown),
            self.repeat(Job::Cache, expiry_interval, &shutdown),
            self.repeat(Job::Idempotency, expiry_interval, &shutdown),
            self.forget(&shutdown),
        );
    }

    /// Forgets sign-ins that are over again and again, in few statements each time.
    async fn forget(&self, shutdown: &CancellationToken) {
        let Some(sign_ins) = &self.sign_ins else { return };
        let every = self.options.expiry_interval;
        let mut ticks = interval_at(Instant::now() + every.min(FIRST_RUN), every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let begun = Instant::now();
            let outcome = match sign_ins.prune(self.clock.now()).await {
                Ok(removed) => Outcome::Finished { removed },
                Err(error) => Outcome::Failed { removed: 0, error },
            };
            tell("prune_sign_ins", begun, outcome);
        }
    }

    async fn repeat(&self, job: Job, every: Duration, shutdown: &CancellationToken) {
        let mut ticks = interval_at(Instant::now() + every.min(FIRST_RUN), every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                // An overdue tick must not win over the end.
                biased;
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => self.run_once(job, shutdown).await,
            }
        }
    }

    /// What a job removes now.
    async fn removals(&self, job: Job) -> Result<Vec<Removal>, RepositoryError> {
        let now = self.clock.now();
        let keep = match job {
            Job::Usage => self.options.usage_retention,
            Job::Changes => self.options.change_retention,
            Job::Contents => self.options.content_retention,
            Job::Sessions => self.options.session_retention,
            Job::Cache | Job::Idempotency => Duration::ZERO,
        };
        let mut removals = vec![Removal::of_all(job, now.minus(keep))];
        if job == Job::Sessions {
            let endpoints = self.store.begin(Access::Read).await?.endpoints().list_all().await?;
            removals.extend(endpoints.iter().filter_map(|endpoint| {
                let ttl = endpoint.config.session_rules()?.ttl;
                Some(Removal { job, endpoint: Some(endpoint.id), before: now.minus(ttl) })
            }));
        }
        Ok(removals)
    }

    async fn run_once(&self, job: Job, shutdown: &CancellationToken) {
        let begun = Instant::now();
        tell(job.as_str(), begun, self.remove_all(job, shutdown).await);
    }

    async fn remove_all(&self, job: Job, shutdown: &CancellationToken) -> Outcome {
        let mut removed = 0;
        let removals = match self.removals(job).await {
            Ok(removals) => removals,
            Err(error) => return Outcome::Failed { removed, error },
        };
        for removal in removals {
            loop {
                match removal.remove_some(&*self.store, self.options.batch_rows).await {
                    Ok(some) => {
                        removed += some;
                        if some < u64::from(self.options.batch_rows) {
                            break;
                        }
                    }
                    Err(error) => return Outcome::Failed { removed, error },
                }
                tokio::select! {
                    () = shutdown.cancelled() => return Outcome::Stopped { removed },
                    () = sleep(self.options.pause) => {}
                }
            }
            if shutdown.is_cancelled() {
                return Outcome::Stopped { removed };
            }
        }
        Outcome::Finished { removed }
    }
}
