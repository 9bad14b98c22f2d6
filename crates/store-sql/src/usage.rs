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
    AccountId, CallId, EndpointId, Page, PageRequest, ProjectId, RepositoryError, Timestamp, TokenId,
};
use promptgate_store_sql_macros::each_dialect;
use promptgate_usage::{CallFilter, Cursor, Outcome, UsageEvent, UsageFilter, UsageRepository};
use sqlx::QueryBuilder;
use tracing::{Span, instrument};

use crate::dialect::Dialect;
use crate::insert::Insertions;
use crate::kept::Kept;
use crate::rows::Rows;
use crate::value::{count, text};
use crate::work::SqlWork;
use row::{COLUMNS, SAME, UsageRow, WRITTEN, put};

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
        let mut new = HashSet::with_capacity(sorted.len());
        for run in <Db as Dialect>::Rows::runs(&sorted) {
            let mut rows = INSERTIONS.rows::<Db>();
            for event in run {
                put(&mut rows, event);
            }
            new.extend(self.insert_new(&INSERTIONS, run.len(), rows).await?);
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
        let mut rows = matching(COLUMNS);
        rows.push(" ORDER BY at DESC, id DESC");
        if filter.request_id.is_some() {
            return self
                .read_page(&mut matching("count(*)"), &mut rows, page, |row: UsageRow| row.try_into())
                .await;
        }
        let wanted = Kept { project: filter.project_id, token: filter.token_id, ..Kept::default() };
        let total = self.kept_calls(wanted).await?;
        self.read_page_of(total, &mut rows, page, |row: UsageRow| row.try_into()).await
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
                // The condition of the index, literally, as those below: no plan is made with a value in mind.
                query.push(" AND status >= 400");
            }
        }
        if filter.outcome.is_some_and(|outcome| outcome != Outcome::Completed) {
            query.push(" AND outcome <> 'completed'");
        }
        if filter.guardrail_outcome.is_some() || filter.guardrail.is_some() {
            query.push(" AND details -> 'guarded' IS NOT NULL");
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
        // Planned with its values each time: whom nearly all calls are of is found in another way than whom few are.
        let rows: Vec<UsageRow> = query
            .push(" ORDER BY at DESC, id DESC LIMIT ")
            .push_bind(i64::from(limit))
            .build_query_as()
            .persistent(false)
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
