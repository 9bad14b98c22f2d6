//! `PATCH /api/v1/admin/jobs/{name}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, jobs};
use serde::Deserialize;
use utoipa::ToSchema;

use super::JobView;
use crate::admin::Acting;
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// What is to change about a job.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateJobBody {
    /// Whether it is left out when it is due.
    is_paused: bool,
}

/// Leaves a job out when it is due, or carries it out again; for every scheduler, across restarts. Each time that is
/// left out is in its history as `skipped`. A run that waits or is carried out comes to its end, and `run` carries a
/// paused job out all the same.
#[utoipa::path(patch, path = "/api/v1/admin/jobs/{name}", tag = "jobs",
    params(("name" = String, Path, description = "The job")),
    request_body = UpdateJobBody,
    responses(
        (status = OK, body = JobView),
        (status = NOT_FOUND, description = "`job_not_found`", body = ErrorBody),
    ))]
pub(super) async fn update(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(name): Segment,
    StrictJson(body): StrictJson<UpdateJobBody>,
) -> Result<Json<JobView>, ApiError> {
    let job = if body.is_paused {
        jobs::pause(&control, actor, &name).await?
    } else {
        jobs::resume(&control, actor, &name).await?
    };
    Ok(Json(job.into()))
}
