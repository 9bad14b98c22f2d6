//! `DELETE /api/v1/admin/projects/{uuid}/endpoints/{id}/evals/{evalId}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, evals};

use super::parse_address;
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segments;

/// Deletes a golden set and its runs.
#[utoipa::path(delete, path = "/api/v1/admin/projects/{uuid}/endpoints/{id}/evals/{evalId}", tag = "evals",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("id" = String, Path, description = "The endpoint"),
        ("evalId" = String, Path, description = "The golden set"),
    ),
    responses(
        (status = NO_CONTENT, description = "Deleted"),
        (status = NOT_FOUND, description = "`project_not_found`, `endpoint_not_found`, `eval_not_found`",
            body = ErrorBody),
    ))]
pub(super) async fn delete(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<StatusCode, ApiError> {
    evals::delete(&control, actor, parse_address(&segments)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
