//! `POST /api/v1/admin/projects/{uuid}/tokens`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_control::Control;
use promptgate_control::tokens::{self, IssueToken, IssueTokenError};
use promptgate_kernel::{ProjectId, Timestamp};
use promptgate_tokens::{TokenEnv, TokenLimits, TokenName};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::limits::dollars;
use super::{IssuedView, parse_endpoints, parse_scopes};
use crate::admin::{Acting, projects};
use crate::body::{StrictJson, or_default};
use crate::error::{ApiError, ErrorBody};
use crate::limits::{ModelLimitsBody, ModelsBody, new_models};
use crate::segment::Segment;

/// A new token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct IssueTokenBody {
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, min_length = 1, max_length = 120)]
    name: String,
    /// `live` (default) or `test`; both behave alike.
    env: Option<String>,
    /// What it opens; by default what the project's type needs at run time.
    scopes: Option<Vec<String>>,
    /// The endpoints it may call; empty means all.
    #[schema(max_items = 1000)]
    endpoint_ids: Option<Vec<String>>,
    #[schema(minimum = 1)]
    rate_limit_per_minute: Option<u32>,
    #[schema(minimum = 1)]
    rate_limit_per_hour: Option<u32>,
    /// In US dollars.
    #[schema(minimum = 0)]
    monthly_budget_usd_cap: Option<f64>,
    /// In US dollars.
    #[schema(minimum = 0)]
    daily_budget_usd_cap: Option<f64>,
    #[schema(minimum = 1)]
    daily_token_cap: Option<u64>,
    #[schema(minimum = 1)]
    monthly_token_cap: Option<u64>,
    #[schema(minimum = 1)]
    token_rate_limit_per_minute: Option<u64>,
    #[schema(minimum = 1)]
    token_rate_limit_per_hour: Option<u64>,
    #[schema(minimum = 1)]
    max_concurrent_requests: Option<u32>,
    #[schema(minimum = 1)]
    request_token_cap: Option<u64>,
    /// How much single models may be used, besides, by their exact ids.
    #[schema(value_type = Option<BTreeMap<String, ModelLimitsBody>>)]
    model_limits: Option<ModelsBody>,
    /// Free data, at most 16 KiB.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
    /// When it stops working; never unless given.
    #[schema(value_type = Option<String>, format = "date-time")]
    expires_at: Option<Timestamp>,
}

/// Issues a token. Its secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/admin/projects/{uuid}/tokens", tag = "tokens",
    params(("uuid" = String, Path, description = "The project")),
    request_body = IssueTokenBody,
    responses(
        (status = CREATED, body = IssuedView),
        (status = NOT_FOUND, description = "`project_not_found`", body = ErrorBody),
    ))]
pub(super) async fn issue(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(uuid): Segment,
    StrictJson(body): StrictJson<IssueTokenBody>,
) -> Result<(StatusCode, Json<IssuedView>), ApiError> {
    let command = body.into_command(projects::parse_id(&uuid)?)?;
    let issued = tokens::issue(&control, actor, command).await?;
    Ok((StatusCode::CREATED, Json(issued.into())))
}

