//! The audit log in SQL.

use std::collections::BTreeMap;

use async_trait::async_trait;
use promptgate_audit::{AuditRepository, Chained, Event, EventHash};
use promptgate_kernel::{AuditEventId, ProjectId, RepositoryError, Timestamp};
use promptgate_store_sql_macros::each_dialect;
use sqlx::FromRow;
use sqlx::types::Json;
use tracing::instrument;
use uuid::Uuid;

use crate::error::corrupt;
use crate::value::text;
use crate::work::SqlWork;

#[derive(FromRow)]
struct AuditRow {
    position: i64,
    id: Uuid,
    at: i64,
    actor_kind: String,
    actor_id: Option<String>,
    action: String,
    target_kind: String,
    target_id: String,
    project_id: Option<Uuid>,
    details: Json<BTreeMap<String, String>>,
    previous_hash: Option<Vec<u8>>,
    hash: Vec<u8>,
}

impl TryFrom<AuditRow> for Chained {
    type Error = RepositoryError;

    fn try_from(row: AuditRow) -> Result<Self, RepositoryError> {
        let hash = |bytes: &[u8]| event_hash("audit_log", row.position, bytes);
        Ok(Self {
            position: row.position,
            previous: row.previous_hash.as_deref().map(hash).transpose()?,
            hash: hash(&row.hash)?,
            event: Event {
                id: AuditEventId::from_uuid(row.id),
                at: Timestamp::from_micros(row.at),
                actor_kind: row.actor_kind,
                actor_id: row.actor_id,
                action: row.action,
                target_kind: row.target_kind,
                target_id: row.target_id,
                project_id: row.project_id.map(ProjectId::from_uuid),
                details: row.details.0,
            },
        })
    }
}

fn event_hash(table: &'static str, row: i64, bytes: &[u8]) -> Result<EventHash, RepositoryError> {
    let bytes =
        bytes.try_into().map_err(|error: std::array::TryFromSliceError| corrupt(table, row, error))?;
    Ok(EventHash::from_bytes(bytes))
}

/// The event as it can be stored; what is hashed is what comes back.
fn storable(event: &Event) -> Event {
    let clean = |value: &str| text(value).into_owned();
    Event {
        id: event.id,
        at: event.at,
        actor_kind: clean(&event.actor_kind),
        actor_id: event.actor_id.as_deref().map(clean),
        action: clean(&event.action),
        target_kind: clean(&event.target_kind),
        target_id: clean(&event.target_id),
        project_id: event.project_id,
        details: event.details.iter().map(|(name, value)| (clean(name), clean(value))).collect(),
    }
}

#[each_dialect]
#[async_trait]
impl AuditRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.audit_log.append", skip_all, fields(audit.action = %event.action))]
    async fn append(&mut self, event: &Event) -> Result<(), RepositoryError> {
        // Moving the head takes its row lock until the commit; the hash in it is still the last one.
        let (position, last): (i64, Option<Vec<u8>>) = sqlx::query_as(
            "UPDATE heads SET audit_position = audit_position + 1 WHERE id = 1 \
             RETURNING audit_position, audit_hash",
        )
        .fetch_one(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        let last = last.map(|bytes| event_hash("heads", 1, &bytes)).transpose()?;
        let chained = Chained::after(last.map(|hash| (position - 1, hash)), storable(event));
        sqlx::query(
            "INSERT INTO audit_log (position, id, at, actor_kind, actor_id, action, target_kind, target_id, \
             project_id, details, previous_hash, hash) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(chained.position)
        .bind(chained.event.id.as_uuid())
        .bind(chained.event.at.as_micros())
        .bind(&chained.event.actor_kind)
        .bind(&chained.event.actor_id)
        .bind(&chained.event.action)
        .bind(&chained.event.target_kind)
        .bind(&chained.event.target_id)
        .bind(chained.event.project_id.map(ProjectId::as_uuid))
        .bind(Json(&chained.event.details))
        .bind(chained.previous.as_ref().map(|hash| hash.as_bytes().as_slice()))
        .bind(chained.hash.as_bytes().as_slice())
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        sqlx::query("UPDATE heads SET audit_hash = $1 WHERE id = 1")
            .bind(chained.hash.as_bytes().as_slice())
            .execute(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(())
    }

    #[instrument(level = "debug", name = "db.audit_log.list_after", skip_all)]
    async fn list_after(&mut self, position: i64, limit: u32) -> Result<Vec<Chained>, RepositoryError> {
        let rows: Vec<AuditRow> = sqlx::query_as(
            "SELECT position, id, at, actor_kind, actor_id, action, target_kind, target_id, project_id, \
             details, previous_hash, hash FROM audit_log WHERE position > $1 ORDER BY position LIMIT $2",
        )
        .bind(position)
        .bind(i64::from(limit))
        .fetch_all(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        rows.into_iter().map(Chained::try_from).collect()
    }
}
