//! `PATCH /api/v1/admin/projects/{uuid}/endpoints/{id}/evals/{evalId}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, evals};

use super::body::EvalBody;
use super::parse_address;
use super::view::EvalView;
use crate::admin::Acting;
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segments;

/// Changes a golden set. Earlier runs stay as they are.
#[utoipa::path(patch, path = "/api/v1/admin/projects/{uuid}/endpoints/{id}/evals/{evalId}", tag = "evals",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("id" = String, Path, description = "The endpoint"),
        ("evalId" = String, Path, description = "The golden set"),
    ),
    request_body = EvalBody,
    responses(
        (status = OK, body = EvalView),
        (status = BAD_REQUEST, description = "`invalid_eval`, with `errors`; `invalid_request_body`",
            body = ErrorBody),
        (status = NOT_FOUND, description = "`project_not_found`, `endpoint_not_found`, `eval_not_found`",
            body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn update(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
    StrictJson(body): StrictJson<EvalBody>,
) -> Result<Json<EvalView>, ApiError> {
    let address = parse_address(&segments)?;
    Ok(Json(evals::amend(&control, actor, address, |present| body.onto(present)).await?.into()))
}
