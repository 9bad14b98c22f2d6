//! Reading how recurring work goes.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{Page, PageRequest};
use promptgate_schedule::{JobState, Run, RunFilter};
use promptgate_store::Access;
use tracing::instrument;

use super::JobError;
use crate::Control;

/// All jobs and how they go, by name.
#[instrument(name = "control.jobs.list", skip_all)]
pub async fn list(control: &Control, actor: Actor) -> Result<Vec<JobState>, JobError> {
    actor.require(Permission::ManageJobs)?;
    let mut work = control.store.begin(Access::Read).await?;
    Ok(work.jobs().list().await?)
}

/// One page of runs, the newest first; of one job, if the filter names one that there is.
#[instrument(name = "control.jobs.runs", skip_all)]
pub async fn runs(
    control: &Control,
    actor: Actor,
    filter: &RunFilter,
    page: PageRequest,
) -> Result<Page<Run>, JobError> {
    actor.require(Permission::ManageJobs)?;
    let mut work = control.store.begin(Access::Read).await?;
    if let Some(job) = &filter.job
        && !work.jobs().is_known(job).await?
    {
        return Err(JobError::NotFound(job.clone()));
    }
    Ok(work.jobs().runs(filter, page).await?)
}
