//! Looking at the runs of a golden set.

use promptgate_auth::{Actor, Permission};
use promptgate_endpoints::{EvalRun, RunSummary};
use promptgate_kernel::{EvalRunId, Page, PageRequest};
use promptgate_store::Access;
use tracing::instrument;

use super::{EvalAddress, EvalError, load};
use crate::Control;
use crate::members::actor_in;

/// The totals of one page of a golden set's runs, newest first.
#[instrument(name = "control.evals.runs", skip_all, fields(eval.id = %address.id))]
pub async fn runs(
    control: &Control,
    actor: Actor,
    address: EvalAddress,
    page: PageRequest,
) -> Result<Page<RunSummary>, EvalError> {
    let mut work = control.store.begin(Access::Read).await?;
    actor_in(&mut *work, actor, address.endpoint.project)
        .await?
        .require_in(address.endpoint.project, Permission::ReadProject)?;
    let (_, set) = load(&mut *work, address).await?;
    Ok(work.evals().runs(set.id, page).await?)
}

/// One run, item by item, with what changed since the run before.
#[instrument(name = "control.evals.find_run", skip_all, fields(eval.id = %address.id, run.id = %id))]
pub async fn find_run(
    control: &Control,
    actor: Actor,
    address: EvalAddress,
    id: EvalRunId,
) -> Result<EvalRun, EvalError> {
    let mut work = control.store.begin(Access::Read).await?;
    actor_in(&mut *work, actor, address.endpoint.project)
        .await?
        .require_in(address.endpoint.project, Permission::ReadProject)?;
    let (_, set) = load(&mut *work, address).await?;
    let run = work.evals().run(id).await?;
    run.filter(|run| run.summary.eval_id == set.id).ok_or(EvalError::UnknownRun(id))
}
