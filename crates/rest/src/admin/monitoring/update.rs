//! `PATCH /api/v1/admin/monitoring/services/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, monitoring};
use promptgate_monitoring::ServiceChanges;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{ServiceView, parse_id};
use crate::admin::Acting;
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// What is to change about a monitored service. What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateServiceBody {
    #[schema(max_length = 120, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$")]
    name: Option<String>,
    #[schema(max_length = 120)]
    display_name: Option<String>,
    #[schema(format = "uri")]
    url: Option<String>,
    /// 100 to 599; 0 means 200.
    #[schema(minimum = 0, maximum = 599)]
    expected_status_code: Option<i64>,
    #[schema(minimum = 30, maximum = 86_400)]
    interval_seconds: Option<i64>,
    enabled: Option<bool>,
}

/// Changes a monitored service. What was found stays.
#[utoipa::path(patch, path = "/api/v1/admin/monitoring/services/{id}", tag = "monitoring",
    params(("id" = String, Path, description = "The service")),
    request_body = UpdateServiceBody,
    responses(
        (status = OK, body = ServiceView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_name`, `invalid_url`, \
            `invalid_status_code`, `invalid_interval`, `invalid_display_name`", body = ErrorBody),
        (status = NOT_FOUND, description = "`monitoring_service_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`name_conflict`, `concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn update(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
    StrictJson(body): StrictJson<UpdateServiceBody>,
) -> Result<Json<ServiceView>, ApiError> {
    let changes = ServiceChanges {
        name: body.name,
        display_name: body.display_name,
        url: body.url,
        expected_status_code: body.expected_status_code,
        interval_seconds: body.interval_seconds,
        enabled: body.enabled,
    };
    let updated = monitoring::update(&control, actor, parse_id(&id)?, changes).await?;
    Ok(Json(updated.into()))
}
