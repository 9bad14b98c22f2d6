//! Beginning a job now.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::JobRunId;
use promptgate_schedule::{Origin, Run, RunState};
use promptgate_store::Access;
use tracing::instrument;

use super::JobError;
use crate::Control;
use crate::journal::Entry;

/// Puts a run of a job down, which some scheduler carries out within seconds. One that waits to be tried
/// again is tried now.
#[instrument(name = "control.jobs.run", skip_all, fields(job.name = job))]
pub async fn run(control: &Control, actor: Actor, job: &str) -> Result<Run, JobError> {
    actor.require(Permission::ManageJobs)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    if !work.jobs().is_known(job).await? {
        return Err(JobError::NotFound(job.to_owned()));
    }
    let run = match work.jobs().open(job).await? {
        Some(open) if open.state == RunState::Running => return Err(JobError::Open),
        Some(open) => {
            let hurried = open.hurried(at);
            if !work.jobs().save(&hurried).await? {
                return Err(JobError::Changed);
            }
            hurried
        }
        None => {
            let id = JobRunId::mint(&*control.clock, &*control.entropy);
            let run = Run::new(id, job, Origin::Request, at, at);
            if !work.jobs().insert(&run).await? {
                return Err(JobError::Open);
            }
            run
        }
    };
    let entry = Entry::of_job("job.requested", job).detail("runId", run.id.to_string());
    control.audit(&mut *work, actor, entry, at).await?;
    work.commit().await?;
    Ok(run)
}
