//! `PATCH /api/v1/admin/tokens/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::Control;
use promptgate_control::tokens::{self, UpdateTokenError};
use promptgate_kernel::Timestamp;
use promptgate_tokens::{TokenChanges, TokenName};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::address::Addressed;
use super::limits::dollars;
use super::{TokenView, not_found, parse_endpoints, parse_scopes};
use crate::admin::Acting;
use crate::body::{Patch, StrictJson};
use crate::error::{ApiError, ErrorBody};
use crate::limits::{ModelLimitsBody, ModelsBody, model_changes};

/// What is to change about a token. What is left out stays; null lifts a limit or an expiry.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateTokenBody {
    #[schema(min_length = 1, max_length = 120)]
    name: Option<String>,
    /// What it opens.
    scopes: Option<Vec<String>>,
    /// The endpoints it may call; empty or null means all.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 1000)]
    endpoint_ids: Patch<Vec<String>>,
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1)]
    rate_limit_per_minute: Patch<u32>,
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1)]
    rate_limit_per_hour: Patch<u32>,
    /// In US dollars.
    #[serde(default)]
    #[schema(value_type = Option<f64>, minimum = 0)]
    monthly_budget_usd_cap: Patch<f64>,
    /// In US dollars.
    #[serde(default)]
    #[schema(value_type = Option<f64>, minimum = 0)]
    daily_budget_usd_cap: Patch<f64>,
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 1)]
    daily_token_cap: Patch<u64>,
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 1)]
    monthly_token_cap: Patch<u64>,
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 1)]
    token_rate_limit_per_minute: Patch<u64>,
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 1)]
    token_rate_limit_per_hour: Patch<u64>,
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1)]
    max_concurrent_requests: Patch<u32>,
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 1)]
    request_token_cap: Patch<u64>,
    /// How much single models may be used, besides, by their exact ids. Those of models that are not named
    /// stay; null takes them away.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, ModelLimitsBody>>)]
    model_limits: Patch<ModelsBody>,
    /// Free data, whole; null empties it.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    metadata: Patch<Map<String, Value>>,
    /// Switches the token off, or on again.
    is_active: Option<bool>,
    /// When it stops working; null means never.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "date-time")]
    expires_at: Patch<Timestamp>,
}

