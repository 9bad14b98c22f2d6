//! Throttles and one-time records in SQL.

use std::time::Duration;

use async_trait::async_trait;
use promptgate_auth::{OneTimeStore, SignInKey, Throttle, Verdict};
use promptgate_kernel::{RepositoryError, Sealed, Timestamp};
use promptgate_store_sql_macros::each_dialect;
use tracing::instrument;

use crate::error::classify;
use crate::work::SqlStore;

#[each_dialect]
#[async_trait]
impl Throttle for SqlStore<Db> {
    // One statement decides: whoever finds the row taken waits for its writer and counts from there.
    #[instrument(level = "debug", name = "db.throttles.hit", skip_all)]
    async fn hit(
        &self,
        key: &SignInKey,
        limit: u32,
        window: Duration,
        now: Timestamp,
    ) -> Result<Verdict, RepositoryError> {
        if limit == 0 {
            return Ok(Verdict { allowed: false, retry_after: window });
        }
        let mut tx = self.write().await?;
        let done = sqlx::query(
            "INSERT INTO throttles (name, hits, ends_at) VALUES ($1, 1, $2) \
             ON CONFLICT (name) DO UPDATE SET \
             hits = CASE WHEN throttles.ends_at <= $3 THEN 1 ELSE throttles.hits + 1 END, \
             ends_at = CASE WHEN throttles.ends_at <= $3 THEN excluded.ends_at ELSE throttles.ends_at END \
             WHERE throttles.ends_at <= $3 OR throttles.hits < $4",
        )
        .bind(key.as_text())
        .bind(now.plus(window).as_micros())
        .bind(now.as_micros())
        .bind(i64::from(limit))
        .execute(&mut *tx)
        .await
        .map_err(classify)?;
        let allowed = done.rows_affected() == 1;
        let mut retry_after = Duration::ZERO;
        if !allowed {
            let ends_at: Option<i64> = sqlx::query_scalar("SELECT ends_at FROM throttles WHERE name = $1")
                .bind(key.as_text())
                .fetch_optional(&mut *tx)
                .await
                .map_err(classify)?;
            retry_after = ends_at.map_or(Duration::ZERO, |at| Timestamp::from_micros(at).since(now));
        }
        tx.commit().await.map_err(classify)?;
        Ok(Verdict { allowed, retry_after })
    }

    #[instrument(level = "debug", name = "db.throttles.reset", skip_all)]
    async fn reset(&self, key: &SignInKey) -> Result<(), RepositoryError> {
        let mut tx = self.write().await?;
        sqlx::query("DELETE FROM throttles WHERE name = $1")
            .bind(key.as_text())
            .execute(&mut *tx)
            .await
            .map_err(classify)?;
        tx.commit().await.map_err(classify)
    }

    #[instrument(level = "debug", name = "db.throttles.prune", skip_all)]
    async fn prune(&self, now: Timestamp, limit: u32) -> Result<u64, RepositoryError> {
        let mut tx = self.write().await?;
        let done = sqlx::query(
            "DELETE FROM throttles WHERE name IN (SELECT name FROM throttles WHERE ends_at <= $1 LIMIT $2) \
             AND ends_at <= $1",
        )
        .bind(now.as_micros())
        .bind(i64::from(limit))
        .execute(&mut *tx)
        .await
        .map_err(classify)?;
        tx.commit().await.map_err(classify)?;
        Ok(done.rows_affected())
    }
}

#[each_dialect]
#[async_trait]
impl OneTimeStore for SqlStore<Db> {
    #[instrument(level = "debug", name = "db.one_time.put", skip_all)]
    async fn put(
        &self,
        key: &SignInKey,
        value: &Sealed,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<(), RepositoryError> {
        let mut tx = self.write().await?;
        sqlx::query(
            "INSERT INTO one_time (name, value, expires_at) VALUES ($1, $2, $3) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at",
        )
        .bind(key.as_text())
        .bind(value.as_text())
        .bind(now.plus(ttl).as_micros())
        .execute(&mut *tx)
        .await
        .map_err(classify)?;
        tx.commit().await.map_err(classify)
    }

    #[instrument(level = "debug", name = "db.one_time.take", skip_all)]
    async fn take(&self, key: &SignInKey, now: Timestamp) -> Result<Option<Sealed>, RepositoryError> {
        let mut tx = self.write().await?;
        let value: Option<String> =
            sqlx::query_scalar("DELETE FROM one_time WHERE name = $1 AND expires_at > $2 RETURNING value")
                .bind(key.as_text())
                .bind(now.as_micros())
                .fetch_optional(&mut *tx)
                .await
                .map_err(classify)?;
        tx.commit().await.map_err(classify)?;
        Ok(value.map(Sealed::from_text))
    }

    #[instrument(level = "debug", name = "db.one_time.prune", skip_all)]
    async fn prune(&self, now: Timestamp, limit: u32) -> Result<u64, RepositoryError> {
        let mut tx = self.write().await?;
        let done = sqlx::query(
            "DELETE FROM one_time WHERE name IN (SELECT name FROM one_time WHERE expires_at <= $1 LIMIT $2) \
             AND expires_at <= $1",
        )
        .bind(now.as_micros())
        .bind(i64::from(limit))
        .execute(&mut *tx)
        .await
        .map_err(classify)?;
        tx.commit().await.map_err(classify)?;
        Ok(done.rows_affected())
    }
}
