//! Usage events in SQL.

mod charge;
mod moved;
mod refill;
mod reprice;
mod rollup;
mod row;

use std::collections::HashSet;

use async_trait::async_trait;
use promptgate_kernel::{
    AccountId, CallId, EndpointId, Page, PageRequest, ProjectId, ProviderId, RepositoryError, Timestamp,
    TokenId,
};
use promptgate_store_sql_macros::each_dialect;
use promptgate_usage::{CallFilter, Cursor, Outcome, UsageEvent, UsageFilter, UsageRepository};
use sqlx::QueryBuilder;
use sqlx::types::Json;
use tracing::{Span, instrument};
use uuid::Uuid;

use crate::dialect::Dialect;
use crate::insert::{Insertions, batches};
use crate::repeats::Repeats;
use crate::value::{count, optional_text, text};
use crate::work::SqlWork;
use row::{COLUMNS, Details, UsageRow};

/// What is written of a call. What a process of the version before must find besides is given behind it.
const WRITTEN: &str = "id, request_id, at, project_id, token_id, owner_id, operation, requested_model, \
     provider_id, provider, model, streamed, input_tokens, cache_read_tokens, cache_write_5m_tokens, \
     cache_write_1h_tokens, audio_input_tokens, output_tokens, reasoning_tokens, audio_output_tokens, \
     estimated, cost_nanos, latency_us, outcome, status, error_code, client_ip, endpoint_id, \
     parent_request_id, cache_hit, cached_tokens, client_tool, provider_response_id, provider_kind, prompted, \
     tool_calls, details";
/// What every row has: that it was added up, and the columns that older rows need and these are without:
/// see [`Details`].
const SAME: &[(&str, &str)] = &[
    ("rolled_up", "TRUE"),
    ("price_version", "''"),
    ("price_basis", "''"),
    ("attempts", "0"),
    ("revision", "0"),
    ("trace", "'[]'"),
];

/// From this status on, `usage_events_status_at_idx` holds a row.
const FIRST_FAILURE: u16 = 400;

#[each_dialect]
#[async_trait]
impl UsageRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.usage_events.record", skip_all, fields(count = events.len(), new))]
    async fn record(&mut self, events: &[&UsageEvent]) -> Result<(), RepositoryError> {
        static INSERTIONS: Insertions = Insertions::new("usage_events", WRITTEN, "id").with(SAME).telling();
        self.share_ledger().await?;
        // In the order of their ids, so that two writers of the same events never wait for each
        // other in a circle.
        let mut sorted = events.to_vec();
        sorted.sort_by_key(|event| event.id);
        let mut repeats = Repeats::<7>::new();
        let mut new = HashSet::with_capacity(sorted.len());
        for batch in batches(&sorted) {
            let mut query = sqlx::query_scalar::<Db, Uuid>(INSERTIONS.of_rows::<Db>(batch.len()));
            for event in batch {
                query = query
                    .bind(event.id.as_uuid())
                    .bind(text(&event.request_id))
                    .bind(event.at.as_micros())
                    .bind(event.project_id.as_uuid())
                    .bind(event.token_id.as_uuid())
                    .bind(event.owner.map(AccountId::as_uuid))
                    .bind(repeats.text(0, &event.operation))
                    .bind(repeats.optional(1, event.requested_model.as_ref()))
                    .bind(event.provider_id.map(ProviderId::as_uuid))
                    .bind(repeats.optional(2, event.provider.as_ref()))
                    .bind(repeats.optional(3, event.model.as_ref()))
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
                    .bind(event.latency_us)
                    .bind(repeats.text(4, event.outcome.as_str()))
                    .bind(i64::from(event.status))
                    .bind(optional_text(event.error_code.as_ref()))
                    .bind(repeats.optional(5, event.client_ip.as_ref()))
                    .bind(event.endpoint_id.map(EndpointId::as_uuid))
                    .bind(optional_text(event.parent_request_id.as_ref()))
                    .bind(event.cache_hit)
                    .bind(count(event.cached_tokens))
                    .bind(optional_text(event.client_tool.as_ref()))
                    .bind(optional_text(event.provider_response_id.as_ref()))
                    .bind(repeats.optional(6, event.provider_kind.as_ref()))
                    .bind(event.prompted)
                    .bind(i64::from(event.tool_calls))
                    .bind(Json(Details::from(*event)));
            }
            new.extend(query.fetch_all(&mut *self.tx).await.map_err(|error| self.fail(error))?);
        }
        // What was recorded before is counted already, as is what comes twice.
        sorted.retain(|event| new.remove(&event.id.as_uuid()));
        Span::current().record("new", sorted.len());
        self.roll_up(&sorted).await?;
        self.charge(&sorted).await
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
        if let Some(outcome) = &filter.guardrail_outcome {
            query.push(" AND details -> 'guarded' ->> 'outcome' = ").push_bind(text(outcome).into_owned());
        }
        if let Some(rule) = &filter.guardrail {
            let below = format!("{rule}.");
            let length = count(below.chars().count() as u64);
            query.push(" AND EXISTS (SELECT 1 FROM ").push(<Db as Dialect>::ELEMENTS);
            query.push("(details -> 'guarded' -> 'matches') AS found WHERE found.value ->> 'rule' = ");
            query.push_bind(text(rule).into_owned()).push(" OR substr(found.value ->> 'rule', 1, CAST(");
            query.push_bind(length).push(" AS INTEGER)) = ").push_bind(text(&below).into_owned()).push(")");
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

    #[instrument(level = "debug", name = "db.usage_events.catch_up", skip_all)]
    async fn catch_up(&mut self, limit: u32) -> Result<u64, RepositoryError> {
        self.share_ledger().await?;
        // What somebody else holds is added up by them, or the next time.
        let rows: Vec<UsageRow> = QueryBuilder::<Db>::new(
            "WITH late AS (SELECT id FROM usage_events WHERE NOT rolled_up ORDER BY at, id LIMIT ",
        )
        .push_bind(i64::from(limit))
        .push(Db::pick(" FOR UPDATE SKIP LOCKED", ""))
        .push(
            ") UPDATE usage_events SET rolled_up = TRUE WHERE NOT rolled_up AND id IN (SELECT id FROM late) \
             RETURNING ",
        )
        .push(COLUMNS)
        .build_query_as()
        .fetch_all(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        let events = rows.into_iter().map(UsageEvent::try_from).collect::<Result<Vec<_>, _>>()?;
        let events: Vec<_> = events.iter().collect();
        self.roll_up(&events).await?;
        self.refill(&events).await?;
        Ok(events.len() as u64)
    }

    #[instrument(level = "debug", name = "db.usage_events.prune", skip_all)]
    async fn prune(&mut self, before: Timestamp, limit: u32) -> Result<u64, RepositoryError> {
        self.catch_up(limit).await?;
        let removed = QueryBuilder::<Db>::new(
            "DELETE FROM usage_events WHERE id IN (SELECT id FROM usage_events WHERE at < ",
        )
        .push_bind(before.as_micros())
        .push(" AND rolled_up ORDER BY at, id LIMIT ")
        .push_bind(i64::from(limit))
        .push(")")
        .build()
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(removed.rows_affected())
    }
}
