//! What is done again and again, and how it is kept going.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apalis_core::worker::context::WorkerContext;
use promptgate_control::audit::AuditKeeper;
use promptgate_control::keys::Expiry;
use promptgate_control::monitoring::DueChecks;
use promptgate_control::prices::PriceKeeper;
use promptgate_kernel::{Clock, Entropy, JobRunId};
use promptgate_limits::Counters;
use promptgate_schedule::{Cadence, Retry};
use promptgate_store::Store;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::carrier::Carrier;
use crate::chore::InParts;
use crate::places::Places;
use crate::queue::Queue;
use crate::removal::{Kept, Removal};
use crate::tidying::{AuditChore, HistoryChore};
use crate::{Job, SchedulerOptions, SignIns, looks, tidying, worker};

/// How many accounts are looked for at a time.
const ACCOUNTS_AT_A_TIME: u32 = 100;
/// How long after midnight newer prices are looked for.
const PRICES_AT: Duration = Duration::from_mins(4 * 60 + 30);
/// How often it is looked for repricings that somebody left.
const REPRICED_EVERY: Duration = Duration::from_mins(1);
/// How long a part of one takes.
const REPRICED_AT_A_TIME: Duration = Duration::from_secs(5);
/// How long it may take to remove what has piled up: it is done in many small steps.
const LONG: Duration = Duration::from_hours(6);

/// Carries out jobs, together with all other schedulers on the same store.
pub struct Scheduler {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    options: SchedulerOptions,
    jobs: Vec<Job>,
    checks: Option<DueChecks>,
}

