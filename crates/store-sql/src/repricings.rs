//! Repricings in SQL.

use async_trait::async_trait;
use promptgate_kernel::{CallId, Money, RepositoryError, RepricingId, Timestamp};
use promptgate_store_sql_macros::each_dialect;
use promptgate_usage::{Cursor, Repriced, Repricing, RepricingRepository, WantedRepricing};
use sqlx::{AssertSqlSafe, FromRow};
use tracing::instrument;
use uuid::Uuid;

use crate::error::corrupt;
use crate::value::{count, optional_text};
use crate::work::SqlWork;

const SELECT: &str = "SELECT id, from_at, to_at, provider, model, price_version, dry_run, state, cursor_at, \
     cursor_id, examined, changed, before_nanos, after_nanos, created_at, updated_at, version FROM repricings";

#[derive(FromRow)]
struct RepricingRow {
    id: Uuid,
    from_at: i64,
    to_at: i64,
    provider: Option<String>,
    model: Option<String>,
    price_version: Option<String>,
    dry_run: bool,
    state: String,
    cursor_at: Option<i64>,
    cursor_id: Option<Uuid>,
    examined: i64,
    changed: i64,
    before_nanos: i64,
    after_nanos: i64,
    created_at: i64,
    updated_at: i64,
    version: i64,
}

impl TryFrom<RepricingRow> for Repricing {
    type Error = RepositoryError;

    fn try_from(row: RepricingRow) -> Result<Self, RepositoryError> {
        let wrong = |error: String| corrupt("repricings", row.id, error);
        let price = row.price_version.as_deref().map(str::parse).transpose();
        let wanted = WantedRepricing {
            from: Timestamp::from_micros(row.from_at),
            to: Timestamp::from_micros(row.to_at),
            provider: row.provider,
            model: row.model,
            price: price.map_err(|error: promptgate_usage::InvalidPriceVersion| wrong(error.to_string()))?,
            dry_run: row.dry_run,
        };
        let cursor = row.cursor_at.zip(row.cursor_id);
        Ok(Self {
            id: RepricingId::from_uuid(row.id),
            wanted,
            state: row.state.parse().map_err(wrong)?,
            cursor: cursor
                .map(|(at, id)| Cursor { at: Timestamp::from_micros(at), id: CallId::from_uuid(id) }),
            examined: row.examined.max(0).unsigned_abs(),
            changed: row.changed.max(0).unsigned_abs(),
            before: Money::from_nanos(row.before_nanos),
            after: Money::from_nanos(row.after_nanos),
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            version: row.version,
        })
    }
}

#[each_dialect]
#[async_trait]
impl RepricingRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.repricings.insert", skip_all, fields(repricing.id = %repricing.id))]
    async fn insert(&mut self, repricing: &Repricing) -> Result<(), RepositoryError> {
        let wanted = &repricing.wanted;
        sqlx::query(
            "INSERT INTO repricings (id, from_at, to_at, provider, model, price_version, dry_run, state, \
             cursor_at, cursor_id, examined, changed, before_nanos, after_nanos, created_at, updated_at, version) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        )
        .bind(repricing.id.as_uuid())
        .bind(wanted.from.as_micros())
        .bind(wanted.to.as_micros())
        .bind(optional_text(wanted.provider.as_ref()))
        .bind(optional_text(wanted.model.as_ref()))
        .bind(wanted.price.map(|price| price.to_string()))
        .bind(wanted.dry_run)
        .bind(repricing.state.as_str())
        .bind(repricing.cursor.map(|cursor| cursor.at.as_micros()))
        .bind(repricing.cursor.map(|cursor| cursor.id.as_uuid()))
        .bind(count(repricing.examined))
        .bind(count(repricing.changed))
        .bind(repricing.before.as_nanos())
        .bind(repricing.after.as_nanos())
        .bind(repricing.created_at.as_micros())
        .bind(repricing.updated_at.as_micros())
        .bind(repricing.version)
        .execute(&mut *self.tx)
        .await
        .map(|_| ())
        .map_err(|error| self.fail(error))
    }

    #[instrument(level = "debug", name = "db.repricings.find", skip_all, fields(repricing.id = %id))]
    async fn find(&mut self, id: RepricingId) -> Result<Option<Repricing>, RepositoryError> {
        let row: Option<RepricingRow> = sqlx::query_as(AssertSqlSafe(format!("{SELECT} WHERE id = $1")))
            .bind(id.as_uuid())
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        row.map(Repricing::try_from).transpose()
    }

    #[instrument(level = "debug", name = "db.repricings.list", skip_all)]
    async fn list(&mut self, limit: u32) -> Result<Vec<Repricing>, RepositoryError> {
        let rows: Vec<RepricingRow> =
            sqlx::query_as(AssertSqlSafe(format!("{SELECT} ORDER BY created_at DESC, id DESC LIMIT $1")))
                .bind(i64::from(limit))
                .fetch_all(&mut *self.tx)
                .await
                .map_err(|error| self.fail(error))?;
        rows.into_iter().map(Repricing::try_from).collect()
    }

    #[instrument(level = "debug", name = "db.repricings.unfinished", skip_all)]
    async fn unfinished(&mut self) -> Result<Vec<Repricing>, RepositoryError> {
        let rows: Vec<RepricingRow> = sqlx::query_as(AssertSqlSafe(format!(
            "{SELECT} WHERE state = 'running' ORDER BY created_at, id"
        )))
        .fetch_all(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        rows.into_iter().map(Repricing::try_from).collect()
    }

    #[instrument(level = "debug", name = "db.repricings.save", skip_all, fields(repricing.id = %repricing.id))]
    async fn save(&mut self, repricing: &Repricing) -> Result<bool, RepositoryError> {
        let done = sqlx::query(
            "UPDATE repricings SET state = $2, cursor_at = $3, cursor_id = $4, examined = $5, changed = $6, \
             before_nanos = $7, after_nanos = $8, updated_at = $9, version = $10 \
             WHERE id = $1 AND version = $10 - 1",
        )
        .bind(repricing.id.as_uuid())
        .bind(repricing.state.as_str())
        .bind(repricing.cursor.map(|cursor| cursor.at.as_micros()))
        .bind(repricing.cursor.map(|cursor| cursor.id.as_uuid()))
        .bind(count(repricing.examined))
        .bind(count(repricing.changed))
        .bind(repricing.before.as_nanos())
        .bind(repricing.after.as_nanos())
        .bind(repricing.updated_at.as_micros())
        .bind(repricing.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.usage_events.reprice", skip_all, fields(count = changes.len()))]
    async fn apply(&mut self, changes: &[Repriced<'_>]) -> Result<u64, RepositoryError> {
        self.share_ledger().await?;
        self.reprice_calls(changes).await
    }
}
