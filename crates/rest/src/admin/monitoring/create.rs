//! `POST /api/v1/admin/monitoring/services`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, monitoring};
use promptgate_monitoring::NewMonitoredService;
use serde::Deserialize;
use utoipa::ToSchema;

use super::ServiceView;
use crate::admin::Acting;
use crate::body::{StrictJson, or_default};
use crate::error::{ApiError, ErrorBody};

/// A new monitored service.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateServiceBody {
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, max_length = 120, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$")]
    name: String,
    /// The name unless given.
    #[schema(max_length = 120)]
    display_name: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, format = "uri")]
    url: String,
    /// 100 to 599; 200 unless given, and for 0.
    #[schema(minimum = 0, maximum = 599)]
    expected_status_code: Option<i64>,
    /// 30 to 86,400; 60 unless given, and for 0.
    #[schema(minimum = 0, maximum = 86_400)]
    interval_seconds: Option<i64>,
    /// Yes unless said otherwise.
    enabled: Option<bool>,
}

/// Creates a monitored service.
#[utoipa::path(post, path = "/api/v1/admin/monitoring/services", tag = "monitoring",
    request_body = CreateServiceBody,
    responses(
        (status = CREATED, body = ServiceView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_name`, `invalid_url`, \
            `invalid_status_code`, `invalid_interval`, `invalid_display_name`", body = ErrorBody),
        (status = CONFLICT, description = "`name_conflict`", body = ErrorBody),
    ))]
pub(super) async fn create(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<CreateServiceBody>,
) -> Result<(StatusCode, Json<ServiceView>), ApiError> {
    let new = NewMonitoredService {
        name: body.name,
        display_name: body.display_name.unwrap_or_default(),
        url: body.url,
        expected_status_code: body.expected_status_code,
        interval_seconds: body.interval_seconds,
        enabled: body.enabled.unwrap_or(true),
    };
    let created = monitoring::create(&control, actor, new).await?;
    Ok((StatusCode::CREATED, Json(created.into())))
}
