//! `GET /api/v1/admin/jobs/{name}/runs`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, jobs};
use promptgate_schedule::{RunFilter, RunState};
use serde::Deserialize;
use utoipa::IntoParams;

use super::JobRunView;
use crate::admin::Acting;
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView, given};
use crate::segment::Segment;

/// Which runs are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Only those in this state: `waiting`, `running`, `finished`, `dead`, `discarded` or `skipped`.
    state: Option<String>,
}

/// Lists the runs of a job, the newest first. The 500 newest are kept, dead letters and skipped ones apart.
#[utoipa::path(get, path = "/api/v1/admin/jobs/{name}/runs", tag = "jobs",
    params(("name" = String, Path, description = "The job"), ListParams, Wanted),
    responses(
        (status = OK, body = ListView<JobRunView>),
        (status = BAD_REQUEST, description = "`invalid_filter`", body = ErrorBody),
        (status = NOT_FOUND, description = "`job_not_found`", body = ErrorBody),
    ))]
pub(super) async fn runs(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(name): Segment,
    Params(params): Params<ListParams>,
    Params(wanted): Params<Wanted>,
) -> Result<Json<ListView<JobRunView>>, ApiError> {
    let filter = RunFilter { job: Some(name), state: state(wanted.state)? };
    let page = jobs::runs(&control, actor, &filter, params.page()).await?;
    Ok(Json(ListView::of(page, JobRunView::from)))
}

fn state(text: Option<String>) -> Result<Option<RunState>, ApiError> {
    let parse = |text: String| {
        let names = RunState::ALL.map(RunState::as_str).join(", ");
        let invalid = |_| {
            ApiError::bad_request("invalid_filter")
                .field("state")
                .message(format!("state must be one of {names}"))
        };
        text.parse().map_err(invalid)
    };
    given(text).map(parse).transpose()
}
