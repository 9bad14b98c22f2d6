//! Usage events in SQL.

use async_trait::async_trait;
use promptgate_kernel::{
    AccountId, CallId, CredentialId, EndpointId, Money, Page, PageRequest, ProjectId, ProviderId,
    RepositoryError, Revision, Timestamp, TokenId,
};
use promptgate_store_sql_macros::each_dialect;
use promptgate_usage::{
    Attempt, CallFilter, Cursor, Outcome, TokenCounts, UsageEvent, UsageFilter, UsageRepository,
};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::error::corrupt;
use crate::insert::{Insertions, batches};
use crate::value::{count, optional_text, text, texts};
use crate::work::SqlWork;

const COLUMNS: &str = "id, request_id, at, project_id, token_id, owner_id, operation, requested_model, \
     provider_id, provider, model, streamed, input_tokens, cache_read_tokens, cache_write_5m_tokens, \
     cache_write_1h_tokens, audio_input_tokens, output_tokens, reasoning_tokens, audio_output_tokens, \
     estimated, cost_nanos, price_version, price_basis, latency_us, time_to_first_byte_us, outcome, status, \
     error_code, attempts, client_ip, revision, trace, endpoint_id, endpoint_slug, parent_request_id, \
     credential_id, routing_decision, tried, cache_hit, cached_tokens, error_message, client_tool, \
     client_session, provider_response_id, upstream_us, dropped, provider_kind, prompted, tool_calls";

/// From this status on, `usage_events_status_at_idx` holds a row.
const FIRST_FAILURE: u16 = 400;

#[derive(FromRow)]
#[expect(clippy::struct_excessive_bools, reason = "they are columns")]
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
    endpoint_id: Option<Uuid>,
    endpoint_slug: Option<String>,
    parent_request_id: Option<String>,
    credential_id: Option<Uuid>,
    routing_decision: Option<String>,
    tried: Json<Vec<StoredAttempt>>,
    cache_hit: bool,
    cached_tokens: i64,
    error_message: Option<String>,
    client_tool: Option<String>,
    client_session: Option<String>,
    provider_response_id: Option<String>,
    upstream_us: Option<i64>,
    dropped: Json<Vec<String>>,
    provider_kind: Option<String>,
    prompted: bool,
    tool_calls: i64,
}

#[derive(Serialize, Deserialize)]
struct StoredAttempt {
    provider: String,
    model: String,
    credential_id: Option<CredentialId>,
    fault: Option<String>,
    status: Option<u16>,
    duration_us: i64,
}

impl From<&Attempt> for StoredAttempt {
    fn from(attempt: &Attempt) -> Self {
        Self {
            provider: text(&attempt.provider).into_owned(),
            model: text(&attempt.model).into_owned(),
            credential_id: attempt.credential_id,
            fault: optional_text(attempt.fault.as_ref()).map(String::from),
            status: attempt.status,
            duration_us: attempt.duration_us,
        }
    }
}

impl From<StoredAttempt> for Attempt {
    fn from(stored: StoredAttempt) -> Self {
        Self {
            provider: stored.provider,
            model: stored.model,
            credential_id: stored.credential_id,
            fault: stored.fault,
            status: stored.status,
            duration_us: stored.duration_us,
        }
    }
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
            owner: row.owner_id.map(AccountId::from_uuid),
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
            endpoint_id: row.endpoint_id.map(EndpointId::from_uuid),
            endpoint_slug: row.endpoint_slug,
            parent_request_id: row.parent_request_id,
            credential_id: row.credential_id.map(CredentialId::from_uuid),
            routing_decision: row.routing_decision,
            tried: row.tried.0.into_iter().map(Attempt::from).collect(),
            cache_hit: row.cache_hit,
            cached_tokens: row.cached_tokens.unsigned_abs(),
            error_message: row.error_message,
            client_tool: row.client_tool,
            client_session: row.client_session,
            provider_response_id: row.provider_response_id,
            upstream_us: row.upstream_us,
            dropped: row.dropped.0,
            provider_kind: row.provider_kind,
            prompted: row.prompted,
            tool_calls: row.tool_calls.try_into().map_err(|error| corrupt_number(row.id, error))?,
        })
    }
}

