//! The audit log in SQL.

mod checkpoint;

use std::collections::BTreeMap;

use async_trait::async_trait;
use promptgate_audit::{
    ActorName, AuditRepository, Came, Chained, Checkpoint, Event, EventFilter, EventHash, HashVersion,
    Severity,
};
use promptgate_kernel::{
    AuditEventId, CallId, Page, PageRequest, ProjectId, RepositoryError, SortDirection, Timestamp,
};
use promptgate_store_sql_macros::each_dialect;
use sqlx::types::Json;
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::dialect::Dialect;
use crate::error::corrupt;
use crate::value::{containing, text};
use crate::work::SqlWork;
use checkpoint::CheckpointRow;

const SELECT: &str = "SELECT position, id, at, actor_kind, actor_id, actor_label, action, target_kind, \
     target_id, project_id, address, request_id, via, before_values, after_values, details, severity, \
     previous_hash, hash_version, hash FROM audit_log";

#[derive(FromRow)]
struct AuditRow {
    position: i64,
    id: Uuid,
    at: i64,
    actor_kind: String,
    actor_id: Option<String>,
    actor_label: Option<String>,
    action: String,
    target_kind: String,
    target_id: String,
    project_id: Option<Uuid>,
    address: Option<String>,
    request_id: Option<Uuid>,
    via: Option<String>,
    before_values: Json<BTreeMap<String, String>>,
    after_values: Json<BTreeMap<String, String>>,
    details: Json<BTreeMap<String, String>>,
    severity: String,
    previous_hash: Option<Vec<u8>>,
    hash_version: i64,
    hash: Vec<u8>,
}

/// A row that a later version of PromptGate wrote, or somebody else.
#[derive(Debug, thiserror::Error)]
#[error("the hash version {0} is unknown")]
struct UnknownVersion(i64);

impl TryFrom<AuditRow> for Chained {
    type Error = RepositoryError;

