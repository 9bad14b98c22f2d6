//! When jobs run.

use std::sync::Arc;
use std::time::Duration;

use promptgate_control::audit::AuditKeeper;
use promptgate_control::keys::Expiry;
use promptgate_control::monitoring::DueChecks;
use promptgate_kernel::{Clock, RepositoryError};
use promptgate_store::{Access, Store};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep};
use tokio_util::sync::CancellationToken;

use crate::SignIns;
use crate::job::{Job, Removal};

/// The first run comes this soon after the start, so that a process that never runs for a whole
/// interval cleans up too.
const FIRST_RUN: Duration = Duration::from_mins(1);

/// How many accounts are looked for at a time.
const ACCOUNTS_AT_A_TIME: u32 = 100;

/// What the scheduler removes, and how often.
#[derive(Debug, Clone)]
pub struct SchedulerOptions {
    /// How long usage events are kept.
    pub usage_retention: Duration,
    /// How often older ones are removed, and the minted tokens that ended before them.
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
    /// How often the audit log is closed and what is over of it removed.
    pub audit_interval: Duration,
    /// How often it is asked which monitored services are to be looked at.
    pub check_interval: Duration,
    /// How often tokens are marked whose time is over.
    pub token_interval: Duration,
    /// How often role and keys are taken from accounts whose access has ended.
    pub access_interval: Duration,
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
            audit_interval: Duration::from_hours(1),
            check_interval: Duration::from_secs(15),
            token_interval: Duration::from_hours(1),
            access_interval: Duration::from_hours(1),
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
    checks: Option<DueChecks>,
    sign_ins: Option<SignIns>,
    audit: Option<AuditKeeper>,
    expiry: Option<Expiry>,
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
        Self { store, clock, options, checks: None, sign_ins: None, audit: None, expiry: None }
    }

    /// The same scheduler, which looks at monitored services besides.
    #[must_use]
    pub fn checking(self, checks: DueChecks) -> Self {
        Self { checks: Some(checks), ..self }
    }

    /// The same scheduler, which forgets sign-ins that are over besides.
    #[must_use]
    pub fn forgetting(self, sign_ins: SignIns) -> Self {
        Self { sign_ins: Some(sign_ins), ..self }
    }

    /// The same scheduler, which keeps the audit log besides.
    #[must_use]
    pub fn keeping(self, audit: AuditKeeper) -> Self {
        Self { audit: Some(audit), ..self }
    }

    /// The same scheduler, which ends what has expired besides: it marks tokens, and takes role and keys
    /// from accounts.
    #[must_use]
    pub fn ending(self, expiry: Expiry) -> Self {
        Self { expiry: Some(expiry), ..self }
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
            self.repeat(Job::MintedTokens, usage_interval, &shutdown),
            self.look(&shutdown),
            self.mark_tokens(&shutdown),
            self.end_access(&shutdown),
            self.forget(&shutdown),
            self.keep_audit(&shutdown),
        );
    }

    /// Marks tokens whose time is over again and again.
    async fn mark_tokens(&self, shutdown: &CancellationToken) {
        let Some(expiry) = &self.expiry else { return };
        let every = self.options.token_interval;
        let ticks = interval_at(Instant::now() + every, every);
        self.in_batches("mark_expired_tokens", ticks, shutdown, || {
            expiry.mark_expired(self.options.batch_rows)
        })
        .await;
    }

    /// Ends the access of accounts again and again, the first time at once.
    async fn end_access(&self, shutdown: &CancellationToken) {
        let Some(expiry) = &self.expiry else { return };
        let ticks = interval_at(Instant::now(), self.options.access_interval);
        self.in_batches("end_access", ticks, shutdown, || expiry.end_access(ACCOUNTS_AT_A_TIME)).await;
    }

    /// Does something at every tick until nothing is left to do; it says of how much it did.
    async fn in_batches<F: Future<Output = Result<u64, RepositoryError>>>(
        &self,
        job: &'static str,
        mut ticks: Interval,
        shutdown: &CancellationToken,
        batch: impl Fn() -> F,
    ) {
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let begun = Instant::now();
            let mut removed = 0;
            let outcome = loop {
                match batch().await {
                    Ok(0) => break Outcome::Finished { removed },
                    Ok(some) => removed += some,
                    Err(error) => break Outcome::Failed { removed, error },
                }
                if shutdown.is_cancelled() {
                    break Outcome::Stopped { removed };
                }
                sleep(self.options.pause).await;
            };
            tell(job, begun, outcome);
        }
    }

    /// Looks at monitored services again and again. What is slow is cut off at shutdown: a look that
    /// was begun and not written down is repeated after its interval.
    async fn look(&self, shutdown: &CancellationToken) {
        let Some(checks) = &self.checks else { return };
        let every = self.options.check_interval;
        let mut ticks = interval_at(Instant::now() + every.min(FIRST_RUN), every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let rounds = async {
            loop {
                ticks.tick().await;
                look_once(checks).await;
            }
        };
        shutdown.run_until_cancelled(rounds).await;
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

    /// Signs the audit log, and lets go what is over, again and again.
    async fn keep_audit(&self, shutdown: &CancellationToken) {
        let Some(keeper) = &self.audit else { return };
        let every = self.options.audit_interval;
        let mut ticks = interval_at(Instant::now() + every.min(FIRST_RUN), every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let begun = Instant::now();
            tell("prune_audit", begun, self.prune_audit(keeper, shutdown).await);
        }
    }

    async fn prune_audit(&self, keeper: &AuditKeeper, shutdown: &CancellationToken) -> Outcome {
        let mut removed = 0;
        let over = match keeper.close().await {
            Ok(over) => over,
            Err(error) => return Outcome::Failed { removed, error },
        };
        loop {
            match keeper.remove_some(over, self.options.batch_rows).await {
                Ok(some) => {
                    removed += some;
                    if some < u64::from(self.options.batch_rows) {
                        return Outcome::Finished { removed };
                    }
                }
                Err(error) => return Outcome::Failed { removed, error },
            }
            tokio::select! {
                () = shutdown.cancelled() => return Outcome::Stopped { removed },
                () = sleep(self.options.pause) => {}
            }
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
            // A token is kept for as long as what was done with it.
            Job::Usage | Job::MintedTokens => self.options.usage_retention,
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

/// Says in the log and in the metrics how a run of a job ended.
fn tell(job: &'static str, begun: Instant, outcome: Outcome) {
    let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let outcome = match outcome {
        Outcome::Finished { removed } => {
            tracing::info!(job.name = job, removed, duration_ms, "job {job} removed {removed} rows");
            "finished"
        }
        Outcome::Stopped { removed } => {
            tracing::info!(job.name = job, removed, duration_ms, "job {job} stopped after {removed} rows");
            "stopped"
        }
        Outcome::Failed { removed, error } => {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, job.name = job, removed, duration_ms, "job {job} failed: {error}");
            "failed"
        }
    };
    metrics::counter!("promptgate_job_runs_total", "job" => job, "outcome" => outcome).increment(1);
}

/// One round of looks at monitored services.
async fn look_once(checks: &DueChecks) {
    const JOB: &str = "check_services";
    let outcome = match checks.run().await {
        Ok(tally) => {
            metrics::counter!("promptgate_service_checks_total", "status" => "ok")
                .increment(tally.checked - tally.degraded);
            metrics::counter!("promptgate_service_checks_total", "status" => "degraded")
                .increment(tally.degraded);
            "finished"
        }
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, job.name = JOB, "job {JOB} failed: {error}");
            "failed"
        }
    };
    metrics::counter!("promptgate_job_runs_total", "job" => JOB, "outcome" => outcome).increment(1);
}
