//! `GET /api/v1/admin/monitoring/services`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, monitoring};
use promptgate_kernel::SortDirection;
use promptgate_monitoring::{ServiceFilter, ServiceSort};

use super::ServiceView;
use crate::admin::Acting;
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView};

const SORTS: [(&str, ServiceSort); 13] = [
    ("name", ServiceSort::Name),
    ("displayName", ServiceSort::DisplayName),
    ("url", ServiceSort::Url),
    ("expectedStatusCode", ServiceSort::ExpectedStatusCode),
    ("intervalSeconds", ServiceSort::IntervalSeconds),
    ("enabled", ServiceSort::Enabled),
    ("status", ServiceSort::Status),
    ("lastCheckedAt", ServiceSort::LastCheckedAt),
    ("lastStatusCode", ServiceSort::LastStatusCode),
    ("lastLatencyMs", ServiceSort::LastLatencyMs),
    ("consecutiveFailures", ServiceSort::ConsecutiveFailures),
    ("createdAt", ServiceSort::CreatedAt),
    ("updatedAt", ServiceSort::UpdatedAt),
];

/// Lists monitored services. `sortBy`: name (default), displayName, url, expectedStatusCode, intervalSeconds, enabled, status, lastCheckedAt, lastStatusCode, lastLatencyMs, consecutiveFailures, createdAt, updatedAt.
#[utoipa::path(get, path = "/api/v1/admin/monitoring/services", tag = "monitoring", params(ListParams),
    responses(
        (status = OK, body = ListView<ServiceView>),
        (status = BAD_REQUEST, description = "`invalid_sort`", body = ErrorBody),
    ))]
pub(super) async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Params(params): Params<ListParams>,
) -> Result<Json<ListView<ServiceView>>, ApiError> {
    let (sort, direction) = params.sort(&SORTS, (ServiceSort::Name, SortDirection::Ascending))?;
    let page = monitoring::list(&control, actor, &ServiceFilter { sort, direction }, params.page()).await?;
    Ok(Json(ListView::of(page, ServiceView::from)))
}
