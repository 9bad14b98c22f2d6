//! What is shown, with the names of the public contract.

use std::borrow::Cow;
use std::collections::BTreeMap;

use promptgate_control::tokens::Issued;
use promptgate_endpoints::Endpoint;
use promptgate_kernel::{EndpointId, Money, Timestamp, TokenId};
use promptgate_tokens::ScopeSet;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::limits::{ManagedModelLimits, model_views};
use crate::admin::endpoints::EndpointView;
use crate::casing::{rename, rename_guardrails, snake};

/// A token with its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ManagedTokenView)]
pub(super) struct IssuedView {
    /// The secret. It is shown this once.
    token: String,
    #[schema(value_type = String, format = "uuid")]
    uuid: TokenId,
    name: String,
    /// `live` or `test`.
    env: &'static str,
    #[schema(value_type = Vec<String>)]
    scopes: ScopeSet,
    /// The endpoints it may call; null means all.
    #[schema(value_type = Option<Vec<String>>)]
    endpoint_ids: Option<Vec<EndpointId>>,
    rate_limit_per_minute: Option<u32>,
    rate_limit_per_hour: Option<u32>,
    monthly_budget_usd_cap: Option<f64>,
    daily_budget_usd_cap: Option<f64>,
    daily_token_cap: Option<u64>,
    monthly_token_cap: Option<u64>,
    token_rate_limit_per_minute: Option<u64>,
    token_rate_limit_per_hour: Option<u64>,
    max_concurrent_requests: Option<u32>,
    request_token_cap: Option<u64>,
    /// How much single models may be used, besides, by their exact ids.
    model_limits: BTreeMap<String, ManagedModelLimits>,
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    /// When it stops working; null means never.
    #[schema(value_type = Option<String>, format = "date-time")]
    expires_at: Option<Timestamp>,
    /// The token that minted it; null for one that was issued.
    #[schema(value_type = Option<String>, format = "uuid")]
    parent: Option<TokenId>,
    /// Until when the old secret works; null when it does not.
    #[schema(value_type = Option<String>, format = "date-time")]
    old_secret_expires_at: Option<Timestamp>,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    /// For people.
    note: &'static str,
}

impl From<Issued> for IssuedView {
    fn from(Issued { token, secret }: Issued) -> Self {
        Self {
            token: secret.expose().to_owned(),
            uuid: token.id,
            name: token.name.as_str().to_owned(),
            env: token.env.as_str(),
            scopes: token.scopes,
            endpoint_ids: (!token.endpoint_ids.is_empty()).then_some(token.endpoint_ids),
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
            expires_at: token.expires_at,
            parent: token.parent,
            old_secret_expires_at: token.previous.map(|previous| previous.until),
            created_at: token.created_at,
            note: "the token is shown this once; keep it now",
        }
    }
}

/// A token that was revoked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ManagedRevokedView)]
pub(super) struct RevokedView {
    #[schema(value_type = String, format = "uuid")]
    pub(super) uuid: TokenId,
    /// Always false.
    pub(super) is_active: bool,
}

/// An AI endpoint: the members of the JSON API's, with the names of the public contract.
#[derive(Debug, Serialize)]
pub(super) struct ManagedEndpoint(Value);

/// The document copies the schema from the JSON API's, with other names.
const SCHEMA: &str = "ManagedEndpointView";

impl PartialSchema for ManagedEndpoint {
    fn schema() -> RefOr<Schema> {
        Ref::from_schema_name(SCHEMA).into()
    }
}

impl ToSchema for ManagedEndpoint {
    fn name() -> Cow<'static, str> {
        SCHEMA.into()
    }
}

impl From<Endpoint> for ManagedEndpoint {
    fn from(endpoint: Endpoint) -> Self {
        let view = serde_json::to_value(EndpointView::from(endpoint)).unwrap_or_default();
        let mut view = rename(view, snake);
        for nested in ["failover", "timeouts", "variables"] {
            if let Some(value) = view.get_mut(nested) {
                *value = rename(value.take(), snake);
            }
        }
        if let Some(Value::Object(models)) = view.get_mut("model_limits") {
            for limits in models.values_mut() {
                *limits = rename(limits.take(), snake);
            }
        }
        if let Some(guardrails) = view.get_mut("guardrails") {
            *guardrails = rename_guardrails(guardrails.take(), snake);
        }
        Self(view)
    }
}
