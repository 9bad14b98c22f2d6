//! `POST /api/v1/admin/monitoring/services/{id}/check`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, monitoring};

use super::{ServiceView, parse_id};
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Looks at a monitored service now, also at one that is switched off, and shows what was found.
#[utoipa::path(post, path = "/api/v1/admin/monitoring/services/{id}/check", tag = "monitoring",
    params(("id" = String, Path, description = "The service")),
    responses(
        (status = OK, body = ServiceView),
        (status = NOT_FOUND, description = "`monitoring_service_not_found`", body = ErrorBody),
    ))]
pub(super) async fn check(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<Json<ServiceView>, ApiError> {
    let checked = monitoring::check(&control, actor, parse_id(&id)?).await?;
    Ok(Json(checked.into()))
}
