//! `GET /api/v1/admin/projects/{uuid}/usage`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::Control;
use promptgate_control::usage::{self, ListUsage, ListUsageError};
use promptgate_kernel::{AccountId, CallId, ProjectId, ProviderId, SortDirection, Timestamp, TokenId};
use promptgate_usage::{TokenCounts, UsageEvent};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::admin::{Acting, projects};
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView};
use crate::segment::Segment;

/// Which calls are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Only the call with this request id.
    request_id: Option<String>,
    /// Only calls by this token.
    token_id: Option<String>,
}

/// The record of one call.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::admin) struct UsageView {
    #[schema(value_type = String, format = "uuid")]
    id: CallId,
    /// The request id that the client knows.
    request_id: String,
    /// When the request arrived.
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = String, format = "uuid")]
    project_id: ProjectId,
    #[schema(value_type = String, format = "uuid")]
    token_id: TokenId,
    #[schema(value_type = Option<String>, format = "uuid")]
    owner_id: Option<AccountId>,
    /// `chat_completions`, `messages`, `embeddings` or `models`.
    operation: String,
    /// The model as the client asked for it.
    requested_model: Option<String>,
    #[schema(value_type = Option<String>, format = "uuid")]
    provider_id: Option<ProviderId>,
    /// The provider's name at that time.
    provider: Option<String>,
    /// The model as the provider knows it.
    model: Option<String>,
    streamed: bool,
    tokens: UsageTokensView,
    /// Whether the tokens are an estimate, because the provider did not tell.
    estimated: bool,
    /// In US dollars.
    cost_usd: f64,
    /// The price table that the cost comes from.
    price_version: String,
    /// `exact`, `prefix`, `endpoint` (what the AI endpoint says), `fallback` or `none`.
    price_basis: String,
    latency_ms: f64,
    time_to_first_byte_ms: Option<f64>,
    /// `completed`, `refused`, `upstream_failed`, `caller_cancelled` or `gateway_failed`.
    outcome: &'static str,
    /// The HTTP status of the answer.
    status: u16,
    error_code: Option<String>,
    /// How many upstream calls were made for it.
    attempts: u32,
    client_ip: Option<String>,
    /// The configuration it was served under.
    revision: i64,
    /// What was decided and why, in order.
    trace: Vec<String>,
}

/// Tokens by classes that do not overlap.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::admin) struct UsageTokensView {
    input: u64,
    cache_read: u64,
    cache_write5m: u64,
    cache_write1h: u64,
    audio_input: u64,
    output: u64,
    reasoning: u64,
    audio_output: u64,
    total: u64,
}

/// Lists a project's calls, newest first.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}/usage", tag = "usage",
    params(("uuid" = String, Path, description = "The project"), ListParams, Wanted),
    responses(
        (status = OK, body = ListView<UsageView>),
        (status = BAD_REQUEST, description = "`invalid_sort`", body = ErrorBody),
        (status = NOT_FOUND, description = "`project_not_found`, `token_not_found`", body = ErrorBody),
    ))]
pub(super) async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(uuid): Segment,
    Params(params): Params<ListParams>,
    Params(wanted): Params<Wanted>,
) -> Result<Json<ListView<UsageView>>, ApiError> {
    let query = wanted.into_query(projects::parse_id(&uuid)?)?;
    newest_first(&params)?;
    let page = usage::list(&control, actor, query, params.page()).await?;
    Ok(Json(ListView::of(page, UsageView::from)))
}

/// The one order there is.
fn newest_first(params: &ListParams) -> Result<(), ApiError> {
    match params.sort(&[("createdAt", ())], ((), SortDirection::Descending))? {
        ((), SortDirection::Descending) => Ok(()),
        ((), SortDirection::Ascending) => Err(ApiError::bad_request("invalid_sort")
            .field("sortDir")
            .message("calls are listed newest first: sortDir must be desc")),
    }
}

impl Wanted {
    fn into_query(self, project_id: ProjectId) -> Result<ListUsage, ApiError> {
        let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let token_id = given(self.token_id).map(|text| text.trim().parse()).transpose();
        Ok(ListUsage {
            project_id,
            token_id: token_id
                .map_err(|error| ApiError::not_found("token_not_found").field("tokenId").message(error))?,
            request_id: given(self.request_id),
        })
    }
}

impl From<UsageEvent> for UsageView {
    fn from(event: UsageEvent) -> Self {
        Self {
            id: event.id,
            request_id: event.request_id,
            created_at: event.at,
            project_id: event.project_id,
            token_id: event.token_id,
            owner_id: event.owner,
            operation: event.operation,
            requested_model: event.requested_model,
            provider_id: event.provider_id,
            provider: event.provider,
            model: event.model,
            streamed: event.streamed,
            tokens: event.tokens.into(),
            estimated: event.estimated,
            cost_usd: event.cost.as_dollars(),
            price_version: event.price_version,
            price_basis: event.price_basis,
            latency_ms: millis(event.latency_us),
            time_to_first_byte_ms: event.time_to_first_byte_us.map(millis),
            outcome: event.outcome.as_str(),
            status: event.status,
            error_code: event.error_code,
            attempts: event.attempts,
            client_ip: event.client_ip,
            revision: event.revision.number(),
            trace: event.trace,
        }
    }
}

pub(in crate::admin) fn millis(micros: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "exact for 285 years")]
    let micros = micros as f64;
    micros / 1_000.0
}

impl From<TokenCounts> for UsageTokensView {
    fn from(counts: TokenCounts) -> Self {
        Self {
            input: counts.input,
            cache_read: counts.cache_read,
            cache_write5m: counts.cache_write_5m,
            cache_write1h: counts.cache_write_1h,
            audio_input: counts.audio_input,
            output: counts.output,
            reasoning: counts.reasoning,
            audio_output: counts.audio_output,
            total: counts.total(),
        }
    }
}

impl From<ListUsageError> for ApiError {
    fn from(error: ListUsageError) -> Self {
        match error {
            ListUsageError::Forbidden(error) => error.into(),
            error @ ListUsageError::UnknownProject(_) => projects::not_found(error),
            ListUsageError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn a_call_is_found_with_its_cost() {
        let api = Api::new().await;
        let project = api.create_project("x", "ai_wrapper").await;
        let token = api.issue_token(&project).await;
        api.record_call(&project, &token.id, "req-1").await;
        api.record_call(&project, &token.id, "req-2").await;
        let path = format!("/api/v1/admin/projects/{project}/usage");
        assert_eq!(api.get(&path).await.ok()["total"], 2);
        let found = api.get(&format!("{path}?requestId=req-1&sortBy=createdAt&sortDir=desc")).await.ok();
        let call = &found["items"][0];
        assert_eq!((&found["total"], &call["requestId"]), (&json!(1), &json!("req-1")));
        assert_eq!((&call["costUsd"], &call["latencyMs"]), (&json!(0.0025), &json!(1.5)));
        assert_eq!((&call["tokens"]["total"], &call["tokens"]["cacheWrite5m"]), (&json!(12), &json!(2)));
        assert_eq!((&call["outcome"], &call["status"]), (&json!("completed"), &json!(200)));
        assert_eq!(api.get(&format!("{path}?tokenId={project}")).await.ok()["total"], 0);
        api.get(&format!("{path}?sortDir=asc")).await.refused(400, "invalid_sort");
        api.get("/api/v1/admin/projects/x/usage").await.refused(404, "project_not_found");
    }
}
