//! `DELETE /api/v1/admin/usage/dead-letters/{id}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, dead_letters};

use super::parse_id;
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Discards a call that could not be recorded: it is counted nowhere, and does not come back.
#[utoipa::path(delete, path = "/api/v1/admin/usage/dead-letters/{id}", tag = "dead-letters",
    params(("id" = String, Path, description = "The call")),
    responses(
        (status = NO_CONTENT),
        (status = NOT_FOUND, description = "`dead_letter_not_found`", body = ErrorBody),
    ))]
pub(super) async fn discard(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<StatusCode, ApiError> {
    dead_letters::discard(&control, actor, parse_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
