//! What calls cost, in SQL: by days and hours where that is enough, by quarters of an hour where it is not.

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
use crate::stretches::{DAY, Detail, HOUR, HOURS, QUARTER, QUARTERS, Stretch};
use crate::value::text;
use crate::work::SqlWork;

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

/// What sums must tell apart to be filtered.
const fn detail(filter: &CostFilter) -> Detail {
    match (filter.token, filter.owner) {
        (Some(_), _) => Detail::Token,
        (None, Some(_)) => Detail::Owner,
        (None, None) => Detail::Neither,
    }
}

fn sums<DB: Dialect>() -> String {
    SUMS.map(|sum| format!("COALESCE({}, 0) AS {sum}", DB::sum(sum))).join(", ")
}

/// Which rows of the tables count: all of a stretch, or the stretch without some hours, or some quarters.
enum Part<'a> {
    All(Stretch),
    Without(Stretch, &'a [i64]),
    Only(&'a [i64]),
}

/// A table of one column, and of [`SUMS`], called `kept`; nothing if there are no parts.
fn push_kept<DB>(query: &mut QueryBuilder<DB>, column: &str, filter: &CostFilter, parts: &[Part<'_>])
where
    DB: Database,
    i64: Type<DB> + for<'q> Encode<'q, DB>,
    Uuid: Type<DB> + for<'q> Encode<'q, DB>,
    String: Type<DB> + for<'q> Encode<'q, DB>,
{
    query.push("(");
    for (at, part) in parts.iter().enumerate() {
        query.push(if at == 0 { "SELECT " } else { " UNION ALL SELECT " });
        let (table, stretch, instants) = match part {
            Part::All((table, from, to)) => (*table, Some((*from, *to)), None),
            Part::Without((table, from, to), hours) => {
                (*table, Some((*from, *to)), Some((" AND at NOT IN (", *hours)))
            }
            Part::Only(quarters) => (QUARTERS, None, Some((" AND at IN (", *quarters))),
        };
        query.push(column).push(", ").push(SUMS.join(", ")).push(" FROM ").push(table).push(" WHERE TRUE");
        if let Some((from, to)) = stretch {
            query.push(" AND at >= ").push_bind(from).push(" AND at < ").push_bind(to);
        }
        if let Some((condition, instants)) = instants {
            let mut list = query.push(condition).separated(", ");
            for instant in instants {
                list.push_bind(*instant);
            }
            query.push(")");
        }
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

/// The hours that begin in one of some times and end in another one, and their quarters.
fn parted(instants: &[i64]) -> (Vec<i64>, Vec<i64>) {
    let begun = instants.iter().filter(|instant| *instant % HOUR != 0);
    let mut hours: Vec<i64> = begun.map(|instant| instant.saturating_sub(instant.rem_euclid(HOUR))).collect();
    hours.dedup();
    let of = |hour: &i64| {
        (0..HOUR / QUARTER).map(|quarter| hour.saturating_add(quarter * QUARTER)).collect::<Vec<_>>()
    };
    let quarters = hours.iter().flat_map(of);
    // Those before the first instant, and from the last one on, are no part of any time.
    let (first, last) = (instants.first().copied(), instants.last().copied());
    let quarters = quarters.filter(|quarter| Some(*quarter) >= first && Some(*quarter) < last).collect();
    (hours, quarters)
}

const fn micros(quarter: Quarter) -> i64 {
    quarter.starts_at().as_micros()
}

#[each_dialect]
#[async_trait]
impl CostRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.usage_days.cost", skip_all)]
    async fn total(&mut self, filter: &CostFilter, quarters: Quarters) -> Result<CostSums, RepositoryError> {
        let stretches = detail(filter).stretches(micros(quarters.first), micros(quarters.end));
        if stretches.is_empty() {
            return Ok(CostSums::default());
        }
        let parts: Vec<Part<'_>> = stretches.into_iter().map(Part::All).collect();
        let mut query = QueryBuilder::<Db>::new("SELECT ");
        query.push(sums::<Db>()).push(" FROM ");
        push_kept(&mut query, "at", filter, &parts);
        let row: SumsRow = query
            .build_query_as()
            .persistent(false)
            .fetch_one(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
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
        let (detail, whole) =
            (detail(filter), |length: i64| instants.iter().all(|instant| instant % length == 0));
        let (hours, quarters) = parted(&instants);
        let parts = match detail {
            _ if whole(DAY) => vec![Part::All((detail.days(), *from, *to))],
            Detail::Token | Detail::Owner => vec![Part::All((QUARTERS, *from, *to))],
            Detail::Neither if whole(HOUR) => vec![Part::All((HOURS, *from, *to))],
            Detail::Neither => vec![Part::Without((HOURS, *from, *to), &hours), Part::Only(&quarters)],
        };
        let mut query = QueryBuilder::<Db>::new("SELECT at, ");
        query.push(sums::<Db>()).push(" FROM ");
        push_kept(&mut query, "at", filter, &parts);
        let rows: Vec<InstantRow> = query
            .push(" GROUP BY at")
            .build_query_as()
            .persistent(false)
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
        let detail = match by {
            CostDimension::Token => Detail::Token,
            CostDimension::Owner if filter.token.is_none() => Detail::Owner,
            _ => detail(filter),
        };
        let stretches = detail.stretches(micros(quarters.first), micros(quarters.end));
        if stretches.is_empty() {
            return Ok(Vec::new());
        }
        let parts: Vec<Part<'_>> = stretches.into_iter().map(Part::All).collect();
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
                    .persistent(false)
                    .fetch_all(&mut *self.tx)
                    .await
                    .map_err(|error| self.fail(error))?;
                rows.into_iter().map(CostEntry::from).collect()
            }
            Key::Name(_) => {
                let rows: Vec<NameRow> = query
                    .build_query_as()
                    .persistent(false)
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
    fn hours_in_which_a_day_begins_are_read_by_their_quarters() {
        let half_past = 18 * HOUR + 2 * QUARTER;
        let (hours, quarters) = parted(&[half_past, DAY + half_past, 2 * DAY]);
        assert_eq!(hours, [18 * HOUR, DAY + 18 * HOUR]);
        let expected = [18 * HOUR + 2 * QUARTER, 18 * HOUR + 3 * QUARTER]
            .into_iter()
            .chain((0..4).map(|quarter| DAY + 18 * HOUR + quarter * QUARTER));
        assert_eq!(quarters, expected.collect::<Vec<_>>());
        assert_eq!(parted(&[0, DAY]), (Vec::new(), Vec::new()));
        assert_eq!(parted(&[]), (Vec::new(), Vec::new()));
    }
}
