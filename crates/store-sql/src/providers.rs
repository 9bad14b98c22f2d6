//! Providers and their credentials in SQL.

use async_trait::async_trait;
use promptgate_kernel::{CredentialId, Page, PageRequest, ProviderId, RepositoryError, Timestamp};
use promptgate_providers::{
    BaseUrl, Credential, CredentialRepository, Provider, ProviderFilter, ProviderName, ProviderRepository,
    ProviderSort,
};
use promptgate_store_sql_macros::each_dialect;
use serde_json::{Map, Value};
use sqlx::types::Json;
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::credentials::{self, CredentialRow};
use crate::error::corrupt;
use crate::value::{document, order_by, text, texts};
use crate::work::SqlWork;

const SELECT: &str = "SELECT id, name, display_name, kind, base_url, models, config, enabled, created_at, \
     updated_at, version FROM providers";

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

/// Makes whoever read an endpoint that depends on a provider notice that it changed, because it is about
/// to lose what it names.
const OUTDATE_USERS: &str = "UPDATE endpoints SET version = version + 1 WHERE provider_id = $1 \
     OR credential_id IN (SELECT id FROM credentials WHERE provider_id = $1) \
     OR provider_template_id IN (SELECT id FROM templates WHERE provider_id = $1)";

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
        self.execute_for(OUTDATE_USERS, id.as_uuid()).await?;
        Ok(self.execute_for("DELETE FROM providers WHERE id = $1", id.as_uuid()).await? == 1)
    }

    #[instrument(level = "debug", name = "db.providers.list", skip_all)]
    async fn list(
        &mut self,
        filter: &ProviderFilter,
        page: PageRequest,
    ) -> Result<Page<Provider>, RepositoryError> {
        self.read_page(
            &mut QueryBuilder::new("SELECT count(*) FROM providers"),
            QueryBuilder::<Db>::new(SELECT).push(order_by(column(filter.sort), filter.direction)),
            page,
            |row: ProviderRow| row.try_into(),
        )
        .await
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

    #[instrument(level = "debug", name = "db.credentials.of_provider", skip_all, fields(provider.id = %provider))]
    async fn credentials(&mut self, provider: ProviderId) -> Result<Vec<Credential>, RepositoryError> {
        let rows: Vec<CredentialRow> = QueryBuilder::<Db>::new("SELECT ")
            .push(credentials::COLUMNS)
            .push(" FROM credentials WHERE provider_id = ")
            .push_bind(provider.as_uuid())
            .push(" ORDER BY created_at, id")
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        rows.into_iter().map(Credential::try_from).collect()
    }

    #[instrument(level = "debug", name = "db.credentials.list_all", skip_all)]
    async fn all_credentials(&mut self) -> Result<Vec<Credential>, RepositoryError> {
        let rows: Vec<CredentialRow> = QueryBuilder::<Db>::new("SELECT ")
            .push(credentials::COLUMNS)
            .push(" FROM credentials ORDER BY provider_id, created_at, id")
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        rows.into_iter().map(Credential::try_from).collect()
    }

    #[instrument(level = "debug", name = "db.credentials.replace", skip_all, fields(provider.id = %provider))]
    async fn set_credentials(
        &mut self,
        provider: ProviderId,
        credentials: &[Credential],
    ) -> Result<(), RepositoryError> {
        let stored: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM credentials WHERE provider_id = $1")
            .bind(provider.as_uuid())
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        for id in stored.into_iter().map(CredentialId::from_uuid) {
            // One that stays under its id keeps what names it.
            if !credentials.iter().any(|credential| credential.id == id) {
                CredentialRepository::remove(self, id).await?;
            }
        }
        for credential in credentials {
            self.put_credential(credential).await?;
        }
        Ok(())
    }
}