fn corrupt_number(id: Uuid, error: std::num::TryFromIntError) -> RepositoryError {
    corrupt("usage_events", id, error)
}

#[each_dialect]
#[async_trait]
impl UsageRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.usage_events.record", skip_all, fields(count = events.len()))]
    async fn record(&mut self, events: &[&UsageEvent]) -> Result<(), RepositoryError> {
        static INSERTIONS: Insertions = Insertions::new("usage_events", COLUMNS, "id");
        // In the order of their ids, so that two writers of the same events never wait for each
        // other in a circle.
        let mut sorted = events.to_vec();
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
                    .bind(event.owner.map(AccountId::as_uuid))
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
                    .bind(texts(&event.trace))
                    .bind(event.endpoint_id.map(EndpointId::as_uuid))
                    .bind(optional_text(event.endpoint_slug.as_ref()))
                    .bind(optional_text(event.parent_request_id.as_ref()))
                    .bind(event.credential_id.map(CredentialId::as_uuid))
                    .bind(optional_text(event.routing_decision.as_ref()))
                    .bind(Json(event.tried.iter().map(StoredAttempt::from).collect::<Vec<_>>()))
                    .bind(event.cache_hit)
                    .bind(count(event.cached_tokens))
                    .bind(optional_text(event.error_message.as_ref()))
                    .bind(optional_text(event.client_tool.as_ref()))
                    .bind(optional_text(event.client_session.as_ref()))
                    .bind(optional_text(event.provider_response_id.as_ref()))
                    .bind(event.upstream_us)
                    .bind(texts(&event.dropped))
                    .bind(optional_text(event.provider_kind.as_ref()))
                    .bind(event.prompted)
                    .bind(i64::from(event.tool_calls));
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
        self.read_page(
            &mut matching("count(*)"),
            matching(COLUMNS).push(" ORDER BY at DESC, id DESC"),
            page,
            |row: UsageRow| row.try_into(),
        )
        .await
    }

    #[instrument(level = "debug", name = "db.usage_events.page", skip_all)]
    async fn page(
        &mut self,
        filter: &CallFilter,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<UsageEvent>, RepositoryError> {
        let mut query = QueryBuilder::<Db>::new("SELECT ");
        query.push(COLUMNS).push(" FROM usage_events WHERE 1 = 1");
        for (column, id) in [
            ("project_id", filter.project.map(ProjectId::as_uuid)),
            ("token_id", filter.token.map(TokenId::as_uuid)),
            ("owner_id", filter.owner.map(AccountId::as_uuid)),
            ("endpoint_id", filter.endpoint.map(EndpointId::as_uuid)),
        ] {
            if let Some(id) = id {
                query.push(" AND ").push(column).push(" = ").push_bind(id);
            }
        }
        for (column, value) in [
            ("model", filter.model.as_deref()),
            ("provider", filter.provider.as_deref()),
            ("outcome", filter.outcome.map(Outcome::as_str)),
            ("request_id", filter.request_id.as_deref()),
            ("parent_request_id", filter.parent_request_id.as_deref()),
        ] {
            if let Some(value) = value {
                query.push(" AND ").push(column).push(" = ").push_bind(text(value).into_owned());
            }
        }
        if let Some(status) = filter.status {
            query.push(" AND status = ").push_bind(i64::from(status));
            if status >= FIRST_FAILURE {
                // The condition of the index, literally: no plan is made with a value in mind.
                query.push(" AND status >= 400");
            }
        }
        if let Some(from) = filter.from {
            query.push(" AND at >= ").push_bind(from.as_micros());
        }
        if let Some(to) = filter.to {
            query.push(" AND at < ").push_bind(to.as_micros());
        }
        if let Some(Cursor { at, id }) = after {
            query.push(" AND (at, id) < (").push_bind(at.as_micros()).push(", ").push_bind(id.as_uuid());
            query.push(")");
        }
        let rows: Vec<UsageRow> = query
            .push(" ORDER BY at DESC, id DESC LIMIT ")
            .push_bind(i64::from(limit))
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        rows.into_iter().map(UsageEvent::try_from).collect()
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
