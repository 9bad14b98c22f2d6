//! Leaving a job out for a time.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::Timestamp;
use promptgate_schedule::JobState;
use promptgate_store::Access;
use tracing::instrument;

use super::JobError;
use crate::Control;
use crate::journal::Entry;

/// Leaves a job out from now on: no scheduler carries it out when it is due, and its history says so. A run
/// that waits or is carried out comes to its end, and one that is asked for is carried out.
#[instrument(name = "control.jobs.pause", skip_all, fields(job.name = job))]
pub async fn pause(control: &Control, actor: Actor, job: &str) -> Result<JobState, JobError> {
    let at = control.clock.now();
    change(control, actor, job, Some(at), "job.paused").await
}

/// Carries a job out again when it is due.
#[instrument(name = "control.jobs.resume", skip_all, fields(job.name = job))]
pub async fn resume(control: &Control, actor: Actor, job: &str) -> Result<JobState, JobError> {
    change(control, actor, job, None, "job.resumed").await
}

async fn change(
    control: &Control,
    actor: Actor,
    job: &str,
    paused_at: Option<Timestamp>,
    action: &'static str,
) -> Result<JobState, JobError> {
    actor.require(Permission::ManageJobs)?;
    let mut work = control.store.begin(Access::Write).await?;
    if work.jobs().set_paused(job, paused_at).await? {
        control.audit(&mut *work, actor, Entry::of_job(action, job), control.clock.now()).await?;
    }
    let jobs = work.jobs().list().await?;
    let found = jobs.into_iter().find(|known| known.name == job);
    let found = found.ok_or_else(|| JobError::NotFound(job.to_owned()))?;
    work.commit().await?;
    Ok(found)
}
