//! What is done about runs that were given up.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::JobRunId;
use promptgate_schedule::{NotDead, Run};
use promptgate_store::Access;
use tracing::instrument;

use super::JobError;
use crate::Control;
use crate::journal::Entry;

/// Tries a dead letter again, as often as at first.
#[instrument(name = "control.jobs.revive", skip_all, fields(run.id = %id))]
pub async fn revive(control: &Control, actor: Actor, id: JobRunId) -> Result<Run, JobError> {
    let at = control.clock.now();
    change(control, actor, id, "job.revived", |run| run.revived(at)).await
}

/// Lets a dead letter go.
#[instrument(name = "control.jobs.discard", skip_all, fields(run.id = %id))]
pub async fn discard(control: &Control, actor: Actor, id: JobRunId) -> Result<Run, JobError> {
    change(control, actor, id, "job.discarded", Run::discarded).await
}

async fn change(
    control: &Control,
    actor: Actor,
    id: JobRunId,
    action: &'static str,
    change: impl FnOnce(Run) -> Result<Run, NotDead> + Send,
) -> Result<Run, JobError> {
    actor.require(Permission::ManageJobs)?;
    let mut work = control.store.begin(Access::Write).await?;
    let run = change(work.jobs().find(id).await?.ok_or(JobError::NoRun(id))?)?;
    if !work.jobs().save(&run).await? {
        return Err(JobError::Changed);
    }
    let entry = Entry::of_job(action, &run.job).detail("runId", id.to_string());
    control.audit(&mut *work, actor, entry, control.clock.now()).await?;
    work.commit().await?;
    Ok(run)
}
