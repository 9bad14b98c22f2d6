//! Recurring work: how it goes, what was given up of it, beginning it now, and leaving it out.

mod dead_letters;
mod pause;
mod read;
mod run;

use promptgate_auth::Forbidden;
use promptgate_kernel::{JobRunId, RepositoryError};
use promptgate_schedule::NotDead;

pub use dead_letters::{discard, revive};
pub use pause::{pause, resume};
pub use read::{list, runs};
pub use run::run;

/// The constraint that keeps a job from having two open runs.
const OPEN_KEY: &str = "job_runs_job_key";

/// Why nothing was done about a job.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// No scheduler ever carried out such a job.
    #[error("there is no job `{0}`")]
    NotFound(String),
    /// There is no such run.
    #[error("there is no run {0}")]
    NoRun(JobRunId),
    /// It is carried out, or waits to be, already.
    #[error("the job is open already: one run of it waits or is carried out")]
    Open,
    /// Only a dead letter can be tried again or let go.
    #[error(transparent)]
    NotDead(#[from] NotDead),
    /// Somebody else changed it at the same time; look at it again.
    #[error("the run was changed by somebody else")]
    Changed,
    /// The store failed.
    #[error(transparent)]
    Store(RepositoryError),
}

impl From<RepositoryError> for JobError {
    fn from(error: RepositoryError) -> Self {
        if error.is_conflict(OPEN_KEY) { Self::Open } else { Self::Store(error) }
    }
}
