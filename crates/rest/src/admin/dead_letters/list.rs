//! `GET /api/v1/admin/usage/dead-letters`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, dead_letters};
use promptgate_usage::DeadLetterFilter;
use serde::Deserialize;
use utoipa::IntoParams;

use super::DeadLetterView;
use crate::admin::Acting;
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView, flag};

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(super) struct DeadLetterParams {
    /// `true`: those that were discarded, instead of those that wait.
    #[param(value_type = Option<bool>)]
    discarded: Option<String>,
}

/// Lists calls that could not be recorded, those that were tried last first.
#[utoipa::path(get, path = "/api/v1/admin/usage/dead-letters", tag = "dead-letters",
    params(ListParams, DeadLetterParams),
    responses(
        (status = OK, body = ListView<DeadLetterView>),
        (status = BAD_REQUEST, description = "`invalid_filter`", body = ErrorBody),
    ))]
pub(super) async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Params(params): Params<ListParams>,
    Params(wanted): Params<DeadLetterParams>,
) -> Result<Json<ListView<DeadLetterView>>, ApiError> {
    let filter = match flag("discarded", wanted.discarded.as_deref())? {
        Some(true) => DeadLetterFilter::Discarded,
        Some(false) | None => DeadLetterFilter::Waiting,
    };
    let page = dead_letters::list(&control, actor, filter, params.page()).await?;
    Ok(Json(ListView::of(page, DeadLetterView::from)))
}
