//! Projects in SQL.

use async_trait::async_trait;
use promptgate_kernel::{Page, PageRequest, ProjectId, ProviderId, RepositoryError, Timestamp};
use promptgate_projects::{
    InvalidProject, Project, ProjectFilter, ProjectName, ProjectRepository, ProjectSort, RecordBodies,
};
use promptgate_store_sql_macros::each_dialect;
use serde_json::{Map, Value};
use sqlx::types::Json;
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::error::{corrupt, read_document};
use crate::value::{containing, document, order_by, verbatim};
use crate::work::SqlWork;

const SELECT: &str = "SELECT id, name, kind, env, active, default_provider_id, record_bodies, metadata, \
     created_at, updated_at, deleted_at, version, limits FROM projects";

#[derive(FromRow)]
struct ProjectRow {
    id: Uuid,
    name: String,
    kind: String,
    env: String,
    active: bool,
    default_provider_id: Option<Uuid>,
    record_bodies: Option<String>,
    metadata: Json<Map<String, Value>>,
    created_at: i64,
    updated_at: i64,
    deleted_at: Option<i64>,
    version: i64,
    limits: String,
}

impl TryFrom<ProjectRow> for Project {
    type Error = RepositoryError;

    fn try_from(row: ProjectRow) -> Result<Self, RepositoryError> {
        let wrong = |error: InvalidProject| corrupt("projects", row.id, error);
        Ok(Self {
            id: ProjectId::from_uuid(row.id),
            name: ProjectName::parse(&row.name).map_err(wrong)?,
            kind: row.kind.parse().map_err(wrong)?,
            env: row.env.parse().map_err(wrong)?,
            active: row.active,
            default_provider: row.default_provider_id.map(ProviderId::from_uuid),
            record_bodies: row.record_bodies.as_deref().map(str::parse).transpose().map_err(wrong)?,
            limits: read_document("projects", row.id, &row.limits)?,
            metadata: row.metadata.0,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            deleted_at: row.deleted_at.map(Timestamp::from_micros),
            version: row.version,
        })
    }
}

const fn column(sort: ProjectSort) -> &'static str {
    match sort {
        ProjectSort::Name => "name_folded",
        ProjectSort::Kind => "kind",
        ProjectSort::CreatedAt => "created_at",
        ProjectSort::UpdatedAt => "updated_at",
    }
}

/// What goes with a project. Everything else of an endpoint goes with the endpoint.
const OF_PROJECT: [&str; 3] = [
    "DELETE FROM endpoints WHERE project_id = $1",
    "DELETE FROM aliases WHERE project_id = $1",
    "DELETE FROM project_providers WHERE project_id = $1",
];

#[each_dialect]
#[async_trait]
impl ProjectRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.projects.find", skip_all, fields(project.id = %id))]
    async fn find(&mut self, id: ProjectId) -> Result<Option<Project>, RepositoryError> {
        let row: Option<ProjectRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" WHERE deleted_at IS NULL AND id = ")
            .push_bind(id.as_uuid())
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        row.map(Project::try_from).transpose()
    }

    #[instrument(level = "debug", name = "db.projects.insert", skip_all, fields(project.id = %project.id))]
    async fn insert(&mut self, project: &Project) -> Result<(), RepositoryError> {
        sqlx::query(
            "INSERT INTO projects (id, name, name_folded, kind, env, active, default_provider_id, metadata, \
             created_at, updated_at, deleted_at, version, record_bodies, limits) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        )
        .bind(project.id.as_uuid())
        .bind(project.name.as_str())
        .bind(project.name.as_str().to_lowercase())
        .bind(project.kind.as_str())
        .bind(project.env.as_str())
        .bind(project.active)
        .bind(project.default_provider.map(ProviderId::as_uuid))
        .bind(document(&project.metadata))
        .bind(project.created_at.as_micros())
        .bind(project.updated_at.as_micros())
        .bind(project.deleted_at.map(Timestamp::as_micros))
        .bind(project.version)
        .bind(project.record_bodies.map(RecordBodies::as_str))
        .bind(verbatim(&project.limits))
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
    }

    #[instrument(level = "debug", name = "db.projects.save", skip_all, fields(project.id = %project.id))]
    async fn save(&mut self, project: &Project) -> Result<bool, RepositoryError> {
        let done = sqlx::query(
            "UPDATE projects SET name = $2, name_folded = $3, env = $4, active = $5, \
             default_provider_id = $6, metadata = $7, updated_at = $8, deleted_at = $9, version = $10, \
             record_bodies = $11, limits = $12 \
             WHERE id = $1 AND version = $10 - 1",
        )
        .bind(project.id.as_uuid())
        .bind(project.name.as_str())
        .bind(project.name.as_str().to_lowercase())
        .bind(project.env.as_str())
        .bind(project.active)
        .bind(project.default_provider.map(ProviderId::as_uuid))
        .bind(document(&project.metadata))
        .bind(project.updated_at.as_micros())
        .bind(project.deleted_at.map(Timestamp::as_micros))
        .bind(project.version)
        .bind(project.record_bodies.map(RecordBodies::as_str))
        .bind(verbatim(&project.limits))
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        let saved = done.rows_affected() == 1;
        if saved && project.deleted_at.is_some() {
            for statement in OF_PROJECT {
                self.execute_for(statement, project.id.as_uuid()).await?;
            }
        }
        Ok(saved)
    }

    #[instrument(level = "debug", name = "db.projects.list", skip_all)]
    async fn list(
        &mut self,
        filter: &ProjectFilter,
        page: PageRequest,
    ) -> Result<Page<Project>, RepositoryError> {
        let matching = |mut query: QueryBuilder<Db>| {
            query.push(" WHERE deleted_at IS NULL");
            if let Some(search) = &filter.search {
                query.push(" AND name_folded LIKE ").push_bind(containing(search)).push(" ESCAPE '\\'");
            }
            if let Some(among) = &filter.among {
                // The nil id is nobody's; a list of none has to be one all the same.
                query.push(" AND id IN (").push_bind(Uuid::nil());
                query.push(among.first().map_or("", |_| ", "));
                let mut ids = query.separated(", ");
                for id in among {
                    ids.push_bind(id.as_uuid());
                }
                ids.push_unseparated(")");
            }
            query
        };
        self.read_page(
            &mut matching(QueryBuilder::new("SELECT count(*) FROM projects")),
            matching(QueryBuilder::new(SELECT)).push(order_by(column(filter.sort), filter.direction)),
            page,
            |row: ProjectRow| row.try_into(),
        )
        .await
    }

    #[instrument(level = "debug", name = "db.projects.list_all", skip_all)]
    async fn list_all(&mut self) -> Result<Vec<Project>, RepositoryError> {
        let rows: Vec<ProjectRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" WHERE deleted_at IS NULL ORDER BY id")
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        rows.into_iter().map(Project::try_from).collect()
    }

    #[instrument(level = "debug", name = "db.projects.count_ever", skip_all)]
    async fn count_ever(&mut self) -> Result<u64, RepositoryError> {
        let total: i64 = sqlx::query_scalar("SELECT count(*) FROM projects")
            .fetch_one(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(total.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_text_has_no_wildcards() {
        assert_eq!(containing(r"50%_\A"), r"%50\%\_\\a%");
    }
}
