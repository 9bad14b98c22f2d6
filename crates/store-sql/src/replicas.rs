//! Running processes in SQL.

use async_trait::async_trait;
use promptgate_kernel::{ReplicaId, RepositoryError, Revision, Timestamp};
use promptgate_store::{Replica, ReplicaRepository};
use promptgate_store_sql_macros::each_dialect;
use sqlx::FromRow;
use tracing::instrument;
use uuid::Uuid;

use crate::error::corrupt;
use crate::value::text;
use crate::work::SqlWork;

#[derive(FromRow)]
struct ReplicaRow {
    id: Uuid,
    kind: String,
    version: String,
    host: String,
    address: String,
    process: i64,
    answers_calls: bool,
    started_at: i64,
    seen_at: i64,
    revision: Option<i64>,
}

impl TryFrom<ReplicaRow> for Replica {
    type Error = RepositoryError;

    fn try_from(row: ReplicaRow) -> Result<Self, RepositoryError> {
        Ok(Self {
            id: ReplicaId::from_uuid(row.id),
            kind: row.kind,
            version: row.version,
            host: row.host,
            address: row.address,
            process: u32::try_from(row.process).map_err(|error| corrupt("replicas", row.id, error))?,
            answers_calls: row.answers_calls,
            started_at: Timestamp::from_micros(row.started_at),
            seen_at: Timestamp::from_micros(row.seen_at),
            revision: row.revision.map(Revision::from_number),
        })
    }
}

#[each_dialect]
#[async_trait]
impl ReplicaRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.replicas.beat", skip_all)]
    async fn beat(&mut self, replica: &Replica) -> Result<(), RepositoryError> {
        sqlx::query(
            "INSERT INTO replicas (id, kind, version, host, address, process, answers_calls, started_at, \
             seen_at, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, revision = excluded.revision",
        )
        .bind(replica.id.as_uuid())
        .bind(text(&replica.kind))
        .bind(text(&replica.version))
        .bind(text(&replica.host))
        .bind(text(&replica.address))
        .bind(i64::from(replica.process))
        .bind(replica.answers_calls)
        .bind(replica.started_at.as_micros())
        .bind(replica.seen_at.as_micros())
        .bind(replica.revision.map(Revision::number))
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
    }

    #[instrument(level = "debug", name = "db.replicas.list", skip_all)]
    async fn list(&mut self, seen_after: Timestamp) -> Result<Vec<Replica>, RepositoryError> {
        let rows: Vec<ReplicaRow> = sqlx::query_as(
            "SELECT id, kind, version, host, address, process, answers_calls, started_at, seen_at, revision \
             FROM replicas WHERE seen_at > $1 ORDER BY kind, started_at, id",
        )
        .bind(seen_after.as_micros())
        .fetch_all(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        rows.into_iter().map(Replica::try_from).collect()
    }

    #[instrument(level = "debug", name = "db.replicas.remove", skip_all)]
    async fn remove(&mut self, id: ReplicaId) -> Result<(), RepositoryError> {
        self.execute_for("DELETE FROM replicas WHERE id = $1", id.as_uuid()).await.map(drop)
    }

    #[instrument(level = "debug", name = "db.replicas.forget", skip_all)]
    async fn forget(&mut self, seen_before: Timestamp) -> Result<u64, RepositoryError> {
        let done = sqlx::query("DELETE FROM replicas WHERE seen_at < $1")
            .bind(seen_before.as_micros())
            .execute(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected())
    }
}
