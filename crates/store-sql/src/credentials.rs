//! Credentials in SQL, one by one.

use async_trait::async_trait;
use promptgate_kernel::{CredentialId, Page, PageRequest, ProviderId, RepositoryError, Sealed, Timestamp};
use promptgate_providers::{
    Credential, CredentialFilter, CredentialRepository, CredentialSort, CredentialUses, ListedCredential,
    PreviousSecret,
};
use promptgate_store_sql_macros::each_dialect;
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::error::corrupt;
use crate::value::{order_by, text};
use crate::work::SqlWork;

pub(crate) const COLUMNS: &str = "id, provider_id, name, preview, weight, active, sealed, previous_sealed, \
     previous_until, created_at, updated_at, version";

const USES: &str = "(SELECT count(*) FROM endpoints WHERE endpoints.credential_id = credentials.id) \
     AS endpoints, (SELECT count(*) FROM templates WHERE templates.credential_id = credentials.id) \
     AS templates, (SELECT count(*) FROM project_providers \
     WHERE project_providers.credential_id = credentials.id) AS projects";

#[derive(FromRow)]
pub(crate) struct CredentialRow {
    id: Uuid,
    provider_id: Uuid,
    name: String,
    preview: String,
    weight: i64,
    active: bool,
    sealed: String,
    previous_sealed: Option<String>,
    previous_until: Option<i64>,
    created_at: i64,
    updated_at: i64,
    version: i64,
}

impl TryFrom<CredentialRow> for Credential {
    type Error = RepositoryError;

    fn try_from(row: CredentialRow) -> Result<Self, RepositoryError> {
        let previous = row.previous_sealed.zip(row.previous_until).map(|(sealed, until)| PreviousSecret {
            sealed: Sealed::from_text(sealed),
            until: Timestamp::from_micros(until),
        });
        Ok(Self {
            id: CredentialId::from_uuid(row.id),
            provider_id: ProviderId::from_uuid(row.provider_id),
            name: row.name,
            preview: row.preview,
            weight: row.weight.try_into().map_err(|error| corrupt_number(row.id, error))?,
            active: row.active,
            sealed: Sealed::from_text(row.sealed),
            previous,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            version: row.version,
        })
    }
}

fn corrupt_number(id: Uuid, error: std::num::TryFromIntError) -> RepositoryError {
    corrupt("credentials", id, error)
}

#[derive(FromRow)]
struct UsesRow {
    endpoints: i64,
    templates: i64,
    projects: i64,
}

impl From<UsesRow> for CredentialUses {
    fn from(row: UsesRow) -> Self {
        Self {
            endpoints: row.endpoints.unsigned_abs(),
            templates: row.templates.unsigned_abs(),
            projects: row.projects.unsigned_abs(),
        }
    }
}

#[derive(FromRow)]
struct ListedRow {
    #[sqlx(flatten)]
    credential: CredentialRow,
    #[sqlx(flatten)]
    uses: UsesRow,
}

impl TryFrom<ListedRow> for ListedCredential {
    type Error = RepositoryError;

    fn try_from(row: ListedRow) -> Result<Self, RepositoryError> {
        Ok(Self { credential: row.credential.try_into()?, used_by: row.uses.into() })
    }
}

const fn column(sort: CredentialSort) -> &'static str {
    match sort {
        CredentialSort::Name => "name_folded",
        CredentialSort::Provider => {
            "(SELECT name FROM providers WHERE providers.id = credentials.provider_id)"
        }
        CredentialSort::Active => "active",
        CredentialSort::CreatedAt => "created_at",
        CredentialSort::UpdatedAt => "updated_at",
    }
}

const INSERT: &str = "INSERT INTO credentials (id, provider_id, name, name_folded, preview, weight, active, \
     sealed, previous_sealed, previous_until, created_at, updated_at, version) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

const PUT: &str = "INSERT INTO credentials (id, provider_id, name, name_folded, preview, weight, active, \
     sealed, previous_sealed, previous_until, created_at, updated_at, version) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (id) DO UPDATE SET \
     name = excluded.name, name_folded = excluded.name_folded, preview = excluded.preview, \
     weight = excluded.weight, active = excluded.active, sealed = excluded.sealed, \
     previous_sealed = excluded.previous_sealed, previous_until = excluded.previous_until, \
     created_at = excluded.created_at, updated_at = excluded.updated_at, version = excluded.version";

#[each_dialect]
impl SqlWork<Db> {
    /// Stores a credential, in place of one of the same id.
    pub(crate) async fn put_credential(&mut self, credential: &Credential) -> Result<(), RepositoryError> {
        self.write_credential(PUT, credential).await
    }

