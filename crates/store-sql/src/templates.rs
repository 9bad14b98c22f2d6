//! Templates in SQL.

use async_trait::async_trait;
use promptgate_kernel::{
    CredentialId, Page, PageRequest, ProviderId, RepositoryError, TemplateId, Timestamp,
};
use promptgate_providers::{Template, TemplateFilter, TemplateRepository, TemplateSort};
use promptgate_store_sql_macros::each_dialect;
use sqlx::types::Json;
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::value::{containing, count, order_by, text, texts};
use crate::work::SqlWork;

const SELECT: &str = "SELECT id, name, slug, description, tags, provider_id, model, credential_id, temperature, \
     top_p, max_output_tokens, active, created_at, updated_at, version FROM templates";

#[derive(FromRow)]
struct TemplateRow {
    id: Uuid,
    name: String,
    slug: String,
    description: String,
    tags: Json<Vec<String>>,
    provider_id: Uuid,
    model: String,
    credential_id: Option<Uuid>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    max_output_tokens: Option<i64>,
    active: bool,
    created_at: i64,
    updated_at: i64,
    version: i64,
}

impl From<TemplateRow> for Template {
    fn from(row: TemplateRow) -> Self {
        Self {
            id: TemplateId::from_uuid(row.id),
            name: row.name,
            slug: row.slug,
            description: row.description,
            tags: row.tags.0,
            provider_id: ProviderId::from_uuid(row.provider_id),
            model: row.model,
            credential_id: row.credential_id.map(CredentialId::from_uuid),
            temperature: row.temperature,
            top_p: row.top_p,
            max_output_tokens: row.max_output_tokens.map(i64::unsigned_abs),
            active: row.active,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            version: row.version,
        }
    }
}

const fn column(sort: TemplateSort) -> &'static str {
    match sort {
        TemplateSort::Name => "name_folded",
        TemplateSort::Slug => "slug",
        TemplateSort::CreatedAt => "created_at",
        TemplateSort::UpdatedAt => "updated_at",
    }
}

#[each_dialect]
#[async_trait]
impl TemplateRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.templates.find", skip_all, fields(template.id = %id))]
    async fn find(&mut self, id: TemplateId) -> Result<Option<Template>, RepositoryError> {
        let row: Option<TemplateRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" WHERE id = ")
            .push_bind(id.as_uuid())
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(row.map(Template::from))
    }

    #[instrument(level = "debug", name = "db.templates.insert", skip_all, fields(template.id = %template.id))]
    async fn insert(&mut self, template: &Template) -> Result<(), RepositoryError> {
        sqlx::query(
            "INSERT INTO templates (id, name, name_folded, slug, description, tags, provider_id, model, \
             credential_id, temperature, top_p, max_output_tokens, active, created_at, updated_at, version) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        )
        .bind(template.id.as_uuid())
        .bind(text(&template.name))
        .bind(text(&template.name.to_lowercase()))
        .bind(text(&template.slug))
        .bind(text(&template.description))
        .bind(texts(&template.tags))
        .bind(template.provider_id.as_uuid())
        .bind(text(&template.model))
        .bind(template.credential_id.map(CredentialId::as_uuid))
        .bind(template.temperature)
        .bind(template.top_p)
        .bind(template.max_output_tokens.map(count))
        .bind(template.active)
        .bind(template.created_at.as_micros())
        .bind(template.updated_at.as_micros())
        .bind(template.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
    }

    #[instrument(level = "debug", name = "db.templates.save", skip_all, fields(template.id = %template.id))]
    async fn save(&mut self, template: &Template) -> Result<bool, RepositoryError> {
        let done = sqlx::query(
            "UPDATE templates SET name = $2, name_folded = $3, slug = $4, description = $5, tags = $6, \
             provider_id = $7, model = $8, credential_id = $9, temperature = $10, top_p = $11, \
             max_output_tokens = $12, active = $13, updated_at = $14, version = $15 \
             WHERE id = $1 AND version = $15 - 1",
        )
        .bind(template.id.as_uuid())
        .bind(text(&template.name))
        .bind(text(&template.name.to_lowercase()))
        .bind(text(&template.slug))
        .bind(text(&template.description))
        .bind(texts(&template.tags))
        .bind(template.provider_id.as_uuid())
        .bind(text(&template.model))
        .bind(template.credential_id.map(CredentialId::as_uuid))
        .bind(template.temperature)
        .bind(template.top_p)
        .bind(template.max_output_tokens.map(count))
        .bind(template.active)
        .bind(template.updated_at.as_micros())
        .bind(template.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.templates.remove", skip_all, fields(template.id = %id))]
    async fn remove(&mut self, id: TemplateId) -> Result<bool, RepositoryError> {
        // Whoever read an endpoint that names it notices that it changed: it names none now.
        let outdate = "UPDATE endpoints SET version = version + 1 WHERE provider_template_id = $1";
        self.execute_for(outdate, id.as_uuid()).await?;
        Ok(self.execute_for("DELETE FROM templates WHERE id = $1", id.as_uuid()).await? == 1)
    }

    #[instrument(level = "debug", name = "db.templates.list", skip_all)]
    async fn list(
        &mut self,
        filter: &TemplateFilter,
        page: PageRequest,
    ) -> Result<Page<Template>, RepositoryError> {
        let matching = |mut query: QueryBuilder<Db>| {
            query.push(" WHERE 1 = 1");
            if let Some(search) = &filter.search {
                query.push(" AND name_folded LIKE ").push_bind(containing(search)).push(" ESCAPE '\\'");
            }
            if let Some(provider) = filter.provider {
                query.push(" AND provider_id = ").push_bind(provider.as_uuid());
            }
            if let Some(active) = filter.active {
                query.push(" AND active = ").push_bind(active);
            }
            query
        };
        self.read_page(
            &mut matching(QueryBuilder::new("SELECT count(*) FROM templates")),
            matching(QueryBuilder::new(SELECT)).push(order_by(column(filter.sort), filter.direction)),
            page,
            |row: TemplateRow| Ok(row.into()),
        )
        .await
    }

    #[instrument(level = "debug", name = "db.templates.list_all", skip_all)]
    async fn list_all(&mut self) -> Result<Vec<Template>, RepositoryError> {
        let rows: Vec<TemplateRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" ORDER BY id")
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(rows.into_iter().map(Template::from).collect())
    }
}
