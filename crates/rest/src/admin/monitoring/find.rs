//! `GET /api/v1/admin/monitoring/services/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, monitoring};

use super::{ServiceView, parse_id};
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Shows a monitored service.
#[utoipa::path(get, path = "/api/v1/admin/monitoring/services/{id}", tag = "monitoring",
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = OK, body = ServiceView),
        (status = NOT_FOUND, description = "`monitoring_service_not_found`", body = ErrorBody),
    ))]
pub(super) async fn find(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<Json<ServiceView>, ApiError> {
    let found = monitoring::find(&control, actor, parse_id(&id)?).await?;
    Ok(Json(found.into()))
}
