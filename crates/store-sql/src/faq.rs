//! The FAQ in SQL.

use async_trait::async_trait;
use promptgate_help::{FaqEntry, FaqFilter, FaqRepository, FaqSort};
use promptgate_kernel::{FaqEntryId, Page, PageRequest, RepositoryError, Timestamp};
use promptgate_store_sql_macros::each_dialect;
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::dialect::Dialect;
use crate::value::{count, order_by, text};
use crate::work::SqlWork;

const SELECT: &str = "SELECT id, question, answer, position, published, created_at, updated_at, version \
     FROM faq_entries";

/// SQLite has one writer anyway. Readers are not kept from anything.
const HOLD: &str = "LOCK TABLE faq_entries IN SHARE ROW EXCLUSIVE MODE";

#[derive(FromRow)]
struct FaqRow {
    id: Uuid,
    question: String,
    answer: String,
    position: i64,
    published: bool,
    created_at: i64,
    updated_at: i64,
    version: i64,
}

impl From<FaqRow> for FaqEntry {
    fn from(row: FaqRow) -> Self {
        Self {
            id: FaqEntryId::from_uuid(row.id),
            question: row.question,
            answer: row.answer,
            position: row.position.unsigned_abs(),
            published: row.published,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            version: row.version,
        }
    }
}

const fn column(sort: FaqSort) -> &'static str {
    match sort {
        FaqSort::Position => "position",
        FaqSort::Question => "question_folded",
        FaqSort::Published => "published",
        FaqSort::CreatedAt => "created_at",
        FaqSort::UpdatedAt => "updated_at",
    }
}

#[each_dialect]
#[async_trait]
impl FaqRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.faq_entries.hold_places", skip_all)]
    async fn hold_places(&mut self) -> Result<(), RepositoryError> {
        sqlx::query(Db::pick(HOLD, "SELECT 1"))
            .execute(&mut *self.tx)
            .await
            .map(|_| ())
            .map_err(|error| self.fail(error))
    }

    #[instrument(level = "debug", name = "db.faq_entries.find", skip_all, fields(faq_entry.id = %id))]
    async fn find(&mut self, id: FaqEntryId) -> Result<Option<FaqEntry>, RepositoryError> {
        let row: Option<FaqRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" WHERE id = ")
            .push_bind(id.as_uuid())
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(row.map(FaqEntry::from))
    }

    #[instrument(level = "debug", name = "db.faq_entries.insert", skip_all, fields(faq_entry.id = %entry.id))]
    async fn insert(&mut self, entry: &FaqEntry) -> Result<(), RepositoryError> {
        sqlx::query(
            "INSERT INTO faq_entries (id, question, question_folded, answer, position, published, created_at, \
             updated_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(entry.id.as_uuid())
        .bind(text(&entry.question))
        .bind(text(&entry.question.to_lowercase()))
        .bind(text(&entry.answer))
        .bind(count(entry.position))
        .bind(entry.published)
        .bind(entry.created_at.as_micros())
        .bind(entry.updated_at.as_micros())
        .bind(entry.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
    }

    #[instrument(level = "debug", name = "db.faq_entries.save", skip_all, fields(faq_entry.id = %entry.id))]
    async fn save(&mut self, entry: &FaqEntry) -> Result<bool, RepositoryError> {
        let done = sqlx::query(
            "UPDATE faq_entries SET question = $2, question_folded = $3, answer = $4, published = $5, \
             updated_at = $6, version = $7 WHERE id = $1 AND version = $7 - 1",
        )
        .bind(entry.id.as_uuid())
        .bind(text(&entry.question))
        .bind(text(&entry.question.to_lowercase()))
        .bind(text(&entry.answer))
        .bind(entry.published)
        .bind(entry.updated_at.as_micros())
        .bind(entry.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.faq_entries.place", skip_all)]
    async fn place(&mut self, places: &[(FaqEntryId, u64)]) -> Result<(), RepositoryError> {
        for (id, position) in places {
            sqlx::query("UPDATE faq_entries SET position = $2 WHERE id = $1")
                .bind(id.as_uuid())
                .bind(count(*position))
                .execute(&mut *self.tx)
                .await
                .map_err(|error| self.fail(error))?;
        }
        Ok(())
    }

    #[instrument(level = "debug", name = "db.faq_entries.remove", skip_all, fields(faq_entry.id = %id))]
    async fn remove(&mut self, id: FaqEntryId) -> Result<bool, RepositoryError> {
        Ok(self.execute_for("DELETE FROM faq_entries WHERE id = $1", id.as_uuid()).await? == 1)
    }

    #[instrument(level = "debug", name = "db.faq_entries.list", skip_all)]
    async fn list(
        &mut self,
        filter: &FaqFilter,
        page: PageRequest,
    ) -> Result<Page<FaqEntry>, RepositoryError> {
        self.read_page(
            &mut QueryBuilder::new("SELECT count(*) FROM faq_entries"),
            QueryBuilder::new(SELECT).push(order_by(column(filter.sort), filter.direction)),
            page,
            |row: FaqRow| Ok(row.into()),
        )
        .await
    }

    #[instrument(level = "debug", name = "db.faq_entries.places", skip_all)]
    async fn places(&mut self) -> Result<Vec<(FaqEntryId, u64)>, RepositoryError> {
        let rows: Vec<(Uuid, i64)> =
            sqlx::query_as("SELECT id, position FROM faq_entries ORDER BY position, id")
                .fetch_all(&mut *self.tx)
                .await
                .map_err(|error| self.fail(error))?;
        let place = |(id, position): (Uuid, i64)| (FaqEntryId::from_uuid(id), position.unsigned_abs());
        Ok(rows.into_iter().map(place).collect())
    }

    #[instrument(level = "debug", name = "db.faq_entries.published", skip_all)]
    async fn published(&mut self) -> Result<Vec<FaqEntry>, RepositoryError> {
        let rows: Vec<FaqRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" WHERE published = ")
            .push_bind(true)
            .push(" ORDER BY position, id")
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(rows.into_iter().map(FaqEntry::from).collect())
    }
}