    fn try_from(row: AuditRow) -> Result<Self, RepositoryError> {
        let wrong = |error| corrupt("audit_log", row.position, error);
        let hash = |bytes: &[u8]| event_hash("audit_log", row.position, bytes);
        let version = HashVersion::from_number(row.hash_version)
            .ok_or_else(|| corrupt("audit_log", row.position, UnknownVersion(row.hash_version)))?;
        let severity = match version {
            HashVersion::First => Severity::of(&row.action).unwrap_or_default(),
            HashVersion::Second => {
                row.severity.parse().map_err(|error: promptgate_audit::UnknownSeverity| {
                    corrupt("audit_log", row.position, error)
                })?
            }
        };
        Ok(Self {
            position: row.position,
            previous: row.previous_hash.as_deref().map(hash).transpose()?,
            version,
            hash: hash(&row.hash)?,
            event: Event {
                id: AuditEventId::from_uuid(row.id),
                at: Timestamp::from_micros(row.at),
                severity,
                actor: ActorName { kind: row.actor_kind, id: row.actor_id, label: row.actor_label },
                action: row.action,
                target_kind: row.target_kind,
                target_id: row.target_id,
                project_id: row.project_id.map(ProjectId::from_uuid),
                came: Came {
                    address: row.address.map(|address| address.parse()).transpose().map_err(wrong)?,
                    request: row.request_id.map(CallId::from_uuid),
                    via: row.via,
                },
                before: row.before_values.0,
                after: row.after_values.0,
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
    let clean_map = |map: &BTreeMap<String, String>| {
        map.iter().map(|(name, value)| (clean(name), clean(value))).collect()
    };
    Event {
        id: event.id,
        at: event.at,
        severity: event.severity,
        actor: ActorName {
            kind: clean(&event.actor.kind),
            id: event.actor.id.as_deref().map(clean),
            label: event.actor.label.as_deref().map(clean),
        },
        action: clean(&event.action),
        target_kind: clean(&event.target_kind),
        target_id: clean(&event.target_id),
        project_id: event.project_id,
        came: Came { via: event.came.via.as_deref().map(clean), ..event.came.clone() },
        before: clean_map(&event.before),
        after: clean_map(&event.after),
        details: clean_map(&event.details),
    }
}

/// What a search looks into, in lower case.
fn searched(event: &Event) -> String {
    let mut all = vec![event.action.as_str(), &event.actor.kind, &event.target_kind, &event.target_id];
    all.extend(event.actor.id.as_deref());
    all.extend(event.actor.label.as_deref());
    all.extend(event.came.via.as_deref());
    all.extend(event.details.values().map(String::as_str));
    all.join(" ").to_lowercase()
}

#[each_dialect]
impl SqlWork<Db> {
    fn wanted(mut query: QueryBuilder<Db>, filter: &EventFilter) -> QueryBuilder<Db> {
        query.push(" WHERE TRUE");
        if let Some(search) = &filter.search {
            query.push(" AND search_folded LIKE ").push_bind(containing(search)).push(" ESCAPE '\\'");
        }
        if let Some(severity) = filter.severity {
            query.push(" AND severity = ").push_bind(severity.as_str());
        }
        if let Some(action) = &filter.action {
            query.push(" AND action = ").push_bind(text(action).into_owned());
        }
        if let Some(actor) = &filter.actor {
            query.push(" AND actor_id = ").push_bind(text(actor).into_owned());
        }
        if let Some(project) = filter.project {
            query.push(" AND project_id = ").push_bind(project.as_uuid());
        }
        if let Some(since) = filter.since {
            query.push(" AND at >= ").push_bind(since.as_micros());
        }
        if let Some(until) = filter.until {
            query.push(" AND at < ").push_bind(until.as_micros());
        }
        query
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
        let event = &chained.event;
        sqlx::query(
            "INSERT INTO audit_log (position, id, at, actor_kind, actor_id, actor_label, action, target_kind, \
             target_id, project_id, address, request_id, via, before_values, after_values, details, severity, \
             previous_hash, hash_version, hash, search_folded) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, \
             $20, $21)",
        )
        .bind(chained.position)
        .bind(event.id.as_uuid())
        .bind(event.at.as_micros())
        .bind(&event.actor.kind)
        .bind(&event.actor.id)
        .bind(&event.actor.label)
        .bind(&event.action)
        .bind(&event.target_kind)
        .bind(&event.target_id)
        .bind(event.project_id.map(ProjectId::as_uuid))
        .bind(event.came.address.map(|address| address.to_string()))
        .bind(event.came.request.map(CallId::as_uuid))
        .bind(&event.came.via)
        .bind(Json(&event.before))
        .bind(Json(&event.after))
        .bind(Json(&event.details))
        .bind(event.severity.as_str())
        .bind(chained.previous.as_ref().map(|hash| hash.as_bytes().as_slice()))
        .bind(chained.version.number())
        .bind(chained.hash.as_bytes().as_slice())
        .bind(searched(event))
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

    #[instrument(level = "debug", name = "db.audit_log.hold", skip_all)]
    async fn hold(&mut self) -> Result<(), RepositoryError> {
        sqlx::query(Db::pick("SELECT 1 FROM heads WHERE id = 1 FOR UPDATE", "SELECT 1"))
            .execute(&mut *self.tx)
            .await
            .map(|_| ())
            .map_err(|error| self.fail(error))
    }

    async fn list_after(&mut self, position: i64, limit: u32) -> Result<Vec<Chained>, RepositoryError> {
        self.list_wanted_after(&EventFilter::default(), position, limit).await
    }

    #[instrument(level = "debug", name = "db.audit_log.list_wanted_after", skip_all)]
    async fn list_wanted_after(
        &mut self,
        filter: &EventFilter,
        position: i64,
        limit: u32,
    ) -> Result<Vec<Chained>, RepositoryError> {
        let rows: Vec<AuditRow> = Self::wanted(QueryBuilder::<Db>::new(SELECT), filter)
            .push(" AND position > ")
            .push_bind(position)
            .push(" ORDER BY position LIMIT ")
            .push_bind(i64::from(limit))
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        rows.into_iter().map(Chained::try_from).collect()
    }

    #[instrument(level = "debug", name = "db.audit_log.list", skip_all)]
    async fn list(
        &mut self,
        filter: &EventFilter,
        direction: SortDirection,
        page: PageRequest,
    ) -> Result<Page<Chained>, RepositoryError> {
        let order = match direction {
            SortDirection::Ascending => " ORDER BY position",
            SortDirection::Descending => " ORDER BY position DESC",
        };
        self.read_page(
            &mut Self::wanted(QueryBuilder::new("SELECT count(*) FROM audit_log"), filter),
            Self::wanted(QueryBuilder::new(SELECT), filter).push(order),
            page,
            |row: AuditRow| row.try_into(),
        )
        .await
    }

    #[instrument(level = "debug", name = "db.audit_log.head", skip_all)]
    async fn head(&mut self) -> Result<Option<(i64, EventHash)>, RepositoryError> {
        let (position, hash): (i64, Option<Vec<u8>>) =
            sqlx::query_as("SELECT audit_position, audit_hash FROM heads WHERE id = 1")
                .fetch_one(&mut *self.tx)
                .await
                .map_err(|error| self.fail(error))?;
        let hash = hash.map(|bytes| event_hash("heads", 1, &bytes)).transpose()?;
        Ok(hash.map(|hash| (position, hash)))
    }

    #[instrument(level = "debug", name = "db.audit_log.last_before", skip_all)]
    async fn last_before(
        &mut self,
        at: Timestamp,
        position: i64,
    ) -> Result<Option<Chained>, RepositoryError> {
        let row: Option<AuditRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" WHERE at < ")
            .push_bind(at.as_micros())
            .push(" AND position > ")
            .push_bind(position)
            .push(" ORDER BY position DESC LIMIT 1")
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        row.map(Chained::try_from).transpose()
    }

    #[instrument(level = "debug", name = "db.audit_checkpoints.list_after", skip_all)]
    async fn checkpoints_after(
        &mut self,
        position: i64,
        limit: u32,
    ) -> Result<Vec<Checkpoint>, RepositoryError> {
        let rows: Vec<CheckpointRow> = QueryBuilder::<Db>::new(checkpoint::SELECT)
            .push(" WHERE position > ")
            .push_bind(position)
            .push(" ORDER BY position LIMIT ")
            .push_bind(i64::from(limit))
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        rows.into_iter().map(Checkpoint::try_from).collect()
    }

    #[instrument(level = "debug", name = "db.audit_checkpoints.last", skip_all)]
    async fn last_checkpoint(&mut self) -> Result<Option<Checkpoint>, RepositoryError> {
        let row: Option<CheckpointRow> = QueryBuilder::<Db>::new(checkpoint::SELECT)
            .push(" ORDER BY position DESC LIMIT 1")
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        row.map(Checkpoint::try_from).transpose()
    }

    #[instrument(level = "debug", name = "db.audit_checkpoints.insert", skip_all)]
    async fn insert_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), RepositoryError> {
        let claim = &checkpoint.claim;
        sqlx::query(
            "INSERT INTO audit_checkpoints (position, previous, hash, row_count, last_at, closed_at, \
             released_at, signature) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(claim.position)
        .bind(claim.previous)
        .bind(claim.hash.as_bytes().as_slice())
        .bind(claim.count)
        .bind(claim.last_at.as_micros())
        .bind(claim.closed_at.as_micros())
        .bind(claim.released_at.map(Timestamp::as_micros))
        .bind(checkpoint.signature.as_text())
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
    }

    #[instrument(level = "debug", name = "db.audit_checkpoints.save", skip_all)]
    async fn save_checkpoint(&mut self, checkpoint: &Checkpoint, was: &str) -> Result<bool, RepositoryError> {
        let done = sqlx::query(
            "UPDATE audit_checkpoints SET released_at = $2, signature = $3 WHERE position = $1 AND signature = $4",
        )
        .bind(checkpoint.claim.position)
        .bind(checkpoint.claim.released_at.map(Timestamp::as_micros))
        .bind(checkpoint.signature.as_text())
        .bind(was)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.audit_log.remove_through", skip_all)]
    async fn remove_through(&mut self, position: i64, limit: u32) -> Result<u64, RepositoryError> {
        let done = sqlx::query(
            "DELETE FROM audit_log WHERE position IN \
             (SELECT position FROM audit_log WHERE position <= $1 ORDER BY position LIMIT $2)",
        )
        .bind(position)
        .bind(i64::from(limit))
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected())
    }
}
