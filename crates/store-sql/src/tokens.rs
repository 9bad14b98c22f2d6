//! Tokens in SQL.

mod row;

use std::collections::BTreeMap;

use async_trait::async_trait;
use promptgate_kernel::{
    AccountId, Money, Page, PageRequest, RepositoryError, SortDirection, Timestamp, TokenId,
};
use promptgate_store_sql_macros::each_dialect;
use promptgate_tokens::{
    KeyFilter, KeySort, KeyStatus, PreviousSecret, Token, TokenFilter, TokenHash, TokenRepository, TokenSort,
};
use sqlx::types::{Json, Type};
use sqlx::{AssertSqlSafe, Database, Encode, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use self::row::{SELECT, TokenRow, more_limits, state};
use crate::dialect::Dialect;
use crate::value::{containing, count, document, order_by, text};
use crate::work::SqlWork;

/// The ids of all tokens below the one whose id follows, and how far each is below it.
const BELOW: &str = "WITH RECURSIVE below (below_id, distance) AS ( \
     SELECT id, 0 FROM tokens WHERE parent_id = $1 \
     UNION ALL SELECT token.id, distance + 1 FROM tokens token JOIN below ON token.parent_id = below_id) ";

/// Of how many tokens one statement notes the use.
const TOUCHED: usize = 50;

const fn column(sort: TokenSort) -> &'static str {
    match sort {
        TokenSort::CreatedAt => "created_at",
        TokenSort::Name => "name_folded",
        TokenSort::LastUsedAt => "last_used_at",
        TokenSort::ExpiresAt => "expires_at",
    }
}

/// Whether a key's time was over at an instant.
fn push_expired<DB>(query: &mut QueryBuilder<DB>, now: Timestamp)
where
    DB: Database,
    i64: Type<DB> + for<'q> Encode<'q, DB>,
{
    query.push("(expired_at IS NOT NULL OR COALESCE(expires_at <= ").push_bind(now.as_micros());
    query.push(", FALSE))");
}

/// The condition for a status at an instant.
fn push_status<DB>(query: &mut QueryBuilder<DB>, status: KeyStatus, now: Timestamp)
where
    DB: Database,
    i64: Type<DB> + for<'q> Encode<'q, DB>,
{
    let before = match status {
        KeyStatus::Active => " AND state <> 'revoked' AND NOT ",
        KeyStatus::Expired => " AND state <> 'revoked' AND ",
        KeyStatus::Revoked => {
            query.push(" AND state = 'revoked'");
            return;
        }
    };
    query.push(before);
    push_expired(query, now);
}

/// How keys are sorted at an instant.
fn push_key_order<DB>(query: &mut QueryBuilder<DB>, filter: &KeyFilter)
where
    DB: Database,
    i64: Type<DB> + for<'q> Encode<'q, DB>,
{
    let column = match filter.sort {
        KeySort::CreatedAt => "created_at",
        KeySort::Name => "name_folded",
        KeySort::Description => "description_folded",
        KeySort::ExpiresAt => "expires_at",
        KeySort::RevokedAt => "revoked_at",
        KeySort::ExpiredAt => "expired_at",
        KeySort::Status => {
            query.push(" ORDER BY CASE WHEN state = 'revoked' THEN 2 WHEN ");
            push_expired(query, filter.now);
            query.push(match filter.direction {
                SortDirection::Ascending => " THEN 1 ELSE 0 END ASC, id ASC",
                SortDirection::Descending => " THEN 1 ELSE 0 END DESC, id ASC",
            });
            return;
        }
    };
    query.push(order_by(column, filter.direction));
}

/// A key's id as people see it, as an expression.
const ID_TEXT: [&str; 2] = [
    "CAST(id AS TEXT)",
    "lower(substr(hex(id), 1, 8) || '-' || substr(hex(id), 9, 4) || '-' || substr(hex(id), 13, 4) || '-' || \
     substr(hex(id), 17, 4) || '-' || substr(hex(id), 21))",
];

