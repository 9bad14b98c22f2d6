//! `POST /api/v1/admin/jobs/{name}/run`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, jobs};

use super::JobRunView;
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Lets a scheduler carry out a job now, within seconds. One that waits to be tried again is tried now.
#[utoipa::path(post, path = "/api/v1/admin/jobs/{name}/run", tag = "jobs",
    params(("name" = String, Path, description = "The job")),
    responses(
        (status = ACCEPTED, body = JobRunView),
        (status = NOT_FOUND, description = "`job_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`job_is_running`", body = ErrorBody),
    ))]
pub(super) async fn run(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(name): Segment,
) -> Result<(StatusCode, Json<JobRunView>), ApiError> {
    let run = jobs::run(&control, actor, &name).await?;
    Ok((StatusCode::ACCEPTED, Json(run.into())))
}
