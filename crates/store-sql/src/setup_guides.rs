//! Set-up guides in SQL.

use async_trait::async_trait;
use promptgate_help::{SetupGuide, SetupGuideRepository};
use promptgate_kernel::{RepositoryError, SetupGuideId, Timestamp};
use promptgate_store_sql_macros::each_dialect;
use sqlx::types::Json;
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::dialect::Dialect;
use crate::error::corrupt;
use crate::value::{count, text, texts};
use crate::work::SqlWork;

const TABLE: &str = "setup_guides";

const SELECT: &str = "SELECT id, identifier, title, subtitle, icon, compatibility, model_mode, file_paths, \
     template, enabled, position, created_at, updated_at, version FROM setup_guides";

/// SQLite has one writer anyway. Readers are not kept from anything.
const HOLD: &str = "LOCK TABLE setup_guides IN SHARE ROW EXCLUSIVE MODE";

#[derive(FromRow)]
struct GuideRow {
    id: Uuid,
    identifier: String,
    title: String,
    subtitle: String,
    icon: String,
    compatibility: String,
    model_mode: String,
    file_paths: Json<Vec<String>>,
    template: String,
    enabled: bool,
    position: i64,
    created_at: i64,
    updated_at: i64,
    version: i64,
}

impl TryFrom<GuideRow> for SetupGuide {
    type Error = RepositoryError;

    fn try_from(row: GuideRow) -> Result<Self, RepositoryError> {
        let id = row.id;
        Ok(Self {
            id: SetupGuideId::from_uuid(id),
            identifier: row.identifier,
            title: row.title,
            subtitle: row.subtitle,
            icon: row.icon,
            compatibility: row.compatibility.parse().map_err(|error| corrupt(TABLE, id, error))?,
            model_mode: row.model_mode.parse().map_err(|error| corrupt(TABLE, id, error))?,
            file_paths: row.file_paths.0,
            template: row.template,
            enabled: row.enabled,
            position: row.position.unsigned_abs(),
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            version: row.version,
        })
    }
}

#[each_dialect]
#[async_trait]
impl SetupGuideRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.setup_guides.hold_places", skip_all)]
    async fn hold_places(&mut self) -> Result<(), RepositoryError> {
        sqlx::query(Db::pick(HOLD, "SELECT 1"))
            .execute(&mut *self.tx)
            .await
            .map(|_| ())
            .map_err(|error| self.fail(error))
    }

    #[instrument(level = "debug", name = "db.setup_guides.claim_defaults", skip_all)]
    async fn claim_defaults(&mut self) -> Result<bool, RepositoryError> {
        let done = sqlx::query("INSERT INTO seedings (name) VALUES ('setup_guides') ON CONFLICT DO NOTHING")
            .execute(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.setup_guides.find", skip_all, fields(setup_guide.id = %id))]
    async fn find(&mut self, id: SetupGuideId) -> Result<Option<SetupGuide>, RepositoryError> {
        let row: Option<GuideRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" WHERE id = ")
            .push_bind(id.as_uuid())
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        row.map(SetupGuide::try_from).transpose()
    }

    #[instrument(level = "debug", name = "db.setup_guides.insert", skip_all, fields(setup_guide.id = %guide.id))]
    async fn insert(&mut self, guide: &SetupGuide) -> Result<(), RepositoryError> {
        sqlx::query(
            "INSERT INTO setup_guides (id, identifier, title, title_folded, subtitle, icon, compatibility, \
             model_mode, file_paths, template, enabled, position, created_at, updated_at, version) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        )
        .bind(guide.id.as_uuid())
        .bind(text(&guide.identifier))
        .bind(text(&guide.title))
        .bind(text(&guide.title.to_lowercase()))
        .bind(text(&guide.subtitle))
        .bind(text(&guide.icon))
        .bind(guide.compatibility.as_str())
        .bind(guide.model_mode.as_str())
        .bind(texts(&guide.file_paths))
        .bind(text(&guide.template))
        .bind(guide.enabled)
        .bind(count(guide.position))
        .bind(guide.created_at.as_micros())
        .bind(guide.updated_at.as_micros())
        .bind(guide.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
    }

    #[instrument(level = "debug", name = "db.setup_guides.save", skip_all, fields(setup_guide.id = %guide.id))]
    async fn save(&mut self, guide: &SetupGuide) -> Result<bool, RepositoryError> {
        let done = sqlx::query(
            "UPDATE setup_guides SET identifier = $2, title = $3, title_folded = $4, subtitle = $5, icon = $6, \
             compatibility = $7, model_mode = $8, file_paths = $9, template = $10, enabled = $11, \
             position = $12, updated_at = $13, version = $14 WHERE id = $1 AND version = $14 - 1",
        )
        .bind(guide.id.as_uuid())
        .bind(text(&guide.identifier))
        .bind(text(&guide.title))
        .bind(text(&guide.title.to_lowercase()))
        .bind(text(&guide.subtitle))
        .bind(text(&guide.icon))
        .bind(guide.compatibility.as_str())
        .bind(guide.model_mode.as_str())
        .bind(texts(&guide.file_paths))
        .bind(text(&guide.template))
        .bind(guide.enabled)
        .bind(count(guide.position))
        .bind(guide.updated_at.as_micros())
        .bind(guide.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.setup_guides.remove", skip_all, fields(setup_guide.id = %id))]
    async fn remove(&mut self, id: SetupGuideId) -> Result<bool, RepositoryError> {
        Ok(self.execute_for("DELETE FROM setup_guides WHERE id = $1", id.as_uuid()).await? == 1)
    }

    #[instrument(level = "debug", name = "db.setup_guides.list", skip_all)]
    async fn list(&mut self) -> Result<Vec<SetupGuide>, RepositoryError> {
        let rows: Vec<GuideRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" ORDER BY position, title_folded, id")
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        rows.into_iter().map(SetupGuide::try_from).collect()
    }
}
