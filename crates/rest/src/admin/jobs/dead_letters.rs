//! `/api/v1/admin/jobs/dead-letters`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, jobs};
use promptgate_kernel::JobRunId;
use promptgate_schedule::{RunFilter, RunState};

use super::{JobRunView, run_not_found};
use crate::admin::Acting;
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView};
use crate::segment::Segment;

/// Lists the runs of all jobs that were tried too often and given up, the newest first.
#[utoipa::path(get, path = "/api/v1/admin/jobs/dead-letters", tag = "jobs", params(ListParams),
    responses((status = OK, body = ListView<JobRunView>)))]
pub(super) async fn list_dead_letters(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Params(params): Params<ListParams>,
) -> Result<Json<ListView<JobRunView>>, ApiError> {
    let filter = RunFilter { job: None, state: Some(RunState::Dead) };
    let page = jobs::runs(&control, actor, &filter, params.page()).await?;
    Ok(Json(ListView::of(page, JobRunView::from)))
}

/// Tries a run that was given up again, as often as at first.
#[utoipa::path(post, path = "/api/v1/admin/jobs/dead-letters/{id}/retry", tag = "jobs",
    params(("id" = String, Path, description = "The run")),
    responses(
        (status = ACCEPTED, body = JobRunView),
        (status = NOT_FOUND, description = "`job_run_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`job_is_running`, or `not_a_dead_letter`", body = ErrorBody),
    ))]
pub(super) async fn retry(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<(StatusCode, Json<JobRunView>), ApiError> {
    let run = jobs::revive(&control, actor, parse_id(&id)?).await?;
    Ok((StatusCode::ACCEPTED, Json(run.into())))
}

/// Lets a run go that was given up; it stays in the history of its job.
#[utoipa::path(delete, path = "/api/v1/admin/jobs/dead-letters/{id}", tag = "jobs",
    params(("id" = String, Path, description = "The run")),
    responses(
        (status = NO_CONTENT),
        (status = NOT_FOUND, description = "`job_run_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`not_a_dead_letter`", body = ErrorBody),
    ))]
pub(super) async fn discard(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<StatusCode, ApiError> {
    jobs::discard(&control, actor, parse_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads the id in the address; what is no id belongs to no run.
fn parse_id(text: &str) -> Result<JobRunId, ApiError> {
    text.parse().map_err(run_not_found)
}
