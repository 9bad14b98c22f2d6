//! `/api/v1/admin/projects/{uuid}/tokens` and `/api/v1/admin/tokens`. A token that is there has two
//! addresses: its own, and one in its project.

mod address;
mod find;
mod issue;
mod limits;
mod list;
mod revoke;
mod rotate;
mod update;

use std::collections::BTreeMap;

use promptgate_control::tokens::{Escalation, Escape, Issued};
use promptgate_kernel::{AccountId, EndpointId, Money, ProjectId, Timestamp, TokenId};
use promptgate_tokens::{AlreadyRevoked, InvalidToken, Scope, ScopeSet, Token, TokenState};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) use self::address::Addressed;
pub(crate) use self::limits::dollars;
use crate::ApiState;
use crate::error::ApiError;
use crate::limits::{ModelLimitsView, model_views};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list::list, issue::issue))
        .routes(routes!(find::find, update::update, revoke::revoke))
        .routes(routes!(rotate::rotate))
        .routes(routes!(find::find_in_project, update::update_in_project, revoke::revoke_in_project))
        .routes(routes!(rotate::rotate_in_project))
}

/// A token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TokenView {
    /// Its identity, which survives rotation.
    #[schema(value_type = String, format = "uuid")]
    id: TokenId,
    /// The same.
    #[schema(value_type = String, format = "uuid")]
    uuid: TokenId,
    #[schema(value_type = String, format = "uuid")]
    project_id: ProjectId,
    /// The person or service account it acts for; absent for a project's own token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid")]
    owner_id: Option<AccountId>,
    name: String,
    /// The first characters of the secret.
    prefix: String,
    /// The last four characters of the secret.
    last_four: String,
    /// `live` or `test`.
    env: &'static str,
    /// What it opens: `chat`, `models`, `proxy`, `mcp`, `admin`, `tokens:write`, `endpoints:write`,
    /// `credentials:read`.
    #[schema(value_type = Vec<String>)]
    scopes: ScopeSet,
    /// The endpoints it may call; empty means all.
    #[schema(value_type = Vec<String>)]
    endpoint_ids: Vec<EndpointId>,
    rate_limit_per_minute: Option<u32>,
    rate_limit_per_hour: Option<u32>,
    /// In US dollars.
    monthly_budget_usd_cap: Option<f64>,
    /// In US dollars.
    daily_budget_usd_cap: Option<f64>,
    daily_token_cap: Option<u64>,
    monthly_token_cap: Option<u64>,
    token_rate_limit_per_minute: Option<u64>,
    token_rate_limit_per_hour: Option<u64>,
    max_concurrent_requests: Option<u32>,
    request_token_cap: Option<u64>,
    /// How much single models may be used, besides, by their exact ids.
    model_limits: BTreeMap<String, ModelLimitsView>,
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    /// Whether it is switched on and not revoked.
    is_active: bool,
    /// When it stops working; absent when never.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    expires_at: Option<Timestamp>,
    /// When it was revoked; absent when it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    revoked_at: Option<Timestamp>,
    /// When it last opened something, to within a minute.
    #[schema(value_type = Option<String>, format = "date-time")]
    last_used_at: Option<Timestamp>,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    /// The token that minted it; absent for one that was issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid")]
    parent_id: Option<TokenId>,
    /// Until when the secret before the last rotation works; absent when there was no overlap.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    old_secret_expires_at: Option<Timestamp>,
}

impl From<Token> for TokenView {
    fn from(token: Token) -> Self {
        let revoked_at = match token.state {
            TokenState::Active | TokenState::Inactive => None,
            TokenState::Revoked { at } => Some(at),
        };
        Self {
            id: token.id,
            uuid: token.id,
            project_id: token.project_id,
            owner_id: token.owner,
            name: token.name.as_str().to_owned(),
            prefix: token.prefix,
            last_four: token.last_four,
            env: token.env.as_str(),
            scopes: token.scopes,
            endpoint_ids: token.endpoint_ids,
            rate_limit_per_minute: token.limits.rate_limit_per_minute,
            rate_limit_per_hour: token.limits.rate_limit_per_hour,
            monthly_budget_usd_cap: token.limits.monthly_budget_usd_cap.map(Money::as_dollars),
            daily_budget_usd_cap: token.limits.daily_budget_usd_cap.map(Money::as_dollars),
            daily_token_cap: token.limits.daily_token_cap,
            monthly_token_cap: token.limits.monthly_token_cap,
            token_rate_limit_per_minute: token.limits.token_rate_limit_per_minute,
            token_rate_limit_per_hour: token.limits.token_rate_limit_per_hour,
            max_concurrent_requests: token.limits.max_concurrent_requests,
            request_token_cap: token.limits.request_token_cap,
            model_limits: model_views(token.limits.model_limits),
            metadata: token.metadata,
            is_active: token.state == TokenState::Active,
            expires_at: token.expires_at,
            revoked_at,
            last_used_at: token.last_used_at,
            created_at: token.created_at,
            parent_id: token.parent,
            old_secret_expires_at: token.previous.map(|previous| previous.until),
        }
    }
}

/// A token with its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct IssuedView {
    /// The secret. It is shown this once.
    token: String,
    token_info: TokenView,
}

impl From<Issued> for IssuedView {
    fn from(issued: Issued) -> Self {
        Self { token: issued.secret.expose().to_owned(), token_info: issued.token.into() }
    }
}

pub(super) fn not_found(error: impl ToString) -> ApiError {
    ApiError::not_found("token_not_found").message(error)
}

pub(crate) fn parse_scopes(names: &[String]) -> Result<ScopeSet, ApiError> {
    names
        .iter()
        .map(|name| name.parse::<Scope>())
        .collect::<Result<_, _>>()
        .map_err(|error| ApiError::bad_request("invalid_scope").field("scopes").message(error))
}

pub(crate) fn parse_endpoints(ids: &[String]) -> Result<Vec<EndpointId>, ApiError> {
    ids.iter()
        .map(|id| id.parse())
        .collect::<Result<_, _>>()
        .map_err(|error| ApiError::bad_request("invalid_endpoint_ids").field("endpointIds").message(error))
}

impl From<InvalidToken> for ApiError {
    fn from(error: InvalidToken) -> Self {
        let code = match &error {
            InvalidToken::Name => "invalid_token_name",
            InvalidToken::Limit { .. } | InvalidToken::ModelLimit(_) => "invalid_limit",
            InvalidToken::Endpoints => "invalid_endpoint_ids",
            InvalidToken::Expiry => "invalid_expiration",
            InvalidToken::NoScope => "invalid_scope",
            InvalidToken::Metadata => "invalid_metadata",
            InvalidToken::BeyondParent { .. } => "beyond_parent",
            InvalidToken::BeyondKey { .. } => "beyond_key",
            InvalidToken::TooDeep | InvalidToken::TooMany => "too_many_tokens",
            InvalidToken::Overlap => "invalid_overlap",
        };
        Self::bad_request(code).field(error.field()).message(error)
    }
}

impl From<Escape> for ApiError {
    fn from(error: Escape) -> Self {
        Self::new(http::StatusCode::FORBIDDEN, "privilege_escalation").message(error)
    }
}

impl From<Escalation> for ApiError {
    fn from(error: Escalation) -> Self {
        Self::new(http::StatusCode::FORBIDDEN, "privilege_escalation").field("scopes").message(error)
    }
}

impl From<AlreadyRevoked> for ApiError {
    fn from(error: AlreadyRevoked) -> Self {
        Self::new(http::StatusCode::CONFLICT, "token_revoked").message(error)
    }
}