/// Changes a token.
#[utoipa::path(patch, path = "/api/v1/admin/tokens/{id}", tag = "tokens",
    params(("id" = String, Path, description = "The token")),
    request_body = UpdateTokenBody,
    responses(
        (status = OK, body = TokenView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, or by the `field`: `beyond_parent` where a \
            minted token would have more than the one that minted it, `beyond_key` where an account's key would \
            open more or last longer than keys do, `invalid_…`", body = ErrorBody),
        (status = NOT_FOUND, description = "`token_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`token_revoked`, `concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn update(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Addressed(address): Addressed,
    StrictJson(body): StrictJson<UpdateTokenBody>,
) -> Result<Json<TokenView>, ApiError> {
    let token = tokens::update(&control, actor, address, body.try_into()?).await?;
    Ok(Json(token.into()))
}

/// Changes a token of a project.
#[utoipa::path(patch, path = "/api/v1/admin/projects/{uuid}/tokens/{id}", tag = "tokens",
    params(("uuid" = String, Path, description = "The project"), ("id" = String, Path, description = "The token")),
    request_body = UpdateTokenBody,
    responses(
        (status = OK, body = TokenView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, or by the `field`: `beyond_parent` where a \
            minted token would have more than the one that minted it, `beyond_key` where an account's key would \
            open more or last longer than keys do, `invalid_…`", body = ErrorBody),
        (status = NOT_FOUND, description = "`token_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`token_revoked`, `concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn update_in_project(
    acting: Acting,
    control: State<Arc<Control>>,
    address: Addressed,
    body: StrictJson<UpdateTokenBody>,
) -> Result<Json<TokenView>, ApiError> {
    update(acting, control, address, body).await
}

impl TryFrom<UpdateTokenBody> for TokenChanges {
    type Error = ApiError;

    fn try_from(body: UpdateTokenBody) -> Result<Self, ApiError> {
        let endpoints = body.endpoint_ids.try_map(|ids| parse_endpoints(&ids))?;
        let monthly = body.monthly_budget_usd_cap.try_map(|cap| dollars("monthlyBudgetUsdCap", cap))?;
        let daily = body.daily_budget_usd_cap.try_map(|cap| dollars("dailyBudgetUsdCap", cap))?;
        Ok(Self {
            name: body.name.as_deref().map(TokenName::parse).transpose()?,
            scopes: body.scopes.as_deref().map(parse_scopes).transpose()?,
            endpoint_ids: endpoints.into_change().map(Option::unwrap_or_default),
            rate_limit_per_minute: body.rate_limit_per_minute.into_change(),
            rate_limit_per_hour: body.rate_limit_per_hour.into_change(),
            monthly_budget_usd_cap: monthly.into_change(),
            daily_budget_usd_cap: daily.into_change(),
            daily_token_cap: body.daily_token_cap.into_change(),
            monthly_token_cap: body.monthly_token_cap.into_change(),
            token_rate_limit_per_minute: body.token_rate_limit_per_minute.into_change(),
            token_rate_limit_per_hour: body.token_rate_limit_per_hour.into_change(),
            max_concurrent_requests: body.max_concurrent_requests.into_change(),
            request_token_cap: body.request_token_cap.into_change(),
            model_limits: model_changes(body.model_limits),
            metadata: body.metadata.into_change().map(Option::unwrap_or_default),
            is_active: body.is_active,
            expires_at: body.expires_at.into_change(),
        })
    }
}

impl From<UpdateTokenError> for ApiError {
    fn from(error: UpdateTokenError) -> Self {
        match error {
            UpdateTokenError::Forbidden(error) => error.into(),
            error @ UpdateTokenError::NotFound(_) => not_found(error),
            UpdateTokenError::Revoked(error) => error.into(),
            UpdateTokenError::Invalid(error) => error.into(),
            error @ UpdateTokenError::Changed(_) => Self::changed(&error),
            UpdateTokenError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn null_lifts_a_limit_and_absence_keeps_it() {
        let api = Api::new().await;
        let token = api.issue_token(&api.create_project("x", "ai_wrapper").await).await;
        let path = format!("/api/v1/admin/tokens/{}", token.id);
        let limits = json!({"rateLimitPerMinute": 5, "dailyBudgetUsdCap": 2, "expiresAt": "2040-01-01T00:00:00Z",
            "maxConcurrentRequests": 3, "modelLimits": {"a": {"requestsPerMinute": 1}, "b": {"maxConcurrent": 2}}});
        let set = api.patch(&path, &limits).await.ok();
        assert_eq!((&set["rateLimitPerMinute"], &set["dailyBudgetUsdCap"]), (&json!(5), &json!(2.0)));
        assert_eq!(set["maxConcurrentRequests"], 3);
        let kept = api.patch(&path, &json!({"name": "renamed", "isActive": false})).await.ok();
        assert_eq!((&kept["rateLimitPerMinute"], &kept["isActive"]), (&json!(5), &json!(false)));
        assert_eq!((&kept["maxConcurrentRequests"], &kept["modelLimits"]), (&json!(3), &set["modelLimits"]));
        let null = json!({"rateLimitPerMinute": null, "maxConcurrentRequests": null, "modelLimits": {"a": null}, "dailyBudgetUsdCap": null, "expiresAt": null});
        let lifted = api.patch(&path, &null).await.ok();
        assert_eq!((&lifted["rateLimitPerMinute"], &lifted["name"]), (&json!(null), &json!("renamed")));
        assert_eq!(lifted["maxConcurrentRequests"], json!(null));
        assert_eq!(lifted["modelLimits"]["b"]["maxConcurrent"], 2);
        assert!(lifted.get("expiresAt").is_none() && lifted["modelLimits"].get("a").is_none());
    }

    #[tokio::test]
    async fn a_revoked_token_does_not_change() {
        let api = Api::new().await;
        let token = api.issue_token(&api.create_project("x", "ai_wrapper").await).await;
        let path = format!("/api/v1/admin/tokens/{}", token.id);
        api.patch(&path, &json!({"rateLimitPerHour": 0})).await.refused(400, "invalid_limit");
        api.patch(&path, &json!({"prefix": "x"})).await.refused(400, "invalid_request_body");
        api.delete(&path).await.no_content();
        api.patch(&path, &json!({"isActive": true})).await.refused(409, "token_revoked");
        api.patch("/api/v1/admin/tokens/x", &json!({})).await.refused(404, "token_not_found");
    }
}
