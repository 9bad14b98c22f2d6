//! `GET /api/v1/admin/usage/dead-letters/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, dead_letters};

use super::{DeadLetterView, parse_id};
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Shows a call that could not be recorded.
#[utoipa::path(get, path = "/api/v1/admin/usage/dead-letters/{id}", tag = "dead-letters",
    params(("id" = String, Path, description = "The call")),
    responses(
        (status = OK, body = DeadLetterView),
        (status = NOT_FOUND, description = "`dead_letter_not_found`", body = ErrorBody),
    ))]
pub(super) async fn find(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<Json<DeadLetterView>, ApiError> {
    Ok(Json(dead_letters::find(&control, actor, parse_id(&id)?).await?.into()))
}
