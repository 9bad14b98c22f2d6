//! `GET /api/v1/admin/projects/{uuid}/endpoints/{id}/evals/{evalId}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, evals};

use super::parse_address;
use super::view::EvalView;
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segments;

/// Shows a golden set.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}/endpoints/{id}/evals/{evalId}", tag = "evals",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("id" = String, Path, description = "The endpoint"),
        ("evalId" = String, Path, description = "The golden set"),
    ),
    responses(
        (status = OK, body = EvalView),
        (status = NOT_FOUND, description = "`project_not_found`, `endpoint_not_found`, `eval_not_found`",
            body = ErrorBody),
    ))]
pub(super) async fn find(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<Json<EvalView>, ApiError> {
    Ok(Json(evals::find(&control, actor, parse_address(&segments)?).await?.into()))
}
