//! Dead letters in SQL.

use async_trait::async_trait;
use promptgate_kernel::{CallId, Page, PageRequest, RepositoryError, Timestamp};
use promptgate_store_sql_macros::each_dialect;
use promptgate_usage::{DeadLetter, DeadLetterFilter, DeadLetterRepository};
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::error::narrow;
use crate::insert::batches;
use crate::value::text;
use crate::work::SqlWork;

const COLUMNS: &str = "id, event, error, attempts, first_at, last_at, discarded_at";

#[derive(FromRow)]
struct DeadLetterRow {
    id: Uuid,
    event: String,
    error: String,
    attempts: i64,
    first_at: i64,
    last_at: i64,
    discarded_at: Option<i64>,
}

impl TryFrom<DeadLetterRow> for DeadLetter {
    type Error = RepositoryError;

    fn try_from(row: DeadLetterRow) -> Result<Self, RepositoryError> {
        Ok(Self {
            id: CallId::from_uuid(row.id),
            attempts: narrow("dead_letters", row.id, row.attempts)?,
            event: row.event,
            error: row.error,
            first_at: Timestamp::from_micros(row.first_at),
            last_at: Timestamp::from_micros(row.last_at),
            discarded_at: row.discarded_at.map(Timestamp::from_micros),
        })
    }
}

const fn condition(filter: DeadLetterFilter) -> &'static str {
    match filter {
        DeadLetterFilter::Waiting => " WHERE discarded_at IS NULL",
        DeadLetterFilter::Discarded => " WHERE discarded_at IS NOT NULL",
    }
}

