//! `POST /api/v1/admin/projects/{uuid}/calls/{requestId}/replay`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_control::Control;
use promptgate_control::calls::{self, Replay, ReplayError};
use promptgate_kernel::CallId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::not_found;
use crate::admin::usage::millis;
use crate::admin::{Acting, endpoints, projects};
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segments;

/// What is said instead.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplayBody {
    /// The messages to send; what was said then, unless given.
    #[schema(value_type = Option<Vec<Object>>)]
    messages: Option<Vec<Value>>,
}

/// How the repeated call ended.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReplayView {
    /// The request id of the call that was repeated.
    source_request_id: String,
    /// The request id of the new call.
    request_id: String,
    /// The new call; null if it was not recorded.
    #[schema(value_type = Option<String>, format = "uuid")]
    call_id: Option<CallId>,
    /// The HTTP status that a client would have got.
    status: u16,
    /// The body that a client would have got.
    #[schema(value_type = Object)]
    body: Value,
    total_tokens: u64,
    latency_ms: f64,
}

/// Repeats a call of an AI endpoint through the endpoint's present configuration. It belongs to no
/// conversation, counts against no rate limit of the endpoint and never meets the response cache.
#[utoipa::path(post, path = "/api/v1/admin/projects/{uuid}/calls/{requestId}/replay", tag = "calls",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("requestId" = String, Path, description = "The request id of the call"),
    ),
    request_body = ReplayBody,
    responses(
        (status = OK, body = ReplayView),
        (status = NOT_FOUND, description = "`project_not_found`, `call_not_found`, `endpoint_not_found`",
            body = ErrorBody),
        (status = CONFLICT, description = "`call_has_no_endpoint`, `call_content_not_kept`", body = ErrorBody),
        (status = SERVICE_UNAVAILABLE, description = "`data_plane_unavailable`, `store_unavailable`",
            body = ErrorBody),
    ))]
pub(super) async fn replay(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
    StrictJson(body): StrictJson<ReplayBody>,
) -> Result<Json<ReplayView>, ApiError> {
    let project = projects::parse_id(segments.named("uuid"))?;
    let request_id = segments.named("requestId").to_owned();
    let command = Replay { project, request_id: request_id.clone(), messages: body.messages };
    let result = calls::replay(&control, actor, command).await?;
    Ok(Json(ReplayView {
        source_request_id: request_id,
        request_id: result.request_id,
        call_id: result.call_id,
        status: result.status,
        body: result.body,
        total_tokens: result.total_tokens,
        latency_ms: millis(result.latency.as_micros().try_into().unwrap_or(i64::MAX)),
    }))
}

impl From<ReplayError> for ApiError {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Forbidden(error) => error.into(),
            ReplayError::Endpoint(error) => error.into(),
            error @ ReplayError::NotFound => not_found(error),
            error @ ReplayError::NoEndpoint => {
                Self::new(StatusCode::CONFLICT, "call_has_no_endpoint").message(error)
            }
            error @ ReplayError::NoContent => {
                Self::new(StatusCode::CONFLICT, "call_content_not_kept").field("messages").message(error)
            }
            error @ ReplayError::NoRunner => endpoints::no_data_plane(error),
            ReplayError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn a_call_is_repeated_with_what_was_said_or_with_something_else() {
        let api = Api::new().await;
        let provider = api.create_provider("main", "openai").await;
        let project = api.create_project("x", "ai_gateway").await;
        let token = api.issue_token(&project).await;
        let endpoint = json!({"name": "e", "providerId": provider, "providerModel": "m"});
        let endpoints = format!("/api/v1/admin/projects/{project}/endpoints");
        let endpoint = api.post(&endpoints, &endpoint).await.created();
        let id = endpoint["id"].as_str().unwrap().parse().unwrap();
        api.record_call_with(&project, &token.id, "req-1", |event, content| {
            event.endpoint_id = Some(id);
            content.request = Some(r#"{"message":"hi","session_id":"s"}"#.into());
        })
        .await;
        let path = format!("/api/v1/admin/projects/{project}/calls/req-1/replay");
        let again = api.post(&path, &json!({})).await.ok();
        assert_eq!((&again["sourceRequestId"], &again["status"]), (&json!("req-1"), &json!(200)));
        assert_eq!(again["body"]["content"], "hi", "it was said again");
        assert_eq!(api.audit_actions().await.last().unwrap(), "gateway.replay");
        let other = json!({"messages": [{"role": "user", "content": "ho"}]});
        assert_eq!(api.post(&path, &other).await.ok()["body"]["content"], "ho");
        let refused = json!({"messages": [{"role": "user", "content": "!refuse"}]});
        assert_eq!(api.post(&path, &refused).await.ok()["status"], 422);
        let actions = api.audit_actions().await;
        assert_eq!(actions[actions.len() - 2..], ["gateway.replay", "guardrail.blocked"]);
        let request = api.last_run().unwrap();
        assert_eq!(request.endpoint_id, id);
        assert!(!request.body.contains_key("session_id"));
    }

    #[tokio::test]
    async fn what_cannot_be_repeated_has_its_code() {
        let api = Api::new().await;
        let project = api.create_project("x", "ai_gateway").await;
        let token = api.issue_token(&project).await;
        api.record_call(&project, &token.id, "no-endpoint").await;
        let at = |project: &str, id: &str| format!("/api/v1/admin/projects/{project}/calls/{id}/replay");
        for (path, body, status, code) in [
            (at(&project, "no-endpoint"), json!({}), 409, "call_has_no_endpoint"),
            (at(&project, "nobody"), json!({}), 404, "call_not_found"),
            (at("x", "no-endpoint"), json!({}), 404, "project_not_found"),
            (at(&project, "no-endpoint"), json!({"message": "x"}), 400, "invalid_request_body"),
        ] {
            api.post(&path, &body).await.refused(status, code);
        }
    }
}
