//! What is left of calls that are not kept one by one any more: sums by day.

use std::collections::BTreeMap;

use promptgate_kernel::{RepositoryError, Timestamp};
use promptgate_store_sql_macros::each_dialect;
use promptgate_usage::Day;
use sqlx::{FromRow, QueryBuilder};
use uuid::Uuid;

use crate::work::SqlWork;

/// What is asked of a call that goes.
pub(super) const COLUMNS: &str = "at, owner_id, project_id, token_id, operation, provider, provider_kind, model, \
     prompted, tool_calls, input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, \
     audio_input_tokens, output_tokens, reasoning_tokens, audio_output_tokens, cost_nanos, latency_us";
const KEY: &str = "at, owner_id, project_id, token_id, provider, provider_kind, model, embeds";
const SUMS: [&str; 13] = [
    "calls",
    "prompts",
    "tool_calls",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "audio_input_tokens",
    "output_tokens",
    "reasoning_tokens",
    "audio_output_tokens",
    "cost_nanos",
    "duration_ms",
];
/// How many rows one statement writes.
const ROWS: usize = 50;

/// A call that goes.
#[derive(FromRow)]
pub(super) struct GoneRow {
    at: i64,
    owner_id: Option<Uuid>,
    project_id: Uuid,
    token_id: Uuid,
    operation: String,
    provider: Option<String>,
    provider_kind: Option<String>,
    model: Option<String>,
    prompted: bool,
    tool_calls: i64,
    input_tokens: i64,
    cache_read_tokens: i64,
    cache_write_5m_tokens: i64,
    cache_write_1h_tokens: i64,
    audio_input_tokens: i64,
    output_tokens: i64,
    reasoning_tokens: i64,
    audio_output_tokens: i64,
    cost_nanos: i64,
    latency_us: i64,
}

/// What the calls of a row have in common. Everybody who adds goes through them in one order, so that
/// nobody waits for another one in a circle.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    at: i64,
    owner_id: Uuid,
    project_id: Uuid,
    token_id: Uuid,
    provider: String,
    provider_kind: String,
    model: String,
    embeds: bool,
}

/// What they took together; in the order of [`SUMS`].
type Sums = [i64; SUMS.len()];

impl GoneRow {
    // None of them is negative. If one were, the sums could become too small for a column.
    fn sums(&self) -> Sums {
        [
            1,
            i64::from(self.prompted),
            self.tool_calls,
            self.input_tokens,
            self.cache_read_tokens,
            self.cache_write_5m_tokens,
            self.cache_write_1h_tokens,
            self.audio_input_tokens,
            self.output_tokens,
            self.reasoning_tokens,
            self.audio_output_tokens,
            self.cost_nanos,
            self.latency_us / 1_000,
        ]
        .map(|sum| sum.max(0))
    }

    fn key(self) -> Key {
        Key {
            at: Day::of(Timestamp::from_micros(self.at)).starts_at().as_micros(),
            owner_id: self.owner_id.unwrap_or_default(),
            project_id: self.project_id,
            token_id: self.token_id,
            provider: self.provider.unwrap_or_default(),
            provider_kind: self.provider_kind.unwrap_or_default(),
            model: self.model.unwrap_or_default(),
            embeds: self.operation == "embeddings",
        }
    }
}

fn add_up(gone: Vec<GoneRow>) -> Vec<(Key, Sums)> {
    let mut days: BTreeMap<Key, Sums> = BTreeMap::new();
    for row in gone {
        let more = row.sums();
        for (sum, more) in days.entry(row.key()).or_insert([0; SUMS.len()]).iter_mut().zip(more) {
            *sum = sum.saturating_add(more);
        }
    }
    days.into_iter().collect()
}

/// What becomes of a row that is there: the sums of both, or the largest numbers that there are. Counts
/// are what upstreams say; none of them may keep calls from being removed.
fn both() -> String {
    let largest = i64::MAX;
    let sums = SUMS.map(|sum| {
        format!(
            "{sum} = CASE WHEN usage_daily.{sum} > {largest} - excluded.{sum} THEN {largest} \
             ELSE usage_daily.{sum} + excluded.{sum} END"
        )
    });
    sums.join(", ")
}

#[each_dialect]
impl SqlWork<Db> {
    /// Adds calls that go to the sums of their days.
    pub(super) async fn add_to_days(&mut self, gone: Vec<GoneRow>) -> Result<(), RepositoryError> {
        for rows in add_up(gone).chunks(ROWS) {
            let mut query = QueryBuilder::<Db>::new("INSERT INTO usage_daily (");
            query.push(KEY).push(", ").push(SUMS.join(", ")).push(") ");
            query.push_values(rows, |mut row, (key, sums)| {
                row.push_bind(key.at)
                    .push_bind(key.owner_id)
                    .push_bind(key.project_id)
                    .push_bind(key.token_id)
                    .push_bind(key.provider.as_str())
                    .push_bind(key.provider_kind.as_str())
                    .push_bind(key.model.as_str())
                    .push_bind(key.embeds);
                for sum in sums {
                    row.push_bind(*sum);
                }
            });
            query.push(" ON CONFLICT (").push(KEY).push(") DO UPDATE SET ").push(both());
            query.build().execute(&mut *self.tx).await.map_err(|error| self.fail(error))?;
        }
        Ok(())
    }
}
