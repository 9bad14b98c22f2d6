//! What everybody who signed in reads: the FAQ, and how the services are.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, faq, monitoring};
use promptgate_help::{FaqEntry, render};
use promptgate_kernel::{FaqEntryId, MonitoredServiceId, Timestamp};
use promptgate_monitoring::MonitoredService;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::error::{ApiError, ErrorBody};
use crate::session::SignedIn;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(read)).routes(routes!(status))
}

/// A question and its answer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PublishedFaqView {
    #[schema(value_type = String, format = "uuid")]
    id: FaqEntryId,
    question: String,
    /// The answer as HTML that is safe to show.
    rendered_html: String,
    position: u64,
}

impl From<FaqEntry> for PublishedFaqView {
    fn from(entry: FaqEntry) -> Self {
        Self {
            id: entry.id,
            question: entry.question,
            rendered_html: render(&entry.answer),
            position: entry.position,
        }
    }
}

/// Shows the published entries of the FAQ, in order.
#[utoipa::path(get, path = "/api/v1/faq", tag = "faq", responses(
    (status = OK, body = Vec<PublishedFaqView>),
    (status = UNAUTHORIZED, description = "`missing session`, `invalid session`", body = ErrorBody),
))]
async fn read(
    signed_in: SignedIn,
    State(control): State<Arc<Control>>,
) -> Result<Json<Vec<PublishedFaqView>>, ApiError> {
    let entries = faq::read(&control, signed_in.actor).await?;
    Ok(Json(entries.into_iter().map(PublishedFaqView::from).collect()))
}

/// How the services are, all together.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct StatusView {
    /// `degraded` as soon as one of them is, else `ok`.
    status: &'static str,
    /// Those that are looked at and are not as expected, by name.
    services: Vec<DegradedServiceView>,
}

/// A service that is not as expected. Nothing of it says where it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DegradedServiceView {
    #[schema(value_type = String, format = "uuid")]
    id: MonitoredServiceId,
    name: String,
    display_name: String,
    status: &'static str,
    #[schema(value_type = Option<String>, format = "date-time")]
    last_checked_at: Option<Timestamp>,
    last_status_code: Option<u16>,
    /// What is wrong, without addresses and names of machines.
    last_error: String,
    last_latency_ms: u64,
}

impl From<MonitoredService> for DegradedServiceView {
    fn from(service: MonitoredService) -> Self {
        Self {
            last_error: service.public_error(),
            id: service.id,
            name: service.name,
            display_name: service.display_name,
            status: service.condition.health.as_str(),
            last_checked_at: service.condition.checked_at,
            last_status_code: service.condition.status_code,
            last_latency_ms: service.condition.latency_ms,
        }
    }
}

/// Says how the monitored services are, and which of them are not as expected.
#[utoipa::path(get, path = "/api/v1/monitoring/status", tag = "monitoring", responses(
    (status = OK, body = StatusView),
    (status = UNAUTHORIZED, description = "`missing session`, `invalid session`", body = ErrorBody),
))]
async fn status(
    signed_in: SignedIn,
    State(control): State<Arc<Control>>,
) -> Result<Json<StatusView>, ApiError> {
    let status = monitoring::status(&control, signed_in.actor).await?;
    let services = status.degraded.into_iter().map(DegradedServiceView::from).collect();
    Ok(Json(StatusView { status: status.health.as_str(), services }))
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;

    #[tokio::test]
    async fn only_who_signed_in_reads_them() {
        let api = Api::new().await;
        for path in ["/api/v1/faq", "/api/v1/monitoring/status"] {
            api.without_key("GET", path).await.refused(401, "missing session");
            api.get(path).await.refused(401, "missing session");
        }
    }
}
