//! AI endpoints and their versions in SQL.

use async_trait::async_trait;
use promptgate_endpoints::{
    Endpoint, EndpointConfig, EndpointFilter, EndpointRepository, EndpointSort, EndpointVersion, Slug,
};
use promptgate_kernel::{
    ActorId, CredentialId, EndpointId, Page, PageRequest, ProjectId, ProviderId, RepositoryError, TemplateId,
    Timestamp,
};
use promptgate_store_sql_macros::each_dialect;
use serde_json::{Map, Value};
use sqlx::types::Json;
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::error::{narrow, read_document};
use crate::value::{document, order_by, text, verbatim};
use crate::work::SqlWork;

const SELECT: &str = "SELECT id, project_id, provider_template_id, provider_id, credential_id, config, guardrails, \
     active, latest_version, created_at, updated_at, version FROM endpoints";

const SELECT_VERSIONS: &str =
    "SELECT endpoint_id, number, snapshot, note, author_id, created_at FROM endpoint_versions";

#[derive(FromRow)]
struct EndpointRow {
    id: Uuid,
    project_id: Uuid,
    provider_template_id: Option<Uuid>,
    provider_id: Option<Uuid>,
    credential_id: Option<Uuid>,
    config: String,
    guardrails: Json<Map<String, Value>>,
    active: bool,
    latest_version: i64,
    created_at: i64,
    updated_at: i64,
    version: i64,
}

impl TryFrom<EndpointRow> for Endpoint {
    type Error = RepositoryError;

    fn try_from(row: EndpointRow) -> Result<Self, RepositoryError> {
        Ok(Self {
            id: EndpointId::from_uuid(row.id),
            project_id: ProjectId::from_uuid(row.project_id),
            config: EndpointConfig {
                provider_template_id: row.provider_template_id.map(TemplateId::from_uuid),
                provider_id: row.provider_id.map(ProviderId::from_uuid),
                credential_id: row.credential_id.map(CredentialId::from_uuid),
                ..read_document("endpoints", row.id, &row.config)?
            },
            guardrails: row.guardrails.0,
            is_active: row.active,
            latest_version: narrow("endpoints", row.id, row.latest_version)?,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            version: row.version,
        })
    }
}

/// The configuration without what has columns of its own.
fn config_of(endpoint: &Endpoint) -> String {
    verbatim(&EndpointConfig {
        provider_template_id: None,
        provider_id: None,
        credential_id: None,
        ..endpoint.config.clone()
    })
}

#[derive(FromRow)]
struct VersionRow {
    endpoint_id: Uuid,
    number: i64,
    snapshot: String,
    note: String,
    author_id: Option<Uuid>,
    created_at: i64,
}

impl TryFrom<VersionRow> for EndpointVersion {
    type Error = RepositoryError;

    fn try_from(row: VersionRow) -> Result<Self, RepositoryError> {
        Ok(Self {
            endpoint_id: EndpointId::from_uuid(row.endpoint_id),
            number: narrow("endpoint_versions", row.endpoint_id, row.number)?,
            snapshot: read_document("endpoint_versions", row.endpoint_id, &row.snapshot)?,
            note: read_document("endpoint_versions", row.endpoint_id, &row.note)?,
            author: row.author_id.map(ActorId::from_uuid),
            created_at: Timestamp::from_micros(row.created_at),
        })
    }
}

const fn column(sort: EndpointSort) -> &'static str {
    match sort {
        EndpointSort::Name => "name_folded",
        EndpointSort::Slug => "slug",
        EndpointSort::CreatedAt => "created_at",
        EndpointSort::UpdatedAt => "updated_at",
    }
}

