//! Carrying out one run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use promptgate_kernel::{Clock, JobRunId, RepositoryError};
use promptgate_schedule::{Run, RunState};
use promptgate_store::{Access, Store};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Job;
use crate::chore::{ChoreError, Done};

/// How often it is tried to write down how a run ended. After that its time runs out by itself, and it
/// is carried out once more.
const CLOSINGS: u32 = 5;

/// Carries out runs and writes down how they ended.
pub(crate) struct Carrier {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) jobs: Vec<Job>,
    pub(crate) tasks: TaskTracker,
    /// When the process ends.
    pub(crate) stop: CancellationToken,
    /// How long a run may go on after that.
    pub(crate) grace: Duration,
    /// The pause before an ending is written once more.
    pub(crate) pause: Duration,
    /// What is carried out here, and what cuts it off.
    pub(crate) held: Mutex<BTreeMap<JobRunId, CancellationToken>>,
}

/// How a run ended.
enum Ending {
    Done(Done),
    Failed(String),
    /// The process ended first, or somebody else goes on with it.
    CutOff,
}

impl Carrier {
    /// The runs that are carried out here.
    pub(crate) fn held(&self) -> Vec<JobRunId> {
        self.all_held().iter().filter(|(_, cut)| !cut.is_cancelled()).map(|(id, _)| *id).collect()
    }

    /// Cuts off runs that this process holds no longer.
    pub(crate) fn cut_off(&self, runs: &[JobRunId]) {
        let held = self.all_held();
        runs.iter().filter_map(|id| held.get(id)).for_each(CancellationToken::cancel);
    }

    /// Whether something is cut off that has not ended yet.
    pub(crate) fn is_cutting_off(&self) -> bool {
        self.all_held().values().any(CancellationToken::is_cancelled)
    }

    fn all_held(&self) -> MutexGuard<'_, BTreeMap<JobRunId, CancellationToken>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out a run that this process claimed.
    pub(crate) async fn carry_out(&self, run: Run) {
        let Some(job) = self.jobs.iter().find(|job| job.name == run.job) else { return };
        let (id, cut) = (run.id, CancellationToken::new());
        self.all_held().insert(id, cut.clone());
        let begun = Instant::now();
        let ending = self.end(job, &cut).await;
        let duration = begun.elapsed();
        let closed = self.closed(job, run, ending, duration);
        for attempt in 1..=CLOSINGS {
            match self.save(&closed).await {
                Ok(true) => break,
                Ok(false) => {
                    tracing::warn!(job.name, run.id = %id, "somebody else goes on with a run of job {}", job.name);
                    break;
                }
                Err(error) if attempt == CLOSINGS => {
                    let error: &dyn std::error::Error = &error;
                    tracing::error!(error, job.name, run.id = %id, "the end of a run of job {} is not written down", job.name);
                }
                Err(_) => sleep(self.pause).await,
            }
        }
        self.all_held().remove(&id);
    }

    /// Lets the chore run on its own, so that it can neither bring others down nor hold them up.
    async fn end(&self, job: &Job, cut: &CancellationToken) -> Ending {
        if self.stop.is_cancelled() {
            return Ending::CutOff;
        }
        let (chore, stop) = (Arc::clone(&job.chore), self.stop.clone());
        let mut chore = self.tasks.spawn(async move { chore.carry_out(&stop).await });
        let cut_off = async {
            self.stop.cancelled().await;
            sleep(self.grace).await;
        };
        let ending = tokio::select! {
            biased;
            ended = &mut chore => return Ending::of(ended),
            () = sleep(job.limit) => Ending::Failed(format!("it took longer than {:?}", job.limit)),
            () = cut_off => Ending::CutOff,
            () = cut.cancelled() => Ending::CutOff,
        };
        chore.abort();
        // It is to be gone before anybody begins it anew.
        match timeout(self.grace, chore).await {
            Ok(Ok(ended)) => Ending::of(Ok(ended)),
            _ => ending,
        }
    }

    /// Says in the log and in the metrics how a run ended.
    fn closed(&self, job: &Job, run: Run, ending: Ending, duration: Duration) -> Run {
        let at = self.clock.now();
        let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let name = job.name;
        let (closed, outcome) = match ending {
            Ending::Done(Done::Whole(amount)) => {
                tracing::debug!(job.name = name, amount, duration_ms, "job {name} did {amount}");
                (run.finished(at, amount), "finished")
            }
            Ending::Done(Done::Stopped(amount)) => {
                tracing::info!(job.name = name, amount, duration_ms, "job {name} stopped after {amount}");
                (run.handed_back(at), "stopped")
            }
            Ending::CutOff => {
                tracing::info!(job.name = name, duration_ms, "job {name} was cut off");
                (run.handed_back(at), "stopped")
            }
            Ending::Failed(error) => {
                let attempt = run.attempts;
                tracing::error!(error, job.name = name, attempt, duration_ms, "job {name} failed: {error}");
                (run.failed(at, &error, job.retry), "failed")
            }
        };
        metrics::counter!("promptgate_job_runs_total", "job" => name, "outcome" => outcome).increment(1);
        metrics::histogram!("promptgate_job_duration_seconds", "job" => name).record(duration.as_secs_f64());
        if closed.state == RunState::Dead {
            tracing::error!(job.name = name, run.id = %closed.id, "a run of job {name} is given up");
            metrics::counter!("promptgate_job_dead_letters_total", "job" => name).increment(1);
        }
        closed
    }

    async fn save(&self, run: &Run) -> Result<bool, RepositoryError> {
        let mut work = self.store.begin(Access::Write).await?;
        let saved = work.jobs().save(run).await?;
        work.commit().await?;
        Ok(saved)
    }
}

impl Ending {
    fn of(ended: Result<Result<Done, ChoreError>, tokio::task::JoinError>) -> Self {
        match ended {
            Ok(Ok(done)) => Self::Done(done),
            Ok(Err(error)) => Self::Failed(chain(&*error)),
            Err(broken) if broken.is_panic() => {
                let panic = broken.into_panic();
                let said = panic.downcast_ref::<&str>().copied().map(str::to_owned);
                let said = said.or_else(|| panic.downcast_ref::<String>().cloned());
                Self::Failed(format!("it panicked: {}", said.unwrap_or_default()))
            }
            Err(_) => Self::CutOff,
        }
    }
}

/// An error and what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(error.source(), |error| error.source())
        .fold(error.to_string(), |said, cause| format!("{said}: {cause}"))
}
