//! Usage events in SQL.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use promptgate_kernel::{
    CallId, Money, OwnerId, Page, PageRequest, ProjectId, ProviderId, RepositoryError, Revision, Timestamp,
    TokenId,
};
use promptgate_store_sql_macros::each_dialect;
use promptgate_usage::{TokenCounts, UsageEvent, UsageFilter, UsageRepository};
use sqlx::types::{Json, Type};
use sqlx::{AssertSqlSafe, Database, Encode, FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::error::corrupt;
use crate::value::{count, optional_text, text, texts};
use crate::work::SqlWork;

const COLUMNS: &str = "id, request_id, at, project_id, token_id, owner_id, operation, requested_model, \
     provider_id, provider, model, streamed, input_tokens, cache_read_tokens, cache_write_5m_tokens, \
     cache_write_1h_tokens, audio_input_tokens, output_tokens, reasoning_tokens, audio_output_tokens, \
     estimated, cost_nanos, price_version, price_basis, latency_us, time_to_first_byte_us, outcome, status, \
     error_code, attempts, client_ip, revision, trace";

/// The numbers of rows that one statement inserts are the powers of two below two to this.
const STATEMENTS: usize = 8;

#[derive(FromRow)]
struct UsageRow {
    id: Uuid,
    request_id: String,
    at: i64,
    project_id: Uuid,
    token_id: Uuid,
    owner_id: Option<Uuid>,
    operation: String,
    requested_model: Option<String>,
    provider_id: Option<Uuid>,
    provider: Option<String>,
    model: Option<String>,
    streamed: bool,
    input_tokens: i64,
    cache_read_tokens: i64,
    cache_write_5m_tokens: i64,
    cache_write_1h_tokens: i64,
    audio_input_tokens: i64,
    output_tokens: i64,
    reasoning_tokens: i64,
    audio_output_tokens: i64,
    estimated: bool,
    cost_nanos: i64,
    price_version: String,
    price_basis: String,
    latency_us: i64,
    time_to_first_byte_us: Option<i64>,
    outcome: String,
    status: i64,
    error_code: Option<String>,
    attempts: i64,
    client_ip: Option<String>,
    revision: i64,
    trace: Json<Vec<String>>,
}

impl TryFrom<UsageRow> for UsageEvent {
    type Error = RepositoryError;

    fn try_from(row: UsageRow) -> Result<Self, RepositoryError> {
        Ok(Self {
            id: CallId::from_uuid(row.id),
            request_id: row.request_id,
            at: Timestamp::from_micros(row.at),
            project_id: ProjectId::from_uuid(row.project_id),
            token_id: TokenId::from_uuid(row.token_id),
            owner: row.owner_id.map(OwnerId::from_uuid),
            operation: row.operation,
            requested_model: row.requested_model,
            provider_id: row.provider_id.map(ProviderId::from_uuid),
            provider: row.provider,
            model: row.model,
            streamed: row.streamed,
            tokens: TokenCounts {
                input: row.input_tokens.unsigned_abs(),
                cache_read: row.cache_read_tokens.unsigned_abs(),
                cache_write_5m: row.cache_write_5m_tokens.unsigned_abs(),
                cache_write_1h: row.cache_write_1h_tokens.unsigned_abs(),
                audio_input: row.audio_input_tokens.unsigned_abs(),
                output: row.output_tokens.unsigned_abs(),
                reasoning: row.reasoning_tokens.unsigned_abs(),
                audio_output: row.audio_output_tokens.unsigned_abs(),
            },
            estimated: row.estimated,
            cost: Money::from_nanos(row.cost_nanos),
            price_version: row.price_version,
            price_basis: row.price_basis,
            latency_us: row.latency_us,
            time_to_first_byte_us: row.time_to_first_byte_us,
            outcome: row.outcome.parse().map_err(|error: String| corrupt("usage_events", row.id, error))?,
            status: row.status.try_into().map_err(|error| corrupt_number(row.id, error))?,
            error_code: row.error_code,
            attempts: row.attempts.try_into().map_err(|error| corrupt_number(row.id, error))?,
            client_ip: row.client_ip,
            revision: Revision::from_number(row.revision),
            trace: row.trace.0,
        })
    }
}

fn corrupt_number(id: Uuid, error: std::num::TryFromIntError) -> RepositoryError {
    corrupt("usage_events", id, error)
}

/// Cuts the events into runs whose lengths are powers of two, the longest first: however many
/// there are, only a handful of different statements is ever prepared.
fn batches<'e>(mut events: &'e [&'e UsageEvent]) -> impl Iterator<Item = &'e [&'e UsageEvent]> {
    std::iter::from_fn(move || {
        let length = events.len().min(1 << (STATEMENTS - 1)).checked_ilog2()?;
        let (batch, rest) = events.split_at(1 << length);
        events = rest;
        Some(batch)
    })
}

/// The texts of these statements, each made when it is first needed.
struct Insertions([OnceLock<Arc<str>>; STATEMENTS]);

impl Insertions {
    const fn new() -> Self {
        Self([const { OnceLock::new() }; STATEMENTS])
    }

    fn of_rows<DB>(&self, rows: usize) -> AssertSqlSafe<Arc<str>>
    where
        DB: Database,
        i64: Type<DB> + for<'q> Encode<'q, DB>,
    {
        let text = self.0[rows.ilog2() as usize].get_or_init(|| {
            let mut query = QueryBuilder::<DB>::new("INSERT INTO usage_events (");
            query.push(COLUMNS).push(") ").push_values(0..rows, |mut row, _| {
                for _ in COLUMNS.split(',') {
                    row.push_bind(0_i64);
                }
            });
            query.push(" ON CONFLICT (id) DO NOTHING").sql().as_str().into()
        });
        AssertSqlSafe(Arc::clone(text))
    }
}

#[each_dialect]
#[async_trait]
impl UsageRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.usage_events.record", skip_all, fields(count = events.len()))]
    async fn record(&mut self, events: &[UsageEvent]) -> Result<(), RepositoryError> {
        static INSERTIONS: Insertions = Insertions::new();
        // In the order of their ids, so that two writers of the same events never wait for each
        // other in a circle.
        let mut sorted: Vec<&UsageEvent> = events.iter().collect();
        sorted.sort_by_key(|event| event.id);
        for batch in batches(&sorted) {
            let mut query = sqlx::query::<Db>(INSERTIONS.of_rows::<Db>(batch.len()));
            for event in batch {
                query = query
                    .bind(event.id.as_uuid())
                    .bind(text(&event.request_id))
                    .bind(event.at.as_micros())
                    .bind(event.project_id.as_uuid())
                    .bind(event.token_id.as_uuid())
                    .bind(event.owner.map(OwnerId::as_uuid))
                    .bind(text(&event.operation))
                    .bind(optional_text(event.requested_model.as_ref()))
                    .bind(event.provider_id.map(ProviderId::as_uuid))
                    .bind(optional_text(event.provider.as_ref()))
                    .bind(optional_text(event.model.as_ref()))
                    .bind(event.streamed)
                    .bind(count(event.tokens.input))
                    .bind(count(event.tokens.cache_read))
                    .bind(count(event.tokens.cache_write_5m))
                    .bind(count(event.tokens.cache_write_1h))
                    .bind(count(event.tokens.audio_input))
                    .bind(count(event.tokens.output))
                    .bind(count(event.tokens.reasoning))
                    .bind(count(event.tokens.audio_output))
                    .bind(event.estimated)
                    .bind(event.cost.as_nanos())
                    .bind(text(&event.price_version))
                    .bind(text(&event.price_basis))
                    .bind(event.latency_us)
                    .bind(event.time_to_first_byte_us)
                    .bind(event.outcome.as_str())
                    .bind(i64::from(event.status))
                    .bind(optional_text(event.error_code.as_ref()))
                    .bind(i64::from(event.attempts))
                    .bind(optional_text(event.client_ip.as_ref()))
                    .bind(event.revision.number())
                    .bind(texts(&event.trace));
            }
            query.execute(&mut *self.tx).await.map_err(|error| self.fail(error))?;
        }
        Ok(())
    }

    #[instrument(level = "debug", name = "db.usage_events.find", skip_all, fields(call.id = %id))]
    async fn find(&mut self, id: CallId) -> Result<Option<UsageEvent>, RepositoryError> {
        let row: Option<UsageRow> = QueryBuilder::<Db>::new("SELECT ")
            .push(COLUMNS)
            .push(" FROM usage_events WHERE id = ")
            .push_bind(id.as_uuid())
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        row.map(UsageEvent::try_from).transpose()
    }

    #[instrument(level = "debug", name = "db.usage_events.list", skip_all)]
    async fn list(
        &mut self,
        filter: &UsageFilter,
        page: PageRequest,
    ) -> Result<Page<UsageEvent>, RepositoryError> {
        let matching = |what: &str| {
            let mut query = QueryBuilder::<Db>::new("SELECT ");
            query.push(what).push(" FROM usage_events WHERE 1 = 1");
            if let Some(id) = filter.project_id {
                query.push(" AND project_id = ").push_bind(id.as_uuid());
            }
            if let Some(id) = filter.token_id {
                query.push(" AND token_id = ").push_bind(id.as_uuid());
            }
            if let Some(id) = &filter.request_id {
                query.push(" AND request_id = ").push_bind(text(id).into_owned());
            }
            query
        };
        let total: i64 = matching("count(*)")
            .build_query_scalar()
            .fetch_one(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        let rows: Vec<UsageRow> = matching(COLUMNS)
            .push(" ORDER BY at DESC, id DESC LIMIT ")
            .push_bind(i64::from(page.size()))
            .push(" OFFSET ")
            .push_bind(count(page.offset()))
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        let items = rows.into_iter().map(UsageEvent::try_from).collect::<Result<_, _>>()?;
        Ok(Page { items, request: page, total: total.unsigned_abs() })
    }

    #[instrument(level = "debug", name = "db.usage_events.prune", skip_all)]
    async fn prune(&mut self, before: Timestamp, limit: u32) -> Result<u64, RepositoryError> {
        let done = sqlx::query(
            "DELETE FROM usage_events WHERE id IN \
             (SELECT id FROM usage_events WHERE at < $1 ORDER BY at, id LIMIT $2)",
        )
        .bind(before.as_micros())
        .bind(i64::from(limit))
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_events_is_cut_into_powers_of_two() {
        let lengths = |count: usize| {
            let event: UsageEvent = serde_json::from_value(serde_json::json!({
                "id": "018f4e6e-0000-7000-8000-000000000001", "request_id": "r", "at": "2026-01-01T00:00:00Z",
                "project_id": "018f4e6e-0000-7000-8000-000000000001",
                "token_id": "018f4e6e-0000-7000-8000-000000000001", "operation": "models", "streamed": false,
                "tokens": {}, "estimated": false, "cost": 0, "price_version": "", "price_basis": "none",
                "latency_us": 0, "outcome": "completed", "status": 200, "attempts": 0, "revision": 0,
                "trace": [],
            }))
            .unwrap();
            batches(&vec![&event; count]).map(<[_]>::len).collect::<Vec<_>>()
        };
        assert_eq!(lengths(0), [0usize; 0]);
        assert_eq!(lengths(1), [1]);
        assert_eq!(lengths(523), [128, 128, 128, 128, 8, 2, 1]);
    }
}
