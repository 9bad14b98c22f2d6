//! Admin API keys in SQL.

use async_trait::async_trait;
use promptgate_auth::{
    AdminKeyFilter, AdminKeyHash, AdminKeyRepository, AdminKeySort, PreviousAdminKey, StoredAdminKey,
};
use promptgate_kernel::{AdminKeyId, Page, PageRequest, RepositoryError, Timestamp};
use promptgate_store_sql_macros::each_dialect;
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::error::corrupt;
use crate::value::{order_by, text};
use crate::work::SqlWork;

const SELECT: &str = "SELECT id, name, hash, previous_hash, previous_until, prefix, created_at, expires_at, \
     last_used_at, revoked_at, version FROM admin_keys";

#[derive(FromRow)]
struct AdminKeyRow {
    id: Uuid,
    name: String,
    hash: Vec<u8>,
    previous_hash: Option<Vec<u8>>,
    previous_until: Option<i64>,
    prefix: String,
    created_at: i64,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
    revoked_at: Option<i64>,
    version: i64,
}

impl TryFrom<AdminKeyRow> for StoredAdminKey {
    type Error = RepositoryError;

    fn try_from(row: AdminKeyRow) -> Result<Self, RepositoryError> {
        let hash = |bytes: &[u8]| {
            let bytes = bytes
                .try_into()
                .map_err(|error: std::array::TryFromSliceError| corrupt("admin_keys", row.id, error))?;
            Ok::<_, RepositoryError>(AdminKeyHash::from_bytes(bytes))
        };
        let previous = row.previous_hash.as_deref().map(hash).transpose()?;
        Ok(Self {
            id: AdminKeyId::from_uuid(row.id),
            hash: hash(&row.hash)?,
            previous: previous
                .zip(row.previous_until)
                .map(|(hash, until)| PreviousAdminKey { hash, until: Timestamp::from_micros(until) }),
            name: row.name,
            prefix: row.prefix,
            created_at: Timestamp::from_micros(row.created_at),
            expires_at: row.expires_at.map(Timestamp::from_micros),
            last_used_at: row.last_used_at.map(Timestamp::from_micros),
            revoked_at: row.revoked_at.map(Timestamp::from_micros),
            version: row.version,
        })
    }
}

const fn column(sort: AdminKeySort) -> &'static str {
    match sort {
        AdminKeySort::Name => "name_folded",
        AdminKeySort::CreatedAt => "created_at",
        AdminKeySort::ExpiresAt => "expires_at",
        AdminKeySort::LastUsedAt => "last_used_at",
    }
}

fn previous(key: &StoredAdminKey) -> (Option<&[u8]>, Option<i64>) {
    let previous = key.previous.as_ref();
    (
        previous.map(|previous| previous.hash.as_bytes().as_slice()),
        previous.map(|previous| previous.until.as_micros()),
    )
}

#[each_dialect]
#[async_trait]
impl AdminKeyRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.admin_keys.find", skip_all, fields(admin_key.id = %id))]
    async fn find(&mut self, id: AdminKeyId) -> Result<Option<StoredAdminKey>, RepositoryError> {
        let row: Option<AdminKeyRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" WHERE id = ")
            .push_bind(id.as_uuid())
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        row.map(StoredAdminKey::try_from).transpose()
    }

    #[instrument(level = "debug", name = "db.admin_keys.find_by_hash", skip_all)]
    async fn find_by_hash(&mut self, hash: &AdminKeyHash) -> Result<Option<StoredAdminKey>, RepositoryError> {
        let row: Option<AdminKeyRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" WHERE hash = ")
            .push_bind(hash.as_bytes().as_slice())
            .push(" OR previous_hash = ")
            .push_bind(hash.as_bytes().as_slice())
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        row.map(StoredAdminKey::try_from).transpose()
    }

    #[instrument(level = "debug", name = "db.admin_keys.insert", skip_all, fields(admin_key.id = %key.id))]
    async fn insert(&mut self, key: &StoredAdminKey) -> Result<(), RepositoryError> {
        let (previous_hash, previous_until) = previous(key);
        sqlx::query(
            "INSERT INTO admin_keys (id, name, name_folded, hash, previous_hash, previous_until, prefix, \
             created_at, expires_at, last_used_at, revoked_at, version) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(key.id.as_uuid())
        .bind(text(&key.name))
        .bind(text(&key.name.to_lowercase()))
        .bind(key.hash.as_bytes().as_slice())
        .bind(previous_hash)
        .bind(previous_until)
        .bind(&key.prefix)
        .bind(key.created_at.as_micros())
        .bind(key.expires_at.map(Timestamp::as_micros))
        .bind(key.last_used_at.map(Timestamp::as_micros))
        .bind(key.revoked_at.map(Timestamp::as_micros))
        .bind(key.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
    }

    #[instrument(level = "debug", name = "db.admin_keys.save", skip_all, fields(admin_key.id = %key.id))]
    async fn save(&mut self, key: &StoredAdminKey) -> Result<bool, RepositoryError> {
        let (previous_hash, previous_until) = previous(key);
        let done = sqlx::query(
            "UPDATE admin_keys SET name = $2, name_folded = $3, hash = $4, previous_hash = $5, \
             previous_until = $6, prefix = $7, expires_at = $8, revoked_at = $9, version = $10 \
             WHERE id = $1 AND version = $10 - 1",
        )
        .bind(key.id.as_uuid())
        .bind(text(&key.name))
        .bind(text(&key.name.to_lowercase()))
        .bind(key.hash.as_bytes().as_slice())
        .bind(previous_hash)
        .bind(previous_until)
        .bind(&key.prefix)
        .bind(key.expires_at.map(Timestamp::as_micros))
        .bind(key.revoked_at.map(Timestamp::as_micros))
        .bind(key.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.admin_keys.note_use", skip_all, fields(admin_key.id = %id))]
    async fn note_use(&mut self, id: AdminKeyId, at: Timestamp) -> Result<(), RepositoryError> {
        sqlx::query(
            "UPDATE admin_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)",
        )
        .bind(id.as_uuid())
        .bind(at.as_micros())
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
    }

    #[instrument(level = "debug", name = "db.admin_keys.list", skip_all)]
    async fn list(
        &mut self,
        filter: &AdminKeyFilter,
        page: PageRequest,
    ) -> Result<Page<StoredAdminKey>, RepositoryError> {
        self.read_page(
            &mut QueryBuilder::new("SELECT count(*) FROM admin_keys"),
            QueryBuilder::new(SELECT).push(order_by(column(filter.sort), filter.direction)),
            page,
            |row: AdminKeyRow| row.try_into(),
        )
        .await
    }
}
