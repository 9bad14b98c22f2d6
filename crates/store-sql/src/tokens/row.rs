//! A row of the table `tokens`.

use promptgate_kernel::{
    AccountId, EndpointId, LimitsByModel, Money, ProjectId, RepositoryError, Timestamp, TokenId,
};
use promptgate_tokens::{
    Above, PreviousSecret, ScopeSet, Token, TokenHash, TokenLimits, TokenName, TokenState,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::FromRow;
use sqlx::types::Json;
use uuid::Uuid;

use crate::error::{corrupt, read_document};
use crate::value::verbatim;

pub(super) const SELECT: &str = "SELECT id, project_id, owner_id, name, hash, prefix, last_four, env, scopes, \
     endpoint_ids, rate_limit_per_minute, rate_limit_per_hour, monthly_budget_usd_cap_nanos, \
     daily_budget_usd_cap_nanos, daily_token_cap, metadata, state, revoked_at, expires_at, last_used_at, \
     created_at, description, previous_hash, previous_until, expired_at, parent_id, depth, version, \
     more_limits, \
     (WITH RECURSIVE above (parent_id, state, expires_at) AS ( \
         SELECT token.parent_id, token.state, token.expires_at FROM tokens token \
             WHERE token.id = tokens.parent_id \
         UNION ALL SELECT token.parent_id, token.state, token.expires_at FROM tokens token \
             JOIN above ON token.id = above.parent_id) \
      SELECT min(CASE WHEN state = 'active' THEN COALESCE(expires_at, 9223372036854775807) \
          ELSE -9223372036854775807 END) FROM above) AS above_until FROM tokens";

/// What the column `above_until` says of a token below one that is switched off or revoked.
const SUSPENDED: i64 = -i64::MAX;

#[derive(FromRow)]
pub(super) struct TokenRow {
    id: Uuid,
    project_id: Uuid,
    owner_id: Option<Uuid>,
    name: String,
    hash: Vec<u8>,
    prefix: String,
    last_four: String,
    env: String,
    scopes: Json<ScopeSet>,
    endpoint_ids: Json<Vec<EndpointId>>,
    rate_limit_per_minute: Option<i64>,
    rate_limit_per_hour: Option<i64>,
    monthly_budget_usd_cap_nanos: Option<i64>,
    daily_budget_usd_cap_nanos: Option<i64>,
    daily_token_cap: Option<i64>,
    metadata: Json<Map<String, Value>>,
    state: String,
    revoked_at: Option<i64>,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
    created_at: i64,
    description: String,
    previous_hash: Option<Vec<u8>>,
    previous_until: Option<i64>,
    expired_at: Option<i64>,
    parent_id: Option<Uuid>,
    depth: i64,
    version: i64,
    above_until: Option<i64>,
    more_limits: String,
}

/// The limits that have no column of their own.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct MoreLimits {
    #[serde(skip_serializing_if = "Option::is_none")]
    monthly_token_cap: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_rate_limit_per_minute: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_rate_limit_per_hour: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_concurrent_requests: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_token_cap: Option<u64>,
    #[serde(skip_serializing_if = "LimitsByModel::is_empty")]
    model_limits: LimitsByModel,
}

impl TryFrom<TokenRow> for Token {
    type Error = RepositoryError;

    fn try_from(row: TokenRow) -> Result<Self, RepositoryError> {
        let wrong = |what: &str| corrupt("tokens", row.id, format!("its {what} makes no sense"));
        let state = match (row.state.as_str(), row.revoked_at) {
            ("active", None) => TokenState::Active,
            ("inactive", None) => TokenState::Inactive,
            ("revoked", Some(at)) => TokenState::Revoked { at: Timestamp::from_micros(at) },
            _ => return Err(wrong("state")),
        };
        let more: MoreLimits = read_document("tokens", row.id, &row.more_limits)?;
        let limits = TokenLimits {
            rate_limit_per_minute: number(row.rate_limit_per_minute).map_err(|_| wrong("limit"))?,
            rate_limit_per_hour: number(row.rate_limit_per_hour).map_err(|_| wrong("limit"))?,
            monthly_budget_usd_cap: row.monthly_budget_usd_cap_nanos.map(Money::from_nanos),
            daily_budget_usd_cap: row.daily_budget_usd_cap_nanos.map(Money::from_nanos),
            daily_token_cap: number(row.daily_token_cap).map_err(|_| wrong("limit"))?,
            monthly_token_cap: more.monthly_token_cap,
            token_rate_limit_per_minute: more.token_rate_limit_per_minute,
            token_rate_limit_per_hour: more.token_rate_limit_per_hour,
            max_concurrent_requests: more.max_concurrent_requests,
            request_token_cap: more.request_token_cap,
            model_limits: more.model_limits,
        };
        let previous = match (&row.previous_hash, row.previous_until) {
            (Some(previous), Some(until)) => Some(PreviousSecret {
                hash: hash(previous).ok_or_else(|| wrong("previous hash"))?,
                until: Timestamp::from_micros(until),
            }),
            (None, None) => None,
            _ => return Err(wrong("previous hash")),
        };
        Ok(Self {
            id: TokenId::from_uuid(row.id),
            project_id: ProjectId::from_uuid(row.project_id),
            owner: row.owner_id.map(AccountId::from_uuid),
            name: TokenName::parse(&row.name).map_err(|_| wrong("name"))?,
            hash: hash(&row.hash).ok_or_else(|| wrong("hash"))?,
            prefix: row.prefix,
            last_four: row.last_four,
            env: row.env.parse().map_err(|_| wrong("env"))?,
            scopes: row.scopes.0,
            endpoint_ids: row.endpoint_ids.0,
            limits,
            metadata: row.metadata.0,
            state,
            expires_at: row.expires_at.map(Timestamp::from_micros),
            last_used_at: row.last_used_at.map(Timestamp::from_micros),
            created_at: Timestamp::from_micros(row.created_at),
            description: row.description,
            previous,
            expired_at: row.expired_at.map(Timestamp::from_micros),
            parent: row.parent_id.map(TokenId::from_uuid),
            depth: row.depth.try_into().map_err(|_| wrong("depth"))?,
            above: above(row.above_until),
            version: row.version,
        })
    }
}

/// The limits that have no column of their own, as a document.
pub(super) fn more_limits(limits: &TokenLimits) -> String {
    verbatim(&MoreLimits {
        monthly_token_cap: limits.monthly_token_cap,
        token_rate_limit_per_minute: limits.token_rate_limit_per_minute,
        token_rate_limit_per_hour: limits.token_rate_limit_per_hour,
        max_concurrent_requests: limits.max_concurrent_requests,
        request_token_cap: limits.request_token_cap,
        model_limits: limits.model_limits.clone(),
    })
}

fn hash(stored: &[u8]) -> Option<TokenHash> {
    stored.try_into().ok().map(TokenHash::from_bytes)
}

fn above(until: Option<i64>) -> Above {
    match until {
        None | Some(i64::MAX) => Above::default(),
        Some(SUSPENDED) => Above { suspended: true, ends_at: None },
        Some(until) => Above { suspended: false, ends_at: Some(Timestamp::from_micros(until)) },
    }
}

/// A stored limit, unless it is out of range.
fn number<T: TryFrom<i64>>(stored: Option<i64>) -> Result<Option<T>, T::Error> {
    stored.map(T::try_from).transpose()
}

pub(super) const fn state(state: TokenState) -> (&'static str, Option<i64>) {
    match state {
        TokenState::Active => ("active", None),
        TokenState::Inactive => ("inactive", None),
        TokenState::Revoked { at } => ("revoked", Some(at.as_micros())),
    }
}
