//! Where jobs and their runs live.

use async_trait::async_trait;
use promptgate_kernel::{JobRunId, Page, PageRequest, RepositoryError, Timestamp};
use uuid::Uuid;

use crate::{Run, RunState};

/// A job, and how it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobState {
    /// Its name.
    pub name: String,
    /// When it is due, in words.
    pub schedule: String,
    /// When it is due next.
    pub next_at: Timestamp,
    /// When a scheduler last said that it carries it out.
    pub seen_at: Timestamp,
    /// Since when it is left out when it is due.
    pub paused_at: Option<Timestamp>,
    /// The run that waits or is carried out.
    pub open: Option<Run>,
    /// The run that came to its end last, of those that were not left out.
    pub last: Option<Run>,
    /// How many dead letters it has.
    pub dead: u64,
}

/// Which runs are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunFilter {
    /// Of this job alone.
    pub job: Option<String>,
    /// In this state alone.
    pub state: Option<RunState>,
}

/// Where jobs and their runs live. A job has one open run at most: one that waits or is carried out.
/// Behaviour every adapter must show: `store::contract::jobs`.
#[async_trait]
pub trait JobRepository: Send {
    /// Says that a job is carried out, and when it is due.
    async fn announce(
        &mut self,
        name: &str,
        schedule: &str,
        next_at: Timestamp,
        at: Timestamp,
    ) -> Result<(), RepositoryError>;

    /// Takes the tick of a job, if nobody took it or a later one before: `true` for one of all who try.
    /// Its run is put down unless one is open, which then stands for both; of a job that is paused it is put
    /// down as skipped. The job must be announced.
    async fn take_tick(
        &mut self,
        tick: Timestamp,
        next_at: Timestamp,
        run: &Run,
    ) -> Result<bool, RepositoryError>;

    /// Leaves a job out from then on when it is due, or does not any more; `false` if that is how it is, or
    /// there is no such job. Stays so when the job is announced again.
    async fn set_paused(&mut self, job: &str, at: Option<Timestamp>) -> Result<bool, RepositoryError>;

    /// Puts a run down; `false` when one of its job is open.
    async fn insert(&mut self, run: &Run) -> Result<bool, RepositoryError>;

    /// The run that waits longest of those of these jobs whose time has come: it is `holder`'s now, who
    /// is believed to carry it out until `until`.
    async fn claim(
        &mut self,
        jobs: &[&str],
        holder: Uuid,
        at: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Run>, RepositoryError>;

    /// Since when the run waits that waits longest, of those of these jobs whose time has come.
    async fn waiting_since(
        &mut self,
        jobs: &[&str],
        at: Timestamp,
    ) -> Result<Option<Timestamp>, RepositoryError>;

    /// Says that `holder` still carries out these runs; says how many of them it still holds.
    async fn extend(
        &mut self,
        runs: &[JobRunId],
        holder: Uuid,
        until: Timestamp,
    ) -> Result<u64, RepositoryError>;

    /// Up to `limit` runs whose holders said nothing for too long. Nobody else gets them before the end
    /// of the unit of work.
    async fn lapsed(&mut self, at: Timestamp, limit: u32) -> Result<Vec<Run>, RepositoryError>;

    /// Writes `run` if the stored version is the one before its own; `false` when it is not. A second
    /// open run of its job is a conflict on `job_runs_job_key`.
    async fn save(&mut self, run: &Run) -> Result<bool, RepositoryError>;

    /// The run with this id.
    async fn find(&mut self, id: JobRunId) -> Result<Option<Run>, RepositoryError>;

    /// The open run of a job.
    async fn open(&mut self, job: &str) -> Result<Option<Run>, RepositoryError>;

    /// Whether a job was ever announced.
    async fn is_known(&mut self, job: &str) -> Result<bool, RepositoryError>;

    /// All jobs and how they go, by name.
    async fn list(&mut self) -> Result<Vec<JobState>, RepositoryError>;

    /// One page of runs, the newest first.
    async fn runs(&mut self, filter: &RunFilter, page: PageRequest) -> Result<Page<Run>, RepositoryError>;

    /// Removes up to `limit` runs of a job that came to their end, and leaves the newest `keep`; dead
    /// letters, and those that were skipped, are counted and removed apart. Says how many it removed.
    async fn trim(&mut self, job: &str, keep: u32, limit: u32) -> Result<u64, RepositoryError>;

    /// Forgets jobs that nobody announced since `before`, and their runs.
    async fn forget(&mut self, before: Timestamp) -> Result<u64, RepositoryError>;
}
