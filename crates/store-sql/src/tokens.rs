//! Tokens in SQL.

use std::collections::BTreeMap;

use async_trait::async_trait;
use promptgate_kernel::{
    AccountId, EndpointId, Money, Page, PageRequest, ProjectId, RepositoryError, Timestamp, TokenId,
};
use promptgate_store_sql_macros::each_dialect;
use promptgate_tokens::{
    ScopeSet, Token, TokenFilter, TokenHash, TokenLimits, TokenName, TokenRepository, TokenSort, TokenState,
};
use serde_json::{Map, Value};
use sqlx::types::Json;
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::error::corrupt;
use crate::value::{count, document, order_by};
use crate::work::SqlWork;

const SELECT: &str = "SELECT id, project_id, owner_id, name, hash, prefix, last_four, env, scopes, \
     endpoint_ids, rate_limit_per_minute, rate_limit_per_hour, monthly_budget_usd_cap_nanos, \
     daily_budget_usd_cap_nanos, daily_token_cap, metadata, state, revoked_at, expires_at, last_used_at, \
     created_at, version FROM tokens";

#[derive(FromRow)]
struct TokenRow {
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
    version: i64,
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
        let limits = TokenLimits {
            rate_limit_per_minute: number(row.rate_limit_per_minute).map_err(|_| wrong("limit"))?,
            rate_limit_per_hour: number(row.rate_limit_per_hour).map_err(|_| wrong("limit"))?,
            monthly_budget_usd_cap: row.monthly_budget_usd_cap_nanos.map(Money::from_nanos),
            daily_budget_usd_cap: row.daily_budget_usd_cap_nanos.map(Money::from_nanos),
            daily_token_cap: number(row.daily_token_cap).map_err(|_| wrong("limit"))?,
        };
        Ok(Self {
            id: TokenId::from_uuid(row.id),
            project_id: ProjectId::from_uuid(row.project_id),
            owner: row.owner_id.map(AccountId::from_uuid),
            name: TokenName::parse(&row.name).map_err(|_| wrong("name"))?,
            hash: TokenHash::from_bytes(row.hash.as_slice().try_into().map_err(|_| wrong("hash"))?),
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
            version: row.version,
        })
    }
}

/// A stored limit, unless it is out of range.
fn number<T: TryFrom<i64>>(stored: Option<i64>) -> Result<Option<T>, T::Error> {
    stored.map(T::try_from).transpose()
}

const fn state(state: TokenState) -> (&'static str, Option<i64>) {
    match state {
        TokenState::Active => ("active", None),
        TokenState::Inactive => ("inactive", None),
        TokenState::Revoked { at } => ("revoked", Some(at.as_micros())),
    }
}

const fn column(sort: TokenSort) -> &'static str {
    match sort {
        TokenSort::CreatedAt => "created_at",
        TokenSort::Name => "name_folded",
        TokenSort::LastUsedAt => "last_used_at",
        TokenSort::ExpiresAt => "expires_at",
    }
}

