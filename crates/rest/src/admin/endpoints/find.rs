//! `GET /api/v1/admin/projects/{uuid}/endpoints/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, endpoints};

use super::parse_address;
use super::view::EndpointView;
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segments;

/// Shows an AI endpoint.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}/endpoints/{id}", tag = "endpoints",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("id" = String, Path, description = "The endpoint"),
    ),
    responses(
        (status = OK, body = EndpointView),
        (status = NOT_FOUND, description = "`project_not_found`, `endpoint_not_found`", body = ErrorBody),
    ))]
pub(super) async fn find(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<Json<EndpointView>, ApiError> {
    let endpoint = endpoints::find(&control, actor, parse_address(&segments)?).await?;
    Ok(Json(endpoint.into()))
}
