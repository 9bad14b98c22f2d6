//! Aliases in SQL.

use async_trait::async_trait;
use promptgate_kernel::{
    AliasId, Page, PageRequest, ProjectId, ProviderId, RepositoryError, SortDirection, Timestamp,
};
use promptgate_providers::{Alias, AliasRepository, Preset};
use promptgate_store_sql_macros::each_dialect;
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::value::{count, optional_text, order_by, text};
use crate::work::SqlWork;

const SELECT: &str = "SELECT id, project_id, name, provider_id, model, description, system_prompt, temperature, \
     top_p, max_tokens, created_at, updated_at, version FROM aliases";

#[derive(FromRow)]
struct AliasRow {
    id: Uuid,
    project_id: Uuid,
    name: String,
    provider_id: Uuid,
    model: String,
    description: String,
    system_prompt: Option<String>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    max_tokens: Option<i64>,
    created_at: i64,
    updated_at: i64,
    version: i64,
}

impl From<AliasRow> for Alias {
    fn from(row: AliasRow) -> Self {
        Self {
            id: AliasId::from_uuid(row.id),
            project_id: ProjectId::from_uuid(row.project_id),
            name: row.name,
            provider_id: ProviderId::from_uuid(row.provider_id),
            model: row.model,
            description: row.description,
            preset: Preset {
                system_prompt: row.system_prompt,
                temperature: row.temperature,
                top_p: row.top_p,
                max_tokens: row.max_tokens.map(i64::unsigned_abs),
            },
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            version: row.version,
        }
    }
}

#[each_dialect]
#[async_trait]
impl AliasRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.aliases.find", skip_all, fields(alias.id = %id))]
    async fn find(&mut self, id: AliasId) -> Result<Option<Alias>, RepositoryError> {
        let row: Option<AliasRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" WHERE id = ")
            .push_bind(id.as_uuid())
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(row.map(Alias::from))
    }

    #[instrument(level = "debug", name = "db.aliases.insert", skip_all, fields(alias.id = %alias.id))]
    async fn insert(&mut self, alias: &Alias) -> Result<(), RepositoryError> {
        sqlx::query(
            "INSERT INTO aliases (id, project_id, name, provider_id, model, description, system_prompt, \
             temperature, top_p, max_tokens, created_at, updated_at, version) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        )
        .bind(alias.id.as_uuid())
        .bind(alias.project_id.as_uuid())
        .bind(text(&alias.name))
        .bind(alias.provider_id.as_uuid())
        .bind(text(&alias.model))
        .bind(text(&alias.description))
        .bind(optional_text(alias.preset.system_prompt.as_ref()))
        .bind(alias.preset.temperature)
        .bind(alias.preset.top_p)
        .bind(alias.preset.max_tokens.map(count))
        .bind(alias.created_at.as_micros())
        .bind(alias.updated_at.as_micros())
        .bind(alias.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
    }

    #[instrument(level = "debug", name = "db.aliases.save", skip_all, fields(alias.id = %alias.id))]
    async fn save(&mut self, alias: &Alias) -> Result<bool, RepositoryError> {
        let done = sqlx::query(
            "UPDATE aliases SET name = $2, provider_id = $3, model = $4, description = $5, system_prompt = $6, \
             temperature = $7, top_p = $8, max_tokens = $9, updated_at = $10, version = $11 \
             WHERE id = $1 AND version = $11 - 1",
        )
        .bind(alias.id.as_uuid())
        .bind(text(&alias.name))
        .bind(alias.provider_id.as_uuid())
        .bind(text(&alias.model))
        .bind(text(&alias.description))
        .bind(optional_text(alias.preset.system_prompt.as_ref()))
        .bind(alias.preset.temperature)
        .bind(alias.preset.top_p)
        .bind(alias.preset.max_tokens.map(count))
        .bind(alias.updated_at.as_micros())
        .bind(alias.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.aliases.remove", skip_all, fields(alias.id = %id))]
    async fn remove(&mut self, id: AliasId) -> Result<bool, RepositoryError> {
        Ok(self.execute_for("DELETE FROM aliases WHERE id = $1", id.as_uuid()).await? == 1)
    }

    #[instrument(level = "debug", name = "db.aliases.list", skip_all, fields(project.id = %project))]
    async fn list(
        &mut self,
        project: ProjectId,
        direction: SortDirection,
        page: PageRequest,
    ) -> Result<Page<Alias>, RepositoryError> {
        self.read_page(
            QueryBuilder::new("SELECT count(*) FROM aliases WHERE project_id = ")
                .push_bind(project.as_uuid()),
            QueryBuilder::<Db>::new(SELECT)
                .push(" WHERE project_id = ")
                .push_bind(project.as_uuid())
                .push(order_by("name", direction)),
            page,
            |row: AliasRow| Ok(row.into()),
        )
        .await
    }

    #[instrument(level = "debug", name = "db.aliases.list_all", skip_all)]
    async fn list_all(&mut self) -> Result<Vec<Alias>, RepositoryError> {
        let rows: Vec<AliasRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" ORDER BY project_id, name")
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(rows.into_iter().map(Alias::from).collect())
    }
}