#[each_dialect]
#[async_trait]
impl TokenRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.tokens.find", skip_all, fields(token.id = %id))]
    async fn find(&mut self, id: TokenId) -> Result<Option<Token>, RepositoryError> {
        let row: Option<TokenRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" WHERE id = ")
            .push_bind(id.as_uuid())
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        row.map(Token::try_from).transpose()
    }

    #[instrument(level = "debug", name = "db.tokens.find_by_hash", skip_all)]
    async fn find_by_hash(&mut self, hash: TokenHash) -> Result<Option<Token>, RepositoryError> {
        let row: Option<TokenRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" WHERE hash = ")
            .push_bind(hash.as_bytes().as_slice())
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        row.map(Token::try_from).transpose()
    }

    #[instrument(level = "debug", name = "db.tokens.insert", skip_all, fields(token.id = %token.id))]
    async fn insert(&mut self, token: &Token) -> Result<(), RepositoryError> {
        let (state, revoked_at) = state(token.state);
        sqlx::query(
            "INSERT INTO tokens (id, project_id, owner_id, name, name_folded, hash, prefix, last_four, env, \
             scopes, endpoint_ids, rate_limit_per_minute, rate_limit_per_hour, \
             monthly_budget_usd_cap_nanos, daily_budget_usd_cap_nanos, daily_token_cap, metadata, state, \
             revoked_at, expires_at, last_used_at, created_at, version) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, \
             $20, $21, $22, $23)",
        )
        .bind(token.id.as_uuid())
        .bind(token.project_id.as_uuid())
        .bind(token.owner.map(AccountId::as_uuid))
        .bind(token.name.as_str())
        .bind(token.name.as_str().to_lowercase())
        .bind(token.hash.as_bytes().as_slice())
        .bind(&token.prefix)
        .bind(&token.last_four)
        .bind(token.env.as_str())
        .bind(Json(&token.scopes))
        .bind(Json(&token.endpoint_ids))
        .bind(token.limits.rate_limit_per_minute.map(i64::from))
        .bind(token.limits.rate_limit_per_hour.map(i64::from))
        .bind(token.limits.monthly_budget_usd_cap.map(Money::as_nanos))
        .bind(token.limits.daily_budget_usd_cap.map(Money::as_nanos))
        .bind(token.limits.daily_token_cap.map(count))
        .bind(document(&token.metadata))
        .bind(state)
        .bind(revoked_at)
        .bind(token.expires_at.map(Timestamp::as_micros))
        .bind(token.last_used_at.map(Timestamp::as_micros))
        .bind(token.created_at.as_micros())
        .bind(token.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
    }

    // `last_used_at` is left alone: the entity was read before, and `touch` may have moved it since.
    #[instrument(level = "debug", name = "db.tokens.save", skip_all, fields(token.id = %token.id))]
    async fn save(&mut self, token: &Token) -> Result<bool, RepositoryError> {
        let (state, revoked_at) = state(token.state);
        let done = sqlx::query(
            "UPDATE tokens SET name = $2, name_folded = $3, hash = $4, prefix = $5, last_four = $6, \
             scopes = $7, endpoint_ids = $8, rate_limit_per_minute = $9, rate_limit_per_hour = $10, \
             monthly_budget_usd_cap_nanos = $11, daily_budget_usd_cap_nanos = $12, daily_token_cap = $13, \
             metadata = $14, state = $15, revoked_at = $16, expires_at = $17, version = $18 \
             WHERE id = $1 AND version = $18 - 1",
        )
        .bind(token.id.as_uuid())
        .bind(token.name.as_str())
        .bind(token.name.as_str().to_lowercase())
        .bind(token.hash.as_bytes().as_slice())
        .bind(&token.prefix)
        .bind(&token.last_four)
        .bind(Json(&token.scopes))
        .bind(Json(&token.endpoint_ids))
        .bind(token.limits.rate_limit_per_minute.map(i64::from))
        .bind(token.limits.rate_limit_per_hour.map(i64::from))
        .bind(token.limits.monthly_budget_usd_cap.map(Money::as_nanos))
        .bind(token.limits.daily_budget_usd_cap.map(Money::as_nanos))
        .bind(token.limits.daily_token_cap.map(count))
        .bind(document(&token.metadata))
        .bind(state)
        .bind(revoked_at)
        .bind(token.expires_at.map(Timestamp::as_micros))
        .bind(token.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.tokens.list", skip_all, fields(project.id = %filter.project_id))]
    async fn list(
        &mut self,
        filter: &TokenFilter,
        page: PageRequest,
    ) -> Result<Page<Token>, RepositoryError> {
        let matching = |mut query: QueryBuilder<Db>| {
            query.push(" WHERE project_id = ").push_bind(filter.project_id.as_uuid());
            if !filter.include_revoked {
                query.push(" AND state <> 'revoked'");
            }
            query
        };
        self.read_page(
            &mut matching(QueryBuilder::new("SELECT count(*) FROM tokens")),
            matching(QueryBuilder::new(SELECT)).push(order_by(column(filter.sort), filter.direction)),
            page,
            |row: TokenRow| row.try_into(),
        )
        .await
    }

    #[instrument(level = "debug", name = "db.tokens.touch", skip_all)]
    async fn touch(&mut self, uses: &[(TokenId, Timestamp)]) -> Result<(), RepositoryError> {
        // Each token once, and in the order of their ids, so that two writers never wait for each
        // other in a circle.
        let mut latest: BTreeMap<TokenId, Timestamp> = BTreeMap::new();
        for (id, at) in uses {
            let known = latest.entry(*id).or_insert(*at);
            *known = (*known).max(*at);
        }
        for (id, at) in latest {
            sqlx::query(
                "UPDATE tokens SET last_used_at = $2 \
                 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)",
            )
            .bind(id.as_uuid())
            .bind(at.as_micros())
            .execute(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        }
        Ok(())
    }
}