fn previous_hash(previous: Option<&PreviousSecret>) -> Option<&[u8]> {
    previous.map(|previous| previous.hash.as_bytes().as_slice())
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
            .push(" OR previous_hash = ")
            .push_bind(hash.as_bytes().as_slice())
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        let Some(token) = row.map(Token::try_from).transpose()? else { return Ok(None) };
        Ok(if token.hash == hash { Some(token) } else { token.under_previous(hash) })
    }

    #[instrument(level = "debug", name = "db.tokens.insert", skip_all, fields(token.id = %token.id))]
    async fn insert(&mut self, token: &Token) -> Result<(), RepositoryError> {
        let (state, revoked_at) = state(token.state);
        sqlx::query(
            "INSERT INTO tokens (id, project_id, owner_id, name, name_folded, hash, prefix, last_four, env, \
             scopes, endpoint_ids, rate_limit_per_minute, rate_limit_per_hour, \
             monthly_budget_usd_cap_nanos, daily_budget_usd_cap_nanos, daily_token_cap, metadata, state, \
             revoked_at, expires_at, last_used_at, created_at, version, description, description_folded, \
             previous_hash, previous_until, expired_at, parent_id, depth, more_limits) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, \
             $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31)",
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
        .bind(text(&token.description))
        .bind(text(&token.description.to_lowercase()))
        .bind(previous_hash(token.previous.as_ref()))
        .bind(token.previous.map(|previous| previous.until.as_micros()))
        .bind(token.expired_at.map(Timestamp::as_micros))
        .bind(token.parent.map(TokenId::as_uuid))
        .bind(i64::from(token.depth))
        .bind(more_limits(&token.limits))
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
             metadata = $14, state = $15, revoked_at = $16, expires_at = $17, version = $18, \
             previous_hash = $19, previous_until = $20, expired_at = $21, \
             more_limits = $22 \
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
        .bind(previous_hash(token.previous.as_ref()))
        .bind(token.previous.map(|previous| previous.until.as_micros()))
        .bind(token.expired_at.map(Timestamp::as_micros))
        .bind(more_limits(&token.limits))
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

    #[instrument(level = "debug", name = "db.tokens.list_of_owner", skip_all, fields(account.id = %owner))]
    async fn list_of_owner(&mut self, owner: AccountId) -> Result<Vec<Token>, RepositoryError> {
        let rows: Vec<TokenRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" WHERE owner_id = ")
            .push_bind(owner.as_uuid())
            .push(" AND state <> 'revoked' ORDER BY id")
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        rows.into_iter().map(Token::try_from).collect()
    }

    #[instrument(level = "debug", name = "db.tokens.list_keys", skip_all, fields(account.id = %filter.owner))]
    async fn list_keys(
        &mut self,
        filter: &KeyFilter,
        page: PageRequest,
    ) -> Result<Page<Token>, RepositoryError> {
        let matching = |mut query: QueryBuilder<Db>| {
            query.push(" WHERE owner_id = ").push_bind(filter.owner.as_uuid());
            if !filter.include_revoked {
                query.push(" AND state <> 'revoked'");
            }
            if let Some(status) = filter.status {
                push_status(&mut query, status, filter.now);
            }
            if let Some(search) = &filter.search {
                let pattern = containing(search);
                let id = Db::pick(ID_TEXT[0], ID_TEXT[1]);
                query.push(" AND (name_folded LIKE ").push_bind(pattern.clone());
                query.push(" ESCAPE '\\' OR description_folded LIKE ").push_bind(pattern.clone());
                query.push(format!(" ESCAPE '\\' OR {id} LIKE ")).push_bind(pattern).push(" ESCAPE '\\')");
            }
            query
        };
        let mut keys = matching(QueryBuilder::new(SELECT));
        push_key_order(&mut keys, filter);
        let mut total = matching(QueryBuilder::new("SELECT count(*) FROM tokens"));
        self.read_page(&mut total, &mut keys, page, |row: TokenRow| row.try_into()).await
    }

    // The update changes nothing; whoever wants the row after it waits for the end of this transaction.
    #[instrument(level = "debug", name = "db.tokens.lock_tree", skip_all, fields(token.id = %id))]
    async fn lock_tree(&mut self, id: TokenId) -> Result<Option<TokenId>, RepositoryError> {
        let root: Option<Uuid> = sqlx::query_scalar(
            "UPDATE tokens SET version = version WHERE id = ( \
                 WITH RECURSIVE line (id, parent_id) AS ( \
                     SELECT id, parent_id FROM tokens WHERE id = $1 \
                     UNION ALL SELECT token.id, token.parent_id FROM tokens token \
                         JOIN line ON token.id = line.parent_id) \
                 SELECT id FROM line WHERE parent_id IS NULL) RETURNING id",
        )
        .bind(id.as_uuid())
        .fetch_optional(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(root.map(TokenId::from_uuid))
    }

    #[instrument(level = "debug", name = "db.tokens.line_above", skip_all, fields(token.id = %id))]
    async fn line_above(&mut self, id: TokenId) -> Result<Vec<TokenId>, RepositoryError> {
        let line: Vec<Uuid> = sqlx::query_scalar(
            "WITH RECURSIVE line (above_id, distance) AS ( \
                 SELECT parent_id, 0 FROM tokens WHERE id = $1 \
                 UNION ALL SELECT token.parent_id, distance + 1 FROM tokens token \
                     JOIN line ON token.id = above_id) \
             SELECT above_id FROM line WHERE above_id IS NOT NULL ORDER BY distance",
        )
        .bind(id.as_uuid())
        .fetch_all(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(line.into_iter().map(TokenId::from_uuid).collect())
    }

    #[instrument(level = "debug", name = "db.tokens.list_below", skip_all, fields(token.id = %id))]
    async fn list_below(&mut self, id: TokenId) -> Result<Vec<Token>, RepositoryError> {
        let statement = format!(
            "{BELOW} {SELECT} JOIN below ON id = below_id WHERE state <> 'revoked' ORDER BY distance, id"
        );
        let rows: Vec<TokenRow> = sqlx::query_as(AssertSqlSafe(statement))
            .bind(id.as_uuid())
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        rows.into_iter().map(Token::try_from).collect()
    }

    #[instrument(level = "debug", name = "db.tokens.count_live_below", skip_all, fields(token.id = %id))]
    async fn count_live_below(&mut self, id: TokenId, now: Timestamp) -> Result<u64, RepositoryError> {
        let statement = format!(
            "{BELOW} SELECT count(*) FROM below JOIN tokens token ON token.id = below_id \
             WHERE token.state <> 'revoked' AND (token.expires_at IS NULL OR token.expires_at > $2)"
        );
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(statement))
            .bind(id.as_uuid())
            .bind(now.as_micros())
            .fetch_one(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(count.unsigned_abs())
    }

    #[instrument(level = "debug", name = "db.tokens.mark_expired", skip_all)]
    async fn mark_expired(&mut self, now: Timestamp, limit: u32) -> Result<u64, RepositoryError> {
        let done = sqlx::query(
            "UPDATE tokens SET expired_at = $1 WHERE expired_at IS NULL AND expires_at <= $1 AND id IN ( \
                 SELECT id FROM tokens WHERE expires_at IS NOT NULL AND expired_at IS NULL \
                     AND expires_at <= $1 AND state <> 'revoked' ORDER BY id LIMIT $2)",
        )
        .bind(now.as_micros())
        .bind(i64::from(limit))
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected())
    }

    #[instrument(level = "debug", name = "db.tokens.prune_minted", skip_all)]
    async fn prune_minted(&mut self, before: Timestamp, limit: u32) -> Result<u64, RepositoryError> {
        // Those at the ends of a tree; those above them are at the end next time. For 32 days what they
        // spent may be asked for, of a month of those above them.
        let done = sqlx::query(
            "DELETE FROM tokens WHERE id IN ( \
                 SELECT id FROM tokens AS over WHERE parent_id IS NOT NULL \
                     AND (revoked_at < $1 OR expires_at < $1) \
                     AND NOT EXISTS (SELECT 1 FROM tokens AS below WHERE below.parent_id = over.id) \
                     AND NOT EXISTS (SELECT 1 FROM usage_events WHERE token_id = over.id) \
                     AND NOT EXISTS (SELECT 1 FROM usage_quarters WHERE token_id = over.id \
                         AND at > $1 - 2764800000000) \
                     ORDER BY id LIMIT $2)",
        )
        .bind(before.as_micros())
        .bind(i64::from(limit))
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected())
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
        let latest: Vec<_> = latest.into_iter().collect();
        for batch in latest.chunks(TOUCHED) {
            let mut query = QueryBuilder::<Db>::new("WITH uses (id, at) AS (");
            query.push_values(batch, |mut row, (id, at)| {
                row.push_bind(id.as_uuid()).push_bind(at.as_micros());
            });
            query.push(
                "), mine AS (SELECT tokens.id, uses.at FROM tokens JOIN uses ON uses.id = tokens.id \
                 WHERE last_used_at IS NULL OR last_used_at < uses.at ORDER BY tokens.id",
            );
            query.push(Db::pick(" FOR UPDATE OF tokens", ""));
            query.push(
                ") UPDATE tokens SET last_used_at = mine.at FROM mine WHERE tokens.id = mine.id \
                 AND (last_used_at IS NULL OR last_used_at < mine.at)",
            );
            query.build().execute(&mut *self.tx).await.map_err(|error| self.fail(error))?;
        }
        Ok(())
    }
}
