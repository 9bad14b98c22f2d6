//! `/api/v1/admin/monitoring/services`.

mod check;
mod create;
mod delete;
mod find;
mod list;
mod update;

use http::StatusCode;
use promptgate_control::monitoring::MonitoringError;
use promptgate_kernel::{MonitoredServiceId, Timestamp};
use promptgate_monitoring::{InvalidService, MonitoredService};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::error::ApiError;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(find::find, update::update, delete::delete))
        .routes(routes!(check::check))
}

/// A service that is looked at again and again.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ServiceView {
    #[schema(value_type = String, format = "uuid")]
    id: MonitoredServiceId,
    name: String,
    display_name: String,
    url: String,
    expected_status_code: u16,
    interval_seconds: u32,
    enabled: bool,
    /// `ok` or `degraded`; `ok` until somebody looked.
    status: &'static str,
    #[schema(value_type = Option<String>, format = "date-time")]
    last_checked_at: Option<Timestamp>,
    /// Null when there was no answer.
    last_status_code: Option<u16>,
    /// What was wrong, at most 512 bytes; blank when nothing was.
    last_error: String,
    last_latency_ms: u64,
    consecutive_failures: u64,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

impl From<MonitoredService> for ServiceView {
    fn from(service: MonitoredService) -> Self {
        let condition = service.condition;
        Self {
            id: service.id,
            name: service.name,
            display_name: service.display_name,
            url: service.url,
            expected_status_code: service.expected_status_code,
            interval_seconds: service.interval_seconds,
            enabled: service.enabled,
            status: condition.health.as_str(),
            last_checked_at: condition.checked_at,
            last_status_code: condition.status_code,
            last_error: condition.error,
            last_latency_ms: condition.latency_ms,
            consecutive_failures: condition.consecutive_failures,
            created_at: service.created_at,
            updated_at: service.updated_at,
        }
    }
}

/// Reads the id in the address; what is no id belongs to no service.
fn parse_id(text: &str) -> Result<MonitoredServiceId, ApiError> {
    text.parse().map_err(not_found)
}

fn not_found(error: impl ToString) -> ApiError {
    ApiError::not_found("monitoring_service_not_found").message(error)
}

impl From<MonitoringError> for ApiError {
    fn from(error: MonitoringError) -> Self {
        match error {
            MonitoringError::Forbidden(error) => error.into(),
            error @ MonitoringError::NotFound(_) => not_found(error),
            MonitoringError::Invalid(error) => {
                let code = match error {
                    InvalidService::Name => "invalid_name",
                    InvalidService::DisplayName => "invalid_display_name",
                    InvalidService::Url => "invalid_url",
                    InvalidService::StatusCode => "invalid_status_code",
                    InvalidService::Interval => "invalid_interval",
                };
                Self::bad_request(code).field(error.field()).message(error)
            }
            error @ MonitoringError::NameTaken => {
                Self::new(StatusCode::CONFLICT, "name_conflict").field("name").message(error)
            }
            error @ MonitoringError::Changed(_) => Self::changed(&error),
            error @ MonitoringError::Unavailable => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "monitoring service unavailable").message(error)
            }
            MonitoringError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::{Value, json};

    const PATH: &str = "/api/v1/admin/monitoring/services";

    #[tokio::test]
    async fn a_service_that_fails_is_degraded_until_it_answers_as_expected() {
        let api = Api::new().await;
        let body = json!({"name": "Search", "url": "http://h/502", "enabled": false});
        let made = api.post(PATH, &body).await.created();
        assert_eq!((&made["expectedStatusCode"], &made["intervalSeconds"]), (&json!(200), &json!(60)));
        assert_eq!(
            (&made["status"], &made["lastCheckedAt"], &made["lastStatusCode"]),
            (&json!("ok"), &Value::Null, &Value::Null)
        );
        assert_eq!((&made["enabled"], &made["lastError"]), (&json!(false), &json!("")));
        let path = format!("{PATH}/{}", made["id"].as_str().unwrap());
        let check = format!("{path}/check");
        for failures in 1..3 {
            let failed = api.send("POST", &check, "").await.ok();
            assert_eq!((&failed["status"], &failed["lastStatusCode"]), (&json!("degraded"), &json!(502)));
            assert_eq!(failed["lastError"], "expected HTTP 200, got 502");
            assert_eq!(
                (&failed["consecutiveFailures"], &failed["lastLatencyMs"]),
                (&json!(failures), &json!(5))
            );
        }
        api.patch(&path, &json!({"url": "http://h/down"})).await.ok();
        let silent = api.send("POST", &check, "").await.ok();
        assert_eq!((&silent["lastStatusCode"], &silent["consecutiveFailures"]), (&Value::Null, &json!(3)));
        api.patch(&path, &json!({"url": "http://h/204", "expectedStatusCode": 204})).await.ok();
        let fine = api.send("POST", &check, "").await.ok();
        assert_eq!(
            (&fine["status"], &fine["consecutiveFailures"], &fine["lastError"]),
            (&json!("ok"), &json!(0), &json!(""))
        );
        assert_eq!(api.get(&path).await.ok(), fine);
        api.delete(&path).await.no_content();
        api.send("POST", &check, "").await.refused(404, "monitoring_service_not_found");
        let actions = api.audit_actions().await;
        assert_eq!(actions[..2], ["monitored_service.created", "monitored_service.checked"]);
        assert_eq!(actions.last().unwrap(), "monitored_service.deleted");
    }

    #[tokio::test]
    async fn what_is_wrong_has_its_code() {
        let api = Api::new().await;
        let with = |member: &str, value: Value| {
            let mut body = json!({"name": "a", "url": "http://h"});
            body[member] = value;
            body
        };
        let zero = json!({"name": "taken", "url": "http://h", "intervalSeconds": 0, "expectedStatusCode": 0});
        let made = api.post(PATH, &zero).await.created();
        assert_eq!((&made["intervalSeconds"], &made["enabled"]), (&json!(60), &json!(true)));
        for (body, status, code) in [
            (with("name", json!("a b")), 400, "invalid_name"),
            (with("name", json!("taken")), 409, "name_conflict"),
            (with("url", json!("h")), 400, "invalid_url"),
            (with("expectedStatusCode", json!(99)), 400, "invalid_status_code"),
            (with("intervalSeconds", json!(29)), 400, "invalid_interval"),
            (with("status", json!("ok")), 400, "invalid_request_body"),
        ] {
            api.post(PATH, &body).await.refused(status, code);
        }
        let path = format!("{PATH}/{}", made["id"].as_str().unwrap());
        api.patch(&path, &json!({"intervalSeconds": 0})).await.refused(400, "invalid_interval");
        api.patch(&path, &json!({"displayName": "Other"})).await.ok();
        for (method, path) in [("GET", "x"), ("PATCH", "x"), ("DELETE", "x"), ("POST", "x/check")] {
            let path = format!("{PATH}/{path}");
            api.send(method, &path, "{}").await.refused(404, "monitoring_service_not_found");
        }
        api.get(&format!("{PATH}?sortBy=secret")).await.refused(400, "invalid_sort");
        assert_eq!(api.get(&format!("{PATH}?sortBy=lastLatencyMs")).await.ok()["total"], 1);
    }
}