impl IssueTokenBody {
    fn into_command(self, project_id: ProjectId) -> Result<IssueToken, ApiError> {
        let env = self.env.as_deref().map(str::parse::<TokenEnv>).transpose();
        let monthly =
            self.monthly_budget_usd_cap.map(|cap| dollars("monthlyBudgetUsdCap", cap)).transpose()?;
        let daily = self.daily_budget_usd_cap.map(|cap| dollars("dailyBudgetUsdCap", cap)).transpose()?;
        Ok(IssueToken {
            project_id,
            name: TokenName::parse(&self.name)?,
            env: env
                .map_err(|error| ApiError::bad_request("invalid_env").field("env").message(error))?
                .unwrap_or_default(),
            scopes: self.scopes.as_deref().map(parse_scopes).transpose()?,
            endpoint_ids: parse_endpoints(&self.endpoint_ids.unwrap_or_default())?,
            limits: TokenLimits {
                rate_limit_per_minute: self.rate_limit_per_minute,
                rate_limit_per_hour: self.rate_limit_per_hour,
                monthly_budget_usd_cap: monthly,
                daily_budget_usd_cap: daily,
                daily_token_cap: self.daily_token_cap,
                monthly_token_cap: self.monthly_token_cap,
                token_rate_limit_per_minute: self.token_rate_limit_per_minute,
                token_rate_limit_per_hour: self.token_rate_limit_per_hour,
                max_concurrent_requests: self.max_concurrent_requests,
                request_token_cap: self.request_token_cap,
                model_limits: new_models(self.model_limits),
            },
            metadata: self.metadata.unwrap_or_default(),
            expires_at: self.expires_at,
            subject_id: None,
        })
    }
}