    async fn write_credential(
        &mut self,
        statement: &'static str,
        credential: &Credential,
    ) -> Result<(), RepositoryError> {
        sqlx::query(statement)
            .bind(credential.id.as_uuid())
            .bind(credential.provider_id.as_uuid())
            .bind(text(&credential.name))
            .bind(text(&credential.name.to_lowercase()))
            .bind(text(&credential.preview))
            .bind(i64::from(credential.weight))
            .bind(credential.active)
            .bind(credential.sealed.as_text())
            .bind(credential.previous.as_ref().map(|previous| previous.sealed.as_text()))
            .bind(credential.previous.as_ref().map(|previous| previous.until.as_micros()))
            .bind(credential.created_at.as_micros())
            .bind(credential.updated_at.as_micros())
            .bind(credential.version)
            .execute(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(())
    }
}

#[each_dialect]
#[async_trait]
impl CredentialRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.credentials.find", skip_all, fields(credential.id = %id))]
    async fn find(&mut self, id: CredentialId) -> Result<Option<Credential>, RepositoryError> {
        let row: Option<CredentialRow> = QueryBuilder::<Db>::new("SELECT ")
            .push(COLUMNS)
            .push(" FROM credentials WHERE id = ")
            .push_bind(id.as_uuid())
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        row.map(Credential::try_from).transpose()
    }

    #[instrument(level = "debug", name = "db.credentials.uses", skip_all, fields(credential.id = %id))]
    async fn uses(&mut self, id: CredentialId) -> Result<CredentialUses, RepositoryError> {
        let row: Option<UsesRow> = QueryBuilder::<Db>::new("SELECT ")
            .push(USES)
            .push(" FROM credentials WHERE id = ")
            .push_bind(id.as_uuid())
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(row.map(CredentialUses::from).unwrap_or_default())
    }

    #[instrument(level = "debug", name = "db.credentials.insert", skip_all, fields(credential.id = %credential.id))]
    async fn insert(&mut self, credential: &Credential) -> Result<(), RepositoryError> {
        self.write_credential(INSERT, credential).await
    }

    #[instrument(level = "debug", name = "db.credentials.save", skip_all, fields(credential.id = %credential.id))]
    async fn save(&mut self, credential: &Credential) -> Result<bool, RepositoryError> {
        let done = sqlx::query(
            "UPDATE credentials SET name = $2, name_folded = $3, preview = $4, weight = $5, active = $6, \
             sealed = $7, previous_sealed = $8, previous_until = $9, updated_at = $10, version = $11 \
             WHERE id = $1 AND version = $11 - 1",
        )
        .bind(credential.id.as_uuid())
        .bind(text(&credential.name))
        .bind(text(&credential.name.to_lowercase()))
        .bind(text(&credential.preview))
        .bind(i64::from(credential.weight))
        .bind(credential.active)
        .bind(credential.sealed.as_text())
        .bind(credential.previous.as_ref().map(|previous| previous.sealed.as_text()))
        .bind(credential.previous.as_ref().map(|previous| previous.until.as_micros()))
        .bind(credential.updated_at.as_micros())
        .bind(credential.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.credentials.remove", skip_all, fields(credential.id = %id))]
    async fn remove(&mut self, id: CredentialId) -> Result<bool, RepositoryError> {
        // Whoever read an endpoint or a template that names it notices that it changed: it names none
        // now.
        for statement in [
            "UPDATE endpoints SET version = version + 1 WHERE credential_id = $1",
            "UPDATE templates SET version = version + 1 WHERE credential_id = $1",
        ] {
            self.execute_for(statement, id.as_uuid()).await?;
        }
        Ok(self.execute_for("DELETE FROM credentials WHERE id = $1", id.as_uuid()).await? == 1)
    }

    #[instrument(level = "debug", name = "db.credentials.list", skip_all)]
    async fn list(
        &mut self,
        filter: &CredentialFilter,
        page: PageRequest,
    ) -> Result<Page<ListedCredential>, RepositoryError> {
        let matching = |what: &[&str]| {
            let mut query = QueryBuilder::<Db>::new("SELECT ");
            query.push(what.join(", ")).push(" FROM credentials WHERE 1 = 1");
            if let Some(provider) = filter.provider {
                query.push(" AND provider_id = ").push_bind(provider.as_uuid());
            }
            if let Some(active) = filter.active {
                query.push(" AND active = ").push_bind(active);
            }
            query
        };
        self.read_page(
            &mut matching(&["count(*)"]),
            matching(&[COLUMNS, USES]).push(order_by(column(filter.sort), filter.direction)),
            page,
            |row: ListedRow| row.try_into(),
        )
        .await
    }
}
