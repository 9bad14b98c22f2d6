//! Providers and their credentials in SQL.

use async_trait::async_trait;
use promptgate_kernel::{CredentialId, Page, PageRequest, ProviderId, RepositoryError, Sealed, Timestamp};
use promptgate_providers::{
    BaseUrl, Credential, Provider, ProviderFilter, ProviderName, ProviderRepository, ProviderSort,
};
use promptgate_store_sql_macros::each_dialect;
use serde_json::{Map, Value};
use sqlx::types::Json;
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::error::corrupt;
use crate::value::{count, document, order_by, text, texts};
use crate::work::SqlWork;

const SELECT: &str = "SELECT id, name, display_name, kind, base_url, models, config, enabled, created_at, \
     updated_at, version FROM providers";

const SELECT_CREDENTIALS: &str = "SELECT id, provider_id, sealed, created_at FROM credentials";

#[derive(FromRow)]
struct ProviderRow {
    id: Uuid,
    name: String,
    display_name: String,
    kind: String,
    base_url: String,
    models: Json<Vec<String>>,
    config: Json<Map<String, Value>>,
    enabled: bool,
    created_at: i64,
    updated_at: i64,
    version: i64,
}

impl TryFrom<ProviderRow> for Provider {
    type Error = RepositoryError;

    fn try_from(row: ProviderRow) -> Result<Self, RepositoryError> {
        Ok(Self {
            id: ProviderId::from_uuid(row.id),
            name: ProviderName::from_stored(row.name),
            display_name: row.display_name,
            kind: row
                .kind
                .parse()
                .map_err(|error: promptgate_providers::UnknownKind| corrupt("providers", row.id, error))?,
            base_url: BaseUrl::parse(&row.base_url).map_err(|error| corrupt("providers", row.id, error))?,
            models: row.models.0,
            config: row.config.0,
            enabled: row.enabled,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            version: row.version,
        })
    }
}

#[derive(FromRow)]
struct CredentialRow {
    id: Uuid,
    provider_id: Uuid,
    sealed: String,
    created_at: i64,
}

impl From<CredentialRow> for Credential {
    fn from(row: CredentialRow) -> Self {
        Self {
            id: CredentialId::from_uuid(row.id),
            provider_id: ProviderId::from_uuid(row.provider_id),
            name: Self::DEFAULT_NAME.to_owned(),
            preview: String::new(),
            weight: 1,
            active: true,
            sealed: Sealed::from_text(row.sealed),
            previous: None,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.created_at),
            version: 1,
        }
    }
}

const fn column(sort: ProviderSort) -> &'static str {
    match sort {
        ProviderSort::Name => "name",
        ProviderSort::DisplayName => "display_name_folded",
        ProviderSort::Kind => "kind",
        ProviderSort::HasApiKey => {
            "EXISTS (SELECT 1 FROM credentials WHERE credentials.provider_id = providers.id)"
        }
        ProviderSort::Enabled => "enabled",
        ProviderSort::CreatedAt => "created_at",
        ProviderSort::UpdatedAt => "updated_at",
    }
}

