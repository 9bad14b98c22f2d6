//! What calls cost, in SQL: by day where that is enough, by quarters of an hour where it is not.

use async_trait::async_trait;
use promptgate_kernel::{AccountId, EndpointId, Money, ProjectId, RepositoryError, Timestamp, TokenId};
use promptgate_store_sql_macros::each_dialect;
use promptgate_usage::{
    CostDimension, CostEntry, CostFilter, CostRepository, CostSums, Quarter, Quarters, TokenCounts,
};
use sqlx::types::Type;
use sqlx::{Database, Encode, FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::dialect::Dialect;
use crate::value::text;
use crate::work::SqlWork;

const DAY: i64 = 86_400_000_000;
const QUARTERS: &str = "usage_quarters";
const DAYS: &str = "usage_days";

/// What is added up.
const SUMS: [&str; 18] = [
    "calls",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "audio_input_tokens",
    "output_tokens",
    "reasoning_tokens",
    "audio_output_tokens",
    "tokens",
    "cost_nanos",
    "cache_hits",
    "cached_tokens",
    "saved_nanos",
    "unpriced_calls",
    "unpriced_tokens",
    "guessed_calls",
    "guessed_nanos",
];

#[derive(FromRow)]
struct SumsRow {
    calls: i64,
    input_tokens: i64,
    cache_read_tokens: i64,
    cache_write_5m_tokens: i64,
    cache_write_1h_tokens: i64,
    audio_input_tokens: i64,
    output_tokens: i64,
    reasoning_tokens: i64,
    audio_output_tokens: i64,
    cost_nanos: i64,
    cache_hits: i64,
    cached_tokens: i64,
    saved_nanos: i64,
    unpriced_calls: i64,
    unpriced_tokens: i64,
    guessed_calls: i64,
    guessed_nanos: i64,
}

#[derive(FromRow)]
struct InstantRow {
    at: i64,
    #[sqlx(flatten)]
    sums: SumsRow,
}

#[derive(FromRow)]
struct IdRow {
    id: Uuid,
    name: Option<String>,
    #[sqlx(flatten)]
    sums: SumsRow,
}

#[derive(FromRow)]
struct NameRow {
    name: String,
    #[sqlx(flatten)]
    sums: SumsRow,
}

impl From<SumsRow> for CostSums {
    fn from(row: SumsRow) -> Self {
        Self {
            calls: row.calls.unsigned_abs(),
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
            cost: Money::from_nanos(row.cost_nanos),
            cache_hits: row.cache_hits.unsigned_abs(),
            cached_tokens: row.cached_tokens.unsigned_abs(),
            saved: Money::from_nanos(row.saved_nanos),
            unpriced_calls: row.unpriced_calls.unsigned_abs(),
            unpriced_tokens: row.unpriced_tokens.unsigned_abs(),
            guessed_calls: row.guessed_calls.unsigned_abs(),
            guessed: Money::from_nanos(row.guessed_nanos),
        }
    }
}

impl From<IdRow> for CostEntry {
    fn from(row: IdRow) -> Self {
        let id = Some(row.id).filter(|id| !id.is_nil());
        Self { id, name: row.name, sums: row.sums.into() }
    }
}

impl From<NameRow> for CostEntry {
    fn from(row: NameRow) -> Self {
        let name = Some(row.name).filter(|name| !name.is_empty());
        Self { id: None, name, sums: row.sums.into() }
    }
}

/// How entries of a dimension are known.
#[derive(Clone, Copy)]
enum Key {
    /// By an id, in this column; they are called so in the table of this name.
    Id(&'static str, &'static str, &'static str),
    /// By a name, in this column.
    Name(&'static str),
}

const fn key(by: CostDimension) -> Key {
    match by {
        CostDimension::Project => Key::Id("project_id", "projects", "named.name"),
        CostDimension::Owner => Key::Id(
            "owner_id",
            "accounts",
            "COALESCE(NULLIF(named.name, ''), NULLIF(named.username, ''), NULLIF(named.email, ''))",
        ),
        CostDimension::Token => Key::Id("token_id", "tokens", "named.name"),
        CostDimension::Endpoint => Key::Id("endpoint_id", "endpoints", "named.slug"),
        CostDimension::Provider => Key::Name("provider"),
        CostDimension::Model => Key::Name("model"),
    }
}

/// The tables that quarters are in, and from when to when: whole days where these are kept.
fn parts(from: i64, to: i64, by_token: bool) -> Vec<(&'static str, i64, i64)> {
    let (first, last) = (from.saturating_add(DAY - 1).div_euclid(DAY) * DAY, to.div_euclid(DAY) * DAY);
    let parts = if by_token || first >= last {
        vec![(QUARTERS, from, to)]
    } else {
        vec![(QUARTERS, from, first), (DAYS, first, last), (QUARTERS, last, to)]
    };
    parts.into_iter().filter(|(_, from, to)| from < to).collect()
}

fn sums<DB: Dialect>() -> String {
    SUMS.map(|sum| format!("COALESCE({}, 0) AS {sum}", DB::sum(sum))).join(", ")
}

/// A table of one column, and of [`SUMS`], called `kept`; nothing if there are no parts.
fn push_kept<DB>(
    query: &mut QueryBuilder<DB>,
    column: &str,
    filter: &CostFilter,
    parts: &[(&'static str, i64, i64)],
) where
    DB: Database,
    i64: Type<DB> + for<'q> Encode<'q, DB>,
    Uuid: Type<DB> + for<'q> Encode<'q, DB>,
    String: Type<DB> + for<'q> Encode<'q, DB>,
{
    query.push("(");
    for (at, (table, from, to)) in parts.iter().enumerate() {
        query.push(if at == 0 { "SELECT " } else { " UNION ALL SELECT " });
        query.push(column).push(", ").push(SUMS.join(", ")).push(" FROM ").push(*table);
        query.push(" WHERE at >= ").push_bind(*from).push(" AND at < ").push_bind(*to);
        for (column, id) in [
            ("project_id", filter.project.map(ProjectId::as_uuid)),
            ("owner_id", filter.owner.map(AccountId::as_uuid)),
            ("token_id", filter.token.map(TokenId::as_uuid)),
            ("endpoint_id", filter.endpoint.map(EndpointId::as_uuid)),
        ] {
            if let Some(id) = id {
                query.push(" AND ").push(column).push(" = ").push_bind(id);
            }
        }
        for (column, name) in [("provider", &filter.provider), ("model", &filter.model)] {
            if let Some(name) = name {
                query.push(" AND ").push(column).push(" = ").push_bind(text(name).into_owned());
            }
        }
    }
    query.push(") kept");
}

const fn micros(quarter: Quarter) -> i64 {
    quarter.starts_at().as_micros()
}

#[each_dialect]
#[async_trait]
impl CostRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.usage_days.cost", skip_all)]
    async fn total(&mut self, filter: &CostFilter, quarters: Quarters) -> Result<CostSums, RepositoryError> {
        let parts = parts(micros(quarters.first), micros(quarters.end), filter.token.is_some());
        if parts.is_empty() {
            return Ok(CostSums::default());
        }
        let mut query = QueryBuilder::<Db>::new("SELECT ");
        query.push(sums::<Db>()).push(" FROM ");
        push_kept(&mut query, "at", filter, &parts);
        let row: SumsRow =
            query.build_query_as().fetch_one(&mut *self.tx).await.map_err(|error| self.fail(error))?;
        Ok(row.into())
    }

    // At most one row for each quarter comes back.
    #[instrument(level = "debug", name = "db.usage_days.costs_between", skip_all)]
    async fn between(
        &mut self,
        filter: &CostFilter,
        instants: &[Timestamp],
    ) -> Result<Vec<CostSums>, RepositoryError> {
        let instants: Vec<i64> = instants.iter().map(|instant| instant.as_micros()).collect();
        let mut found = vec![CostSums::default(); instants.len().saturating_sub(1)];
        let (Some(from), Some(to)) = (instants.first(), instants.last()) else { return Ok(found) };
        let are_days = filter.token.is_none() && instants.iter().all(|instant| instant % DAY == 0);
        let mut query = QueryBuilder::<Db>::new("SELECT at, ");
        query.push(sums::<Db>()).push(" FROM ");
        push_kept(&mut query, "at", filter, &[(if are_days { DAYS } else { QUARTERS }, *from, *to)]);
        let rows: Vec<InstantRow> = query
            .push(" GROUP BY at")
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        for InstantRow { at, sums } in rows {
            let behind = instants.partition_point(|instant| *instant <= at);
            if let Some(found) = behind.checked_sub(1).and_then(|span| found.get_mut(span)) {
                found.add(&sums.into());
            }
        }
        Ok(found)
    }

    #[instrument(level = "debug", name = "db.usage_days.top_costs", skip_all)]
    async fn top(
        &mut self,
        filter: &CostFilter,
        quarters: Quarters,
        by: CostDimension,
        limit: u32,
    ) -> Result<Vec<CostEntry>, RepositoryError> {
        let by_token = filter.token.is_some() || by == CostDimension::Token;
        let parts = parts(micros(quarters.first), micros(quarters.end), by_token);
        if parts.is_empty() {
            return Ok(Vec::new());
        }
        let key = key(by);
        let column = match key {
            Key::Id(column, ..) | Key::Name(column) => column,
        };
        let mut query = QueryBuilder::<Db>::new("WITH used AS (SELECT ");
        query.push(column).push(" AS entry, ").push(sums::<Db>()).push(" FROM ");
        push_kept(&mut query, column, filter, &parts);
        query.push(" GROUP BY ").push(column);
        query.push(" ORDER BY cost_nanos DESC, tokens DESC, calls DESC, ").push(column);
        query.push(" LIMIT ").push_bind(i64::from(limit)).push(") SELECT entry AS ");
        match key {
            Key::Id(_, table, name) => {
                query.push("id, ").push(name).push(" AS name, used.* FROM used LEFT JOIN ").push(table);
                query.push(" named ON named.id = entry");
            }
            Key::Name(_) => {
                query.push("name, used.* FROM used");
            }
        }
        query.push(" ORDER BY cost_nanos DESC, used.tokens DESC, calls DESC, entry");
        let entries = match key {
            Key::Id(..) => {
                let rows: Vec<IdRow> = query
                    .build_query_as()
                    .fetch_all(&mut *self.tx)
                    .await
                    .map_err(|error| self.fail(error))?;
                rows.into_iter().map(CostEntry::from).collect()
            }
            Key::Name(_) => {
                let rows: Vec<NameRow> = query
                    .build_query_as()
                    .fetch_all(&mut *self.tx)
                    .await
                    .map_err(|error| self.fail(error))?;
                rows.into_iter().map(CostEntry::from).collect()
            }
        };
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_days_are_read_where_they_are_kept() {
        let hour = 3_600_000_000;
        let all = [(QUARTERS, 3 * hour, DAY), (DAYS, DAY, 3 * DAY), (QUARTERS, 3 * DAY, 3 * DAY + hour)];
        assert_eq!(parts(3 * hour, 3 * DAY + hour, false), all);
        assert_eq!(parts(3 * hour, 3 * DAY + hour, true), [(QUARTERS, 3 * hour, 3 * DAY + hour)]);
        assert_eq!(parts(DAY, 2 * DAY, false), [(DAYS, DAY, 2 * DAY)]);
        assert_eq!(parts(hour, DAY + hour, false), [(QUARTERS, hour, DAY + hour)]);
        assert_eq!(parts(hour, hour, false), []);
    }
}