#[each_dialect]
#[async_trait]
impl EndpointRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.endpoints.find", skip_all, fields(endpoint.id = %id))]
    async fn find(&mut self, id: EndpointId) -> Result<Option<Endpoint>, RepositoryError> {
        let row: Option<EndpointRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" WHERE id = ")
            .push_bind(id.as_uuid())
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        row.map(Endpoint::try_from).transpose()
    }

    #[instrument(level = "debug", name = "db.endpoints.find_by_slug", skip_all, fields(project.id = %project))]
    async fn find_by_slug(
        &mut self,
        project: ProjectId,
        slug: &Slug,
    ) -> Result<Option<Endpoint>, RepositoryError> {
        let row: Option<EndpointRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" WHERE project_id = ")
            .push_bind(project.as_uuid())
            .push(" AND slug = ")
            .push_bind(slug.as_str())
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        row.map(Endpoint::try_from).transpose()
    }

    #[instrument(level = "debug", name = "db.endpoints.insert", skip_all, fields(endpoint.id = %endpoint.id))]
    async fn insert(&mut self, endpoint: &Endpoint) -> Result<(), RepositoryError> {
        sqlx::query(
            "INSERT INTO endpoints (id, project_id, slug, name_folded, provider_template_id, provider_id, \
             credential_id, config, guardrails, active, latest_version, created_at, updated_at, version) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        )
        .bind(endpoint.id.as_uuid())
        .bind(endpoint.project_id.as_uuid())
        .bind(endpoint.config.slug.as_str())
        .bind(text(&endpoint.config.name.to_lowercase()))
        .bind(endpoint.config.provider_template_id.map(TemplateId::as_uuid))
        .bind(endpoint.config.provider_id.map(ProviderId::as_uuid))
        .bind(endpoint.config.credential_id.map(CredentialId::as_uuid))
        .bind(config_of(endpoint))
        .bind(document(&endpoint.guardrails))
        .bind(endpoint.is_active)
        .bind(i64::from(endpoint.latest_version))
        .bind(endpoint.created_at.as_micros())
        .bind(endpoint.updated_at.as_micros())
        .bind(endpoint.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
    }

    #[instrument(level = "debug", name = "db.endpoints.save", skip_all, fields(endpoint.id = %endpoint.id))]
    async fn save(&mut self, endpoint: &Endpoint) -> Result<bool, RepositoryError> {
        let done = sqlx::query(
            "UPDATE endpoints SET slug = $2, name_folded = $3, provider_template_id = $4, provider_id = $5, \
             credential_id = $6, config = $7, guardrails = $8, active = $9, latest_version = $10, \
             updated_at = $11, version = $12 WHERE id = $1 AND version = $12 - 1",
        )
        .bind(endpoint.id.as_uuid())
        .bind(endpoint.config.slug.as_str())
        .bind(text(&endpoint.config.name.to_lowercase()))
        .bind(endpoint.config.provider_template_id.map(TemplateId::as_uuid))
        .bind(endpoint.config.provider_id.map(ProviderId::as_uuid))
        .bind(endpoint.config.credential_id.map(CredentialId::as_uuid))
        .bind(config_of(endpoint))
        .bind(document(&endpoint.guardrails))
        .bind(endpoint.is_active)
        .bind(i64::from(endpoint.latest_version))
        .bind(endpoint.updated_at.as_micros())
        .bind(endpoint.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.endpoints.remove", skip_all, fields(endpoint.id = %id))]
    async fn remove(&mut self, id: EndpointId) -> Result<bool, RepositoryError> {
        Ok(self.execute_for("DELETE FROM endpoints WHERE id = $1", id.as_uuid()).await? == 1)
    }

    #[instrument(level = "debug", name = "db.endpoints.list", skip_all, fields(project.id = %filter.project_id))]
    async fn list(
        &mut self,
        filter: &EndpointFilter,
        page: PageRequest,
    ) -> Result<Page<Endpoint>, RepositoryError> {
        let matching = |mut query: QueryBuilder<Db>| {
            query.push(" WHERE project_id = ").push_bind(filter.project_id.as_uuid());
            if let Some(active) = filter.is_active {
                query.push(" AND active = ").push_bind(active);
            }
            query
        };
        self.read_page(
            &mut matching(QueryBuilder::new("SELECT count(*) FROM endpoints")),
            matching(QueryBuilder::new(SELECT)).push(order_by(column(filter.sort), filter.direction)),
            page,
            |row: EndpointRow| row.try_into(),
        )
        .await
    }

    #[instrument(level = "debug", name = "db.endpoints.list_all", skip_all)]
    async fn list_all(&mut self) -> Result<Vec<Endpoint>, RepositoryError> {
        let rows: Vec<EndpointRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" ORDER BY id")
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        rows.into_iter().map(Endpoint::try_from).collect()
    }

    #[instrument(
        level = "debug",
        name = "db.endpoint_versions.insert",
        skip_all,
        fields(endpoint.id = %version.endpoint_id)
    )]
    async fn insert_version(&mut self, version: &EndpointVersion) -> Result<(), RepositoryError> {
        sqlx::query(
            "INSERT INTO endpoint_versions (endpoint_id, number, snapshot, note, author_id, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(version.endpoint_id.as_uuid())
        .bind(i64::from(version.number))
        .bind(verbatim(&version.snapshot))
        .bind(verbatim(&version.note))
        .bind(version.author.map(ActorId::as_uuid))
        .bind(version.created_at.as_micros())
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
    }

    #[instrument(level = "debug", name = "db.endpoint_versions.find", skip_all, fields(endpoint.id = %endpoint))]
    async fn version(
        &mut self,
        endpoint: EndpointId,
        number: u32,
    ) -> Result<Option<EndpointVersion>, RepositoryError> {
        let row: Option<VersionRow> = QueryBuilder::<Db>::new(SELECT_VERSIONS)
            .push(" WHERE endpoint_id = ")
            .push_bind(endpoint.as_uuid())
            .push(" AND number = ")
            .push_bind(i64::from(number))
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        row.map(EndpointVersion::try_from).transpose()
    }

    #[instrument(level = "debug", name = "db.endpoint_versions.list", skip_all, fields(endpoint.id = %endpoint))]
    async fn versions(
        &mut self,
        endpoint: EndpointId,
        page: PageRequest,
    ) -> Result<Page<EndpointVersion>, RepositoryError> {
        self.read_page(
            QueryBuilder::new("SELECT count(*) FROM endpoint_versions WHERE endpoint_id = ")
                .push_bind(endpoint.as_uuid()),
            QueryBuilder::<Db>::new(SELECT_VERSIONS)
                .push(" WHERE endpoint_id = ")
                .push_bind(endpoint.as_uuid())
                .push(" ORDER BY number DESC"),
            page,
            |row: VersionRow| row.try_into(),
        )
        .await
    }
}