#[each_dialect]
#[async_trait]
impl DeadLetterRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.dead_letters.put", skip_all, fields(count = letters.len()))]
    async fn put(&mut self, letters: &[DeadLetter]) -> Result<(), RepositoryError> {
        // In the order of their ids, as every writer of many rows.
        let mut sorted: Vec<&DeadLetter> = letters.iter().collect();
        sorted.sort_by_key(|letter| letter.id);
        for letter in sorted {
            sqlx::query::<Db>(
                "INSERT INTO dead_letters (id, event, error, attempts, first_at, last_at, discarded_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO UPDATE SET \
                 error = excluded.error, attempts = dead_letters.attempts + excluded.attempts, \
                 last_at = excluded.last_at",
            )
            .bind(letter.id.as_uuid())
            .bind(text(&letter.event))
            .bind(text(&letter.error))
            .bind(i64::from(letter.attempts))
            .bind(letter.first_at.as_micros())
            .bind(letter.last_at.as_micros())
            .bind(letter.discarded_at.map(Timestamp::as_micros))
            .execute(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        }
        Ok(())
    }

    #[instrument(level = "debug", name = "db.dead_letters.save", skip_all, fields(call.id = %letter.id))]
    async fn save(&mut self, letter: &DeadLetter) -> Result<bool, RepositoryError> {
        let done = sqlx::query::<Db>(
            "UPDATE dead_letters SET error = $2, attempts = $3, last_at = $4 WHERE id = $1",
        )
        .bind(letter.id.as_uuid())
        .bind(text(&letter.error))
        .bind(i64::from(letter.attempts))
        .bind(letter.last_at.as_micros())
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.dead_letters.find", skip_all, fields(call.id = %id))]
    async fn find(&mut self, id: CallId) -> Result<Option<DeadLetter>, RepositoryError> {
        let row: Option<DeadLetterRow> = QueryBuilder::<Db>::new("SELECT ")
            .push(COLUMNS)
            .push(" FROM dead_letters WHERE id = ")
            .push_bind(id.as_uuid())
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        row.map(DeadLetter::try_from).transpose()
    }

    #[instrument(level = "debug", name = "db.dead_letters.list", skip_all)]
    async fn list(
        &mut self,
        filter: DeadLetterFilter,
        page: PageRequest,
    ) -> Result<Page<DeadLetter>, RepositoryError> {
        let matching = |what: &str| {
            let mut query = QueryBuilder::<Db>::new("SELECT ");
            query.push(what).push(" FROM dead_letters").push(condition(filter));
            query
        };
        self.read_page(
            &mut matching("count(*)"),
            matching(COLUMNS).push(" ORDER BY last_at DESC, id DESC"),
            page,
            |row: DeadLetterRow| row.try_into(),
        )
        .await
    }

    #[instrument(level = "debug", name = "db.dead_letters.waiting", skip_all)]
    async fn waiting(&mut self) -> Result<u64, RepositoryError> {
        let waiting: i64 =
            sqlx::query_scalar::<Db, _>("SELECT count(*) FROM dead_letters WHERE discarded_at IS NULL")
                .fetch_one(&mut *self.tx)
                .await
                .map_err(|error| self.fail(error))?;
        Ok(waiting.unsigned_abs())
    }

    #[instrument(level = "debug", name = "db.dead_letters.discard", skip_all, fields(call.id = %id))]
    async fn discard(&mut self, id: CallId, at: Timestamp) -> Result<bool, RepositoryError> {
        let done = sqlx::query::<Db>(
            "UPDATE dead_letters SET discarded_at = $2 WHERE id = $1 AND discarded_at IS NULL",
        )
        .bind(id.as_uuid())
        .bind(at.as_micros())
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.dead_letters.discarded", skip_all, fields(count = calls.len()))]
    async fn discarded(&mut self, calls: &[CallId]) -> Result<Vec<CallId>, RepositoryError> {
        let mut discarded = Vec::new();
        // Whoever records asks, and there is hardly ever one.
        let is_any: bool = sqlx::query_scalar::<Db, _>(
            "SELECT EXISTS (SELECT 1 FROM dead_letters WHERE discarded_at IS NOT NULL)",
        )
        .fetch_one(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        if !is_any {
            return Ok(discarded);
        }
        for batch in batches(calls) {
            let mut query = QueryBuilder::<Db>::new(
                "SELECT id FROM dead_letters WHERE discarded_at IS NOT NULL AND id IN (",
            );
            let mut ids = query.separated(", ");
            for id in batch {
                ids.push_bind(id.as_uuid());
            }
            query.push(")");
            let found: Vec<Uuid> = query
                .build_query_scalar()
                .fetch_all(&mut *self.tx)
                .await
                .map_err(|error| self.fail(error))?;
            discarded.extend(found.into_iter().map(CallId::from_uuid));
        }
        Ok(discarded)
    }

    #[instrument(level = "debug", name = "db.dead_letters.remove", skip_all, fields(call.id = %id))]
    async fn remove(&mut self, id: CallId) -> Result<bool, RepositoryError> {
        let removed = self.execute_for("DELETE FROM dead_letters WHERE id = $1", id.as_uuid()).await?;
        Ok(removed == 1)
    }

    #[instrument(level = "debug", name = "db.dead_letters.prune", skip_all)]
    async fn prune(&mut self, before: Timestamp, limit: u32) -> Result<u64, RepositoryError> {
        let done = sqlx::query::<Db>(
            "DELETE FROM dead_letters WHERE id IN (SELECT id FROM dead_letters \
             WHERE discarded_at IS NOT NULL AND discarded_at < $1 ORDER BY discarded_at, id LIMIT $2)",
        )
        .bind(before.as_micros())
        .bind(i64::from(limit))
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected())
    }

    #[instrument(level = "debug", name = "db.dead_letters.settled", skip_all, fields(count = calls.len()))]
    async fn settled(&mut self, calls: &[CallId]) -> Result<Vec<CallId>, RepositoryError> {
        let mut settled = Vec::with_capacity(calls.len());
        // Few lengths, so that few statements are prepared.
        for batch in batches(calls) {
            let mut query = QueryBuilder::<Db>::new("");
            for (table, join) in [("usage_events", ""), ("dead_letters", " UNION ")] {
                query.push(join).push("SELECT id FROM ").push(table).push(" WHERE id IN (");
                let mut ids = query.separated(", ");
                for id in batch {
                    ids.push_bind(id.as_uuid());
                }
                query.push(")");
            }
            let found: Vec<Uuid> = query
                .build_query_scalar()
                .fetch_all(&mut *self.tx)
                .await
                .map_err(|error| self.fail(error))?;
            settled.extend(found.into_iter().map(CallId::from_uuid));
        }
        Ok(settled)
    }
}
