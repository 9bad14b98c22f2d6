//! `POST /api/v1/admin/usage/dead-letters/{id}/retry`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, dead_letters};

use super::parse_id;
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Tries again to record a call, also a discarded one. If it is recorded, it leaves the list and counts
/// from then on; each call counts once, however often it is tried.
#[utoipa::path(post, path = "/api/v1/admin/usage/dead-letters/{id}/retry", tag = "dead-letters",
    params(("id" = String, Path, description = "The call")),
    responses(
        (status = NO_CONTENT),
        (status = NOT_FOUND, description = "`dead_letter_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`dead_letter_refused`: it cannot be recorded still", body = ErrorBody),
    ))]
pub(super) async fn retry(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<StatusCode, ApiError> {
    dead_letters::retry(&control, actor, parse_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
