//! `GET /api/v1/admin/calls/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::Control;
use promptgate_control::calls::{self, Call, FindCallError};
use promptgate_kernel::CredentialId;
use promptgate_usage::{Attempt, CallContent, ToolCallRecord};
use serde::Serialize;
use utoipa::ToSchema;

use super::not_found;
use super::view::CallView;
use crate::admin::Acting;
use crate::admin::guardrails::verdict::GuardVerdictView;
use crate::admin::usage::millis;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// A call, with the attempts that were made for it and what was said.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CallDetailView {
    #[serde(flatten)]
    call: CallView,
    /// The calls to providers, in order.
    tried: Vec<AttemptView>,
    /// What guardrails did; null where they had nothing to do.
    guardrails: Option<GuardVerdictView>,
    /// What was said; null when it was not kept, or not kept for so long.
    content: Option<CallContentView>,
}

/// One call to a provider.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AttemptView {
    /// The provider's name at that time.
    provider: String,
    /// The model as the provider knows it.
    model: String,
    #[schema(value_type = Option<String>, format = "uuid")]
    credential_id: Option<CredentialId>,
    /// What went wrong; null for the one whose answer went out.
    fault: Option<String>,
    /// The provider's HTTP status, if it gave one.
    status: Option<u16>,
    duration_ms: f64,
}

/// What was said in a call, masked and cut to 64 KiB each.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CallContentView {
    /// What the user wrote last, if the call ends with it.
    prompt: Option<String>,
    /// The request's body.
    request: Option<String>,
    /// The answer.
    response: Option<String>,
    /// The tools that the model called.
    tool_calls: Vec<ToolCallView>,
    /// Whether something was cut to fit.
    truncated: bool,
}

/// A tool that the model called.
#[derive(Debug, Serialize, ToSchema)]
struct ToolCallView {
    id: String,
    name: String,
    /// As the model wrote them.
    arguments: String,
    /// Whether the gateway added the tool, rather than the client.
    injected: bool,
}

/// Shows a call, with what was said in it.
#[utoipa::path(get, path = "/api/v1/admin/calls/{id}", tag = "calls",
    params(("id" = String, Path, description = "The call")),
    responses(
        (status = OK, body = CallDetailView),
        (status = NOT_FOUND, description = "`call_not_found`", body = ErrorBody),
    ))]
pub(super) async fn find(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<Json<CallDetailView>, ApiError> {
    let id = id.parse().map_err(not_found)?;
    Ok(Json(calls::find(&control, actor, id).await?.into()))
}

impl From<Call> for CallDetailView {
    fn from(Call { mut event, content }: Call) -> Self {
        let tried = std::mem::take(&mut event.tried);
        Self {
            guardrails: event.guarded.take().map(GuardVerdictView::from),
            tried: tried.into_iter().map(AttemptView::from).collect(),
            content: content.map(CallContentView::from),
            call: event.into(),
        }
    }
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        Self {
            provider: attempt.provider,
            model: attempt.model,
            credential_id: attempt.credential_id,
            fault: attempt.fault,
            status: attempt.status,
            duration_ms: millis(attempt.duration_us),
        }
    }
}

impl From<CallContent> for CallContentView {
    fn from(content: CallContent) -> Self {
        let tool = |call: ToolCallRecord| ToolCallView {
            id: call.id,
            name: call.name,
            arguments: call.arguments,
            injected: call.injected,
        };
        Self {
            prompt: content.prompt,
            request: content.request,
            response: content.response,
            tool_calls: content.tool_calls.into_iter().map(tool).collect(),
            truncated: content.truncated,
        }
    }
}

impl From<FindCallError> for ApiError {
    fn from(error: FindCallError) -> Self {
        match error {
            FindCallError::Forbidden(error) => error.into(),
            error @ FindCallError::NotFound(_) => not_found(error),
            FindCallError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use promptgate_usage::{Attempt, ToolCallRecord};
    use serde_json::json;

    #[tokio::test]
    async fn a_call_is_shown_with_its_attempts_and_what_was_said() {
        let api = Api::new().await;
        let project = api.create_project("x", "ai_wrapper").await;
        let token = api.issue_token(&project).await;
        let id = api
            .record_call_with(&project, &token.id, "req-1", |event, content| {
                event.tried = vec![Attempt {
                    provider: "main".into(),
                    model: "m".into(),
                    credential_id: None,
                    fault: Some("upstream_connect_timeout".into()),
                    status: None,
                    duration_us: 2_500,
                }];
                event.dropped = vec!["top_k".into()];
                content.prompt = Some("hello".into());
                content.request = Some(r#"{"a":1}"#.into());
                content.tool_calls = vec![ToolCallRecord {
                    id: "1".into(),
                    name: "t".into(),
                    arguments: "{}".into(),
                    injected: true,
                }];
            })
            .await;
        let call = api.get(&format!("/api/v1/admin/calls/{id}")).await.ok();
        assert_eq!((&call["id"], &call["requestId"]), (&json!(id), &json!("req-1")));
        assert_eq!((&call["costUsd"], &call["dropped"]), (&json!(0.0025), &json!(["top_k"])));
        assert_eq!(
            call["tried"],
            json!([{"provider": "main", "model": "m", "credentialId": null,
                "fault": "upstream_connect_timeout", "status": null, "durationMs": 2.5}])
        );
        assert_eq!(
            call["content"],
            json!({"prompt": "hello", "request": "{\"a\":1}", "response": null, "truncated": false,
                "toolCalls": [{"id": "1", "name": "t", "arguments": "{}", "injected": true}]})
        );
        let listed = api.get("/api/v1/admin/calls").await.ok();
        assert!(listed["items"][0].get("content").is_none(), "lists never show what was said");

        api.record_call(&project, &token.id, "req-2").await;
        let bare = api.get("/api/v1/admin/calls?requestId=req-2").await.ok();
        let bare = bare["items"][0]["id"].as_str().unwrap();
        assert_eq!(api.get(&format!("/api/v1/admin/calls/{bare}")).await.ok()["content"], json!(null));
        for nobody in ["x", "req-1", &project] {
            api.get(&format!("/api/v1/admin/calls/{nobody}")).await.refused(404, "call_not_found");
        }
    }
}
