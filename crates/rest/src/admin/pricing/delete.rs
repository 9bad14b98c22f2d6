//! `DELETE /api/v1/admin/pricing/models/{id}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, prices};

use super::parse_id;
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Removes the price of a model, which then costs what the program knows, or else the fallback.
#[utoipa::path(delete, path = "/api/v1/admin/pricing/models/{id}", tag = "pricing",
    params(("id" = String, Path, description = "The price")),
    responses(
        (status = NO_CONTENT, description = "Removed"),
        (status = NOT_FOUND, description = "`pricing_not_found`", body = ErrorBody),
    ))]
pub(super) async fn delete(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<StatusCode, ApiError> {
    prices::delete(&control, actor, parse_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