impl From<IssueTokenError> for ApiError {
    fn from(error: IssueTokenError) -> Self {
        match error {
            IssueTokenError::Forbidden(error) => error.into(),
            error @ IssueTokenError::UnknownProject(_) => projects::not_found(error),
            IssueTokenError::Escalation(error) => error.into(),
            IssueTokenError::Escape(error) => error.into(),
            IssueTokenError::Invalid(error) => error.into(),
            IssueTokenError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn the_secret_is_shown_once_and_the_rest_as_it_was_sent() {
        let api = Api::new().await;
        let project = api.create_project("x", "ai_wrapper").await;
        let path = format!("/api/v1/admin/projects/{project}/tokens");
        let answer = api.post(&path, &json!({"name": "ci", "metadata": {"a": [1]}})).await;
        assert_eq!(answer.header("cache-control"), "no-store");
        let answer = answer.created();
        let (secret, info) = (answer["token"].as_str().unwrap(), &answer["tokenInfo"]);
        assert!(secret.starts_with("pg_live_"));
        assert_eq!(info["prefix"], &secret[..12]);
        assert_eq!(info["lastFour"], &secret[secret.len() - 4..]);
        assert_eq!(info["projectId"], project);
        assert_eq!(info["scopes"], json!(["chat", "models"]), "the default of the type");
        assert_eq!((&info["endpointIds"], &info["metadata"]), (&json!([]), &json!({"a": [1]})));
        assert_eq!((&info["isActive"], &info["rateLimitPerMinute"]), (&json!(true), &json!(null)));
        for absent in ["expiresAt", "revokedAt", "hash"] {
            assert!(info.get(absent).is_none(), "{absent}");
        }
        assert!(answer.get("warnings").is_none());
        let listed = api.get(&path).await;
        assert!(!listed.text().contains(secret));
    }

    #[tokio::test]
    async fn default_scopes_follow_the_type() {
        let api = Api::new().await;
        for (kind, scopes) in [
            ("ai_gateway", json!(["chat", "models"])),
            ("agent_proxy", json!(["chat", "models"])),
            ("api_gateway", json!(["proxy"])),
            ("mcp_gateway", json!(["mcp"])),
        ] {
            let project = api.create_project(kind, kind).await;
            let path = format!("/api/v1/admin/projects/{project}/tokens");
            assert_eq!(api.post(&path, &json!({"name": "x"})).await.created()["tokenInfo"]["scopes"], scopes);
        }
    }

    #[tokio::test]
    async fn limits_come_back() {
        let api = Api::new().await;
        let project = api.create_project("x", "ai_wrapper").await;
        let path = format!("/api/v1/admin/projects/{project}/tokens");
        let body = json!({"name": "x", "env": "test", "rateLimitPerMinute": 2, "rateLimitPerHour": 3,
            "monthlyBudgetUsdCap": 12.5, "dailyBudgetUsdCap": 0.01, "dailyTokenCap": 5000,
            "monthlyTokenCap": 6000, "tokenRateLimitPerMinute": 7, "tokenRateLimitPerHour": 8,
            "maxConcurrentRequests": 9, "modelLimits": {"gpt-4o": {"requestsPerHour": 4}, "o1": null},
            "expiresAt": "2030-01-01T00:00:00+01:00"});
        let answer = api.post(&path, &body).await.created();
        let info = &answer["tokenInfo"];
        assert!(answer["token"].as_str().unwrap().starts_with("pg_test_"));
        assert_eq!(info["monthlyBudgetUsdCap"], 12.5);
        assert_eq!(info["dailyBudgetUsdCap"], 0.01);
        assert_eq!((&info["rateLimitPerMinute"], &info["dailyTokenCap"]), (&json!(2), &json!(5000)));
        assert_eq!(info["expiresAt"], "2029-12-31T23:00:00.000000Z");
        assert_eq!((&info["monthlyTokenCap"], &info["tokenRateLimitPerMinute"]), (&json!(6000), &json!(7)));
        assert_eq!((&info["tokenRateLimitPerHour"], &info["maxConcurrentRequests"]), (&json!(8), &json!(9)));
        assert_eq!(info["modelLimits"]["gpt-4o"]["requestsPerHour"], 4);
        assert!(info["modelLimits"].get("o1").is_none() && answer.get("warnings").is_none());
    }

    #[tokio::test]
    async fn what_is_wrong_has_a_code_and_a_field() {
        let api = Api::new().await;
        let project = api.create_project("x", "ai_wrapper").await;
        let path = format!("/api/v1/admin/projects/{project}/tokens");
        for (body, code, field) in [
            (json!({}), "invalid_token_name", "name"),
            (json!({"name": "x", "env": "prod"}), "invalid_env", "env"),
            (json!({"name": "x", "scopes": ["root"]}), "invalid_scope", "scopes"),
            (json!({"name": "x", "scopes": []}), "invalid_scope", "scopes"),
            (json!({"name": "x", "endpointIds": ["7"]}), "invalid_endpoint_ids", "endpointIds"),
            (
                json!({"name": "x", "endpointIds": vec![&project; 1_001]}),
                "invalid_endpoint_ids",
                "endpointIds",
            ),
            (json!({"name": "x", "dailyTokenCap": u64::MAX}), "invalid_limit", "dailyTokenCap"),
            (json!({"name": "x", "dailyBudgetUsdCap": 9.3e9}), "invalid_limit", "dailyBudgetUsdCap"),
            (json!({"name": "x", "monthlyBudgetUsdCap": 1e300}), "invalid_limit", "monthlyBudgetUsdCap"),
            (json!({"name": "x", "rateLimitPerHour": 0}), "invalid_limit", "rateLimitPerHour"),
            (json!({"name": "x", "maxConcurrentRequests": 0}), "invalid_limit", "maxConcurrentRequests"),
            (
                json!({"name": "x", "modelLimits": {"o1": {"tokensPerHour": 0}}}),
                "invalid_limit",
                "modelLimits.o1.tokensPerHour",
            ),
            (json!({"name": "x", "rateLimitPerHour": -1}), "invalid_request_body", "rateLimitPerHour"),
            (json!({"name": "x", "dailyBudgetUsdCap": -0.5}), "invalid_limit", "dailyBudgetUsdCap"),
            (json!({"name": "x", "expiresAt": "2001-01-01T00:00:00Z"}), "invalid_expiration", "expiresAt"),
            (json!({"name": "x", "expiresAt": "tomorrow"}), "invalid_request_body", "expiresAt"),
            (json!({"name": "x", "isActive": true}), "invalid_request_body", "isActive"),
        ] {
            let refused = api.post(&path, &body).await.refused(400, code);
            assert_eq!(refused["field"], field, "{body}");
        }
        api.post("/api/v1/admin/projects/x/tokens", &json!({"name": "x"}))
            .await
            .refused(404, "project_not_found");
    }
}