impl Scheduler {
    /// A scheduler that has not started yet, with the jobs that need nothing but the store.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        options: SchedulerOptions,
    ) -> Self {
        let removals = [
            (Kept::Usage, options.usage_retention, options.usage_interval),
            (Kept::Changes, options.change_retention, options.change_interval),
            (Kept::Contents, options.content_retention, options.content_interval),
            (Kept::Sessions, options.session_retention, options.session_interval),
            (Kept::DeadLetters, options.dead_letter_retention, options.dead_letter_interval),
            (Kept::Cache, Duration::ZERO, options.expiry_interval),
            (Kept::Idempotency, Duration::ZERO, options.expiry_interval),
            // A token is kept for as long as what was done with it.
            (Kept::MintedTokens, options.usage_retention, options.usage_interval),
        ];
        let (rows, pause) = (options.batch_rows, options.pause);
        let mut jobs: Vec<Job> = removals
            .into_iter()
            .map(|(kept, keep, every)| {
                let (store, clock) = (Arc::clone(&store), Arc::clone(&clock));
                Job::every(kept.job(), every, Removal { store, clock, kept, keep, rows, pause }).within(LONG)
            })
            .collect();
        let late = Arc::clone(&store);
        let catch_up =
            InParts { part: move || tidying::catch_up(Arc::clone(&late), rows), full: rows.into(), pause };
        // It is due again in a moment, and nobody waits for it behind what takes hours.
        jobs.push(Job::every("catch_up_usage", options.catch_up_interval, catch_up));
        let history = HistoryChore { store: Arc::clone(&store), clock: Arc::clone(&clock), rows, pause };
        jobs.push(Job::every("prune_job_history", options.history_interval, history).within(LONG));
        Self { store, clock, entropy, options, jobs, checks: None }
    }

    /// The same scheduler with a further job.
    #[must_use]
    pub fn with(mut self, job: Job) -> Self {
        self.jobs.push(job);
        self
    }

    /// The same scheduler, which looks at monitored services besides.
    #[must_use]
    pub fn checking(self, checks: DueChecks) -> Self {
        Self { checks: Some(checks), ..self }
    }

    /// The same scheduler, which forgets sign-ins that are over besides.
    #[must_use]
    pub fn forgetting(self, sign_ins: SignIns) -> Self {
        let SchedulerOptions { expiry_interval, batch_rows: rows, pause, .. } = self.options;
        let clock = Arc::clone(&self.clock);
        let part = move || {
            let (sign_ins, now) = (sign_ins.clone(), clock.now());
            async move { sign_ins.prune(now, rows).await }
        };
        let chore = InParts { part, full: rows.into(), pause };
        self.with(Job::every("prune_sign_ins", expiry_interval, chore).within(LONG))
    }

    /// The same scheduler, which keeps the audit log besides.
    #[must_use]
    pub fn keeping(self, keeper: AuditKeeper) -> Self {
        let every = self.options.audit_interval;
        let chore = AuditChore { keeper, rows: self.options.batch_rows, pause: self.options.pause };
        self.with(Job::every("prune_audit", every, chore).within(LONG))
    }

    /// The same scheduler, which ends what has expired besides: it marks tokens, and takes role and keys
    /// from accounts.
    #[must_use]
    pub fn ending(self, expiry: Expiry) -> Self {
        let SchedulerOptions { token_interval, access_interval, batch_rows, pause, .. } = self.options;
        let (tokens, accounts) = (expiry.clone(), expiry);
        let mark = move || {
            let expiry = tokens.clone();
            async move { expiry.mark_expired(batch_rows).await }
        };
        let end = move || {
            let expiry = accounts.clone();
            async move { expiry.end_access(ACCOUNTS_AT_A_TIME).await }
        };
        // Until one does nothing: what is looked for may be less than what is done.
        self.with(Job::every("mark_expired_tokens", token_interval, InParts { part: mark, full: 1, pause }))
            .with(Job::every("end_access", access_interval, InParts { part: end, full: 1, pause }))
    }

    /// The same scheduler, which looks for newer prices every day, and goes on with repricings besides.
    #[must_use]
    pub fn pricing(self, keeper: PriceKeeper) -> Self {
        let (reader, keeper, pause) = (keeper.clone(), keeper, self.options.pause);
        let refresh = move || {
            let keeper = reader.clone();
            async move {
                let read = keeper.refresh().await?;
                match read.iter().find_map(|refresh| refresh.error.clone()) {
                    // A list that cannot be read is tried again before the next day.
                    Some(error) => Err(error.into()),
                    None => Ok(read.iter().map(|refresh| refresh.added + refresh.updated).sum()),
                }
            }
        };
        let reprice = move || {
            let keeper = keeper.clone();
            async move { keeper.resume_repricings(REPRICED_AT_A_TIME).await }
        };
        let reprice = InParts { part: reprice, full: 1, pause };
        self.with(Job::due("refresh_prices", Cadence::Daily(PRICES_AT), refresh)).with(Job::every(
            "reprice_calls",
            REPRICED_EVERY,
            reprice,
        ))
    }

    /// The same scheduler, which takes back besides what was reserved of limits by processes that are gone.
    /// The name says which counters those are.
    #[must_use]
    pub fn sweeping(self, name: &'static str, counters: Arc<dyn Counters>) -> Self {
        let (every, clock) = (self.options.sweep_interval, Arc::clone(&self.clock));
        let chore = move || {
            let (counters, now) = (Arc::clone(&counters), clock.now());
            async move { Ok(counters.sweep(now).await?) }
        };
        // The next one does what this one did not: none is given up while the counters are away.
        let retry = Retry { attempts: u32::MAX, first: every, longest: Duration::from_mins(1) };
        let job = Job::every(name, every, chore).within(Duration::from_mins(1));
        self.with(Job { retry, ..job })
    }

    /// Runs until shutdown. What is carried out then ends after its present part and is handed back; what
    /// does not is cut off.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self { store, clock, entropy, options, jobs, checks } = self;
        let holder = JobRunId::mint(&*clock, &*entropy).as_uuid();
        let tasks = TaskTracker::new();
        let carrier = Arc::new(Carrier {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            jobs,
            tasks: tasks.clone(),
            stop: shutdown.clone(),
            grace: options.grace,
            pause: options.poll,
            held: Mutex::new(BTreeMap::new()),
        });
        let queue = Queue {
            store,
            clock,
            entropy,
            carrier: Arc::clone(&carrier),
            holder,
            places: Places::new(),
            poll: options.poll,
            lease: options.lease,
        };
        let (sender, inbox) = mpsc::channel(Places::COUNT);
        let context = WorkerContext::new(&format!("scheduler-{holder}"));
        let workers = tasks.spawn(worker::work(context.clone(), inbox, carrier));
        let feeding = async {
            queue.feed(sender).await;
            queue.see_out().await;
            if let Err(error) = context.stop() {
                tracing::warn!(%error, "the workers of the scheduler were not running");
            }
        };
        tokio::join!(feeding, looks::repeat(checks, options.check_interval, &shutdown));
        tasks.close();
        // The last word of the workers; what they carried out has ended.
        drop(tokio::time::timeout(options.grace, workers).await);
    }
}
