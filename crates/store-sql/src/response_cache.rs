//! Cached answers in SQL.

use std::collections::BTreeMap;

use async_trait::async_trait;
use promptgate_endpoints::{CacheKey, CachedAnswer, ResponseCacheRepository};
use promptgate_kernel::{EndpointId, ProjectId, RepositoryError, Timestamp};
use promptgate_store_sql_macros::each_dialect;
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::dialect::Dialect;
use crate::error::corrupt;
use crate::value::{count, text};
use crate::work::SqlWork;

/// The hits of how many answers one statement counts.
const COUNTED: usize = 50;

#[derive(FromRow)]
struct AnswerRow {
    key: Vec<u8>,
    endpoint_id: Uuid,
    project_id: Uuid,
    provider: String,
    provider_model: String,
    prompt_tokens: i64,
    completion_tokens: i64,
    total_tokens: i64,
    body: String,
    hit_count: i64,
    created_at: i64,
    expires_at: i64,
}

impl TryFrom<AnswerRow> for CachedAnswer {
    type Error = RepositoryError;

    fn try_from(row: AnswerRow) -> Result<Self, RepositoryError> {
        let key = <[u8; 32]>::try_from(row.key.as_slice());
        Ok(Self {
            key: CacheKey::from_bytes(
                key.map_err(|error| corrupt("response_cache", row.endpoint_id, error))?,
            ),
            endpoint_id: EndpointId::from_uuid(row.endpoint_id),
            project_id: ProjectId::from_uuid(row.project_id),
            provider: row.provider,
            provider_model: row.provider_model,
            prompt_tokens: row.prompt_tokens.unsigned_abs(),
            completion_tokens: row.completion_tokens.unsigned_abs(),
            total_tokens: row.total_tokens.unsigned_abs(),
            body: row.body,
            hit_count: row.hit_count.unsigned_abs(),
            created_at: Timestamp::from_micros(row.created_at),
            expires_at: Timestamp::from_micros(row.expires_at),
        })
    }
}

#[each_dialect]
#[async_trait]
impl ResponseCacheRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.response_cache.find", skip_all)]
    async fn find(
        &mut self,
        key: &CacheKey,
        now: Timestamp,
    ) -> Result<Option<CachedAnswer>, RepositoryError> {
        let row: Option<AnswerRow> = sqlx::query_as(
            "SELECT key, endpoint_id, project_id, provider, provider_model, prompt_tokens, \
             completion_tokens, total_tokens, body, hit_count, created_at, expires_at \
             FROM response_cache WHERE key = $1 AND expires_at > $2",
        )
        .bind(key.as_bytes().as_slice())
        .bind(now.as_micros())
        .fetch_optional(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        row.map(CachedAnswer::try_from).transpose()
    }

    // In the order of their keys, so that two writers never wait for each other in a circle.
    #[instrument(level = "debug", name = "db.response_cache.count_hits", skip_all)]
    async fn count_hits(&mut self, hits: &[(CacheKey, u64)]) -> Result<(), RepositoryError> {
        let mut added: BTreeMap<&[u8; 32], u64> = BTreeMap::new();
        for (key, hits) in hits {
            let sum = added.entry(key.as_bytes()).or_default();
            *sum = sum.saturating_add(*hits);
        }
        let added: Vec<_> = added.into_iter().collect();
        for batch in added.chunks(COUNTED) {
            let mut query = QueryBuilder::<Db>::new("WITH used (key, hits) AS (");
            query.push_values(batch, |mut row, (key, hits)| {
                row.push_bind(key.as_slice()).push_bind(count(*hits));
            });
            query.push(
                "), mine AS (SELECT response_cache.key, used.hits FROM response_cache \
                 JOIN used ON used.key = response_cache.key ORDER BY response_cache.key",
            );
            query.push(Db::pick(" FOR UPDATE OF response_cache", ""));
            query.push(
                ") UPDATE response_cache SET hit_count = hit_count + mine.hits FROM mine \
                 WHERE response_cache.key = mine.key",
            );
            query.build().execute(&mut *self.tx).await.map_err(|error| self.fail(error))?;
        }
        Ok(())
    }

    #[instrument(level = "debug", name = "db.response_cache.put", skip_all, fields(endpoint.id = %answer.endpoint_id))]
    async fn put(&mut self, answer: &CachedAnswer) -> Result<(), RepositoryError> {
        sqlx::query(
            "INSERT INTO response_cache (key, endpoint_id, project_id, provider, provider_model, prompt_tokens, \
             completion_tokens, total_tokens, body, hit_count, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (key) DO UPDATE SET \
             endpoint_id = excluded.endpoint_id, project_id = excluded.project_id, \
             provider = excluded.provider, provider_model = excluded.provider_model, \
             prompt_tokens = excluded.prompt_tokens, completion_tokens = excluded.completion_tokens, \
             total_tokens = excluded.total_tokens, body = excluded.body, hit_count = excluded.hit_count, \
             created_at = excluded.created_at, expires_at = excluded.expires_at",
        )
        .bind(answer.key.as_bytes().as_slice())
        .bind(answer.endpoint_id.as_uuid())
        .bind(answer.project_id.as_uuid())
        .bind(text(&answer.provider))
        .bind(text(&answer.provider_model))
        .bind(count(answer.prompt_tokens))
        .bind(count(answer.completion_tokens))
        .bind(count(answer.total_tokens))
        .bind(text(&answer.body))
        .bind(count(answer.hit_count))
        .bind(answer.created_at.as_micros())
        .bind(answer.expires_at.as_micros())
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
    }

    #[instrument(level = "debug", name = "db.response_cache.remove_of", skip_all, fields(endpoint.id = %endpoint))]
    async fn remove_of(&mut self, endpoint: EndpointId) -> Result<u64, RepositoryError> {
        self.execute_for("DELETE FROM response_cache WHERE endpoint_id = $1", endpoint.as_uuid()).await
    }

    // The instant is compared once more outside: the answer may be given anew while it is waited for.
    #[instrument(level = "debug", name = "db.response_cache.remove_expired", skip_all)]
    async fn remove_expired(&mut self, now: Timestamp, limit: u32) -> Result<u64, RepositoryError> {
        let done = sqlx::query(
            "DELETE FROM response_cache WHERE expires_at <= $1 AND key IN \
             (SELECT key FROM response_cache WHERE expires_at <= $1 ORDER BY expires_at, key LIMIT $2)",
        )
        .bind(now.as_micros())
        .bind(i64::from(limit))
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected())
    }
}