#[each_dialect]
#[async_trait]
impl ProviderRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.providers.find", skip_all, fields(provider.id = %id))]
    async fn find(&mut self, id: ProviderId) -> Result<Option<Provider>, RepositoryError> {
        let row: Option<ProviderRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" WHERE id = ")
            .push_bind(id.as_uuid())
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        row.map(Provider::try_from).transpose()
    }

    #[instrument(level = "debug", name = "db.providers.insert", skip_all, fields(provider.id = %provider.id))]
    async fn insert(&mut self, provider: &Provider) -> Result<(), RepositoryError> {
        sqlx::query(
            "INSERT INTO providers (id, name, display_name, display_name_folded, kind, base_url, models, \
             config, enabled, created_at, updated_at, version) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(provider.id.as_uuid())
        .bind(provider.name.as_str())
        .bind(text(&provider.display_name))
        .bind(text(&provider.display_name.to_lowercase()))
        .bind(provider.kind.as_str())
        .bind(provider.base_url.as_str())
        .bind(texts(&provider.models))
        .bind(document(&provider.config))
        .bind(provider.enabled)
        .bind(provider.created_at.as_micros())
        .bind(provider.updated_at.as_micros())
        .bind(provider.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
    }

    #[instrument(level = "debug", name = "db.providers.save", skip_all, fields(provider.id = %provider.id))]
    async fn save(&mut self, provider: &Provider) -> Result<bool, RepositoryError> {
        let done = sqlx::query(
            "UPDATE providers SET display_name = $2, display_name_folded = $3, kind = $4, base_url = $5, \
             models = $6, config = $7, enabled = $8, updated_at = $9, version = $10 \
             WHERE id = $1 AND version = $10 - 1",
        )
        .bind(provider.id.as_uuid())
        .bind(text(&provider.display_name))
        .bind(text(&provider.display_name.to_lowercase()))
        .bind(provider.kind.as_str())
        .bind(provider.base_url.as_str())
        .bind(texts(&provider.models))
        .bind(document(&provider.config))
        .bind(provider.enabled)
        .bind(provider.updated_at.as_micros())
        .bind(provider.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.providers.remove", skip_all, fields(provider.id = %id))]
    async fn remove(&mut self, id: ProviderId) -> Result<bool, RepositoryError> {
        let done = sqlx::query("DELETE FROM providers WHERE id = $1")
            .bind(id.as_uuid())
            .execute(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.providers.list", skip_all)]
    async fn list(
        &mut self,
        filter: &ProviderFilter,
        page: PageRequest,
    ) -> Result<Page<Provider>, RepositoryError> {
        let total: i64 = sqlx::query_scalar("SELECT count(*) FROM providers")
            .fetch_one(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        let rows: Vec<ProviderRow> = QueryBuilder::<Db>::new(SELECT)
            .push(order_by(column(filter.sort), filter.direction))
            .push_bind(i64::from(page.size()))
            .push(" OFFSET ")
            .push_bind(count(page.offset()))
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        let items = rows.into_iter().map(Provider::try_from).collect::<Result<_, _>>()?;
        Ok(Page { items, request: page, total: total.unsigned_abs() })
    }

    #[instrument(level = "debug", name = "db.providers.list_all", skip_all)]
    async fn list_all(&mut self) -> Result<Vec<Provider>, RepositoryError> {
        let rows: Vec<ProviderRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" ORDER BY name")
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        rows.into_iter().map(Provider::try_from).collect()
    }

    #[instrument(level = "debug", name = "db.credentials.list", skip_all, fields(provider.id = %provider))]
    async fn credentials(&mut self, provider: ProviderId) -> Result<Vec<Credential>, RepositoryError> {
        let rows: Vec<CredentialRow> = QueryBuilder::<Db>::new(SELECT_CREDENTIALS)
            .push(" WHERE provider_id = ")
            .push_bind(provider.as_uuid())
            .push(" ORDER BY created_at, id")
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(rows.into_iter().map(Credential::from).collect())
    }

    #[instrument(level = "debug", name = "db.credentials.list_all", skip_all)]
    async fn all_credentials(&mut self) -> Result<Vec<Credential>, RepositoryError> {
        let rows: Vec<CredentialRow> = QueryBuilder::<Db>::new(SELECT_CREDENTIALS)
            .push(" ORDER BY provider_id, created_at, id")
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(rows.into_iter().map(Credential::from).collect())
    }

    #[instrument(level = "debug", name = "db.credentials.replace", skip_all, fields(provider.id = %provider))]
    async fn set_credentials(
        &mut self,
        provider: ProviderId,
        credentials: &[Credential],
    ) -> Result<(), RepositoryError> {
        sqlx::query("DELETE FROM credentials WHERE provider_id = $1")
            .bind(provider.as_uuid())
            .execute(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        for credential in credentials {
            sqlx::query(
                "INSERT INTO credentials (id, provider_id, sealed, created_at) VALUES ($1, $2, $3, $4)",
            )
            .bind(credential.id.as_uuid())
            .bind(provider.as_uuid())
            .bind(credential.sealed.as_text())
            .bind(credential.created_at.as_micros())
            .execute(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        }
        Ok(())
    }
}
