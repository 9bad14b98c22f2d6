//! What calls are added up from: those that are kept one by one, and the sums by day of those that are
//! not any more. Whoever asks for whole days, or for everything, gets the same numbers before and after
//! calls were removed.

use promptgate_kernel::AccountId;
use promptgate_usage::Days;
use sqlx::types::Type;
use sqlx::{Database, Encode, QueryBuilder};
use uuid::Uuid;

/// One row for a call. What is blank is not known.
const CALLS: &str = "SELECT at, owner_id, NULLIF(provider, '') AS provider, \
     NULLIF(provider_kind, '') AS provider_kind, NULLIF(model, '') AS model, \
     CAST(CASE WHEN operation = 'embeddings' THEN 1 ELSE 0 END AS BIGINT) AS embeds, \
     CAST(1 AS BIGINT) AS calls, CAST(CASE WHEN prompted THEN 1 ELSE 0 END AS BIGINT) AS prompts, tool_calls, \
     input_tokens + audio_input_tokens AS input, \
     output_tokens + reasoning_tokens + audio_output_tokens AS output, cache_read_tokens AS cache_read, \
     cache_write_5m_tokens + cache_write_1h_tokens AS cache_write, cost_nanos, \
     latency_us / 1000 AS duration_ms FROM usage_events";
/// One row for calls of a day that have much in common; it comes behind `SELECT at, NULLIF(owner_id,`
/// and the id that stands for nobody.
const DAYS: &str = ") AS owner_id, NULLIF(provider, '') AS provider, NULLIF(provider_kind, '') AS provider_kind, \
     NULLIF(model, '') AS model, CAST(CASE WHEN embeds THEN 1 ELSE 0 END AS BIGINT) AS embeds, calls, prompts, \
     tool_calls, input_tokens + audio_input_tokens AS input, \
     output_tokens + reasoning_tokens + audio_output_tokens AS output, cache_read_tokens AS cache_read, \
     cache_write_5m_tokens + cache_write_1h_tokens AS cache_write, cost_nanos, duration_ms FROM usage_daily";

/// Whose calls count.
#[derive(Clone, Copy)]
pub(crate) enum Whose<'a> {
    /// Everybody's, those of nobody too.
    Anybody,
    /// Those of accounts.
    Somebody,
    /// Those of these accounts, of which there is one at least.
    These(&'a [AccountId]),
}

/// A table of the columns `at` (on the day, at any time), `owner_id`, `provider`, `provider_kind`,
/// `model`, `embeds`, `calls`, `prompts`, `tool_calls`, `input`, `output`, `cache_read`, `cache_write`,
/// `cost_nanos` and `duration_ms`, called `facts`. Each half has the conditions itself, for its indexes.
pub(crate) fn push_facts<DB>(query: &mut QueryBuilder<DB>, whose: Whose<'_>, days: Option<Days>)
where
    DB: Database,
    i64: Type<DB> + for<'q> Encode<'q, DB>,
    Uuid: Type<DB> + for<'q> Encode<'q, DB>,
{
    query.push("(").push(CALLS);
    push_conditions(query, whose, days);
    query.push(" UNION ALL SELECT at, NULLIF(owner_id, ").push_bind(Uuid::nil()).push(DAYS);
    push_conditions(query, whose, days);
    query.push(") facts");
}

/// When the first one was, as `at`, or nothing.
pub(crate) fn push_first<DB>(query: &mut QueryBuilder<DB>, whose: Whose<'_>)
where
    DB: Database,
    i64: Type<DB> + for<'q> Encode<'q, DB>,
    Uuid: Type<DB> + for<'q> Encode<'q, DB>,
{
    query.push("(SELECT MIN(at) AS at FROM usage_events");
    push_conditions(query, whose, None);
    query.push(" UNION ALL SELECT MIN(at) AS at FROM usage_daily");
    push_conditions(query, whose, None);
    query.push(") firsts");
}

// Nobody is NULL among calls and the id of zeros among days. Neither is different from that id.
fn push_conditions<DB>(query: &mut QueryBuilder<DB>, whose: Whose<'_>, days: Option<Days>)
where
    DB: Database,
    i64: Type<DB> + for<'q> Encode<'q, DB>,
    Uuid: Type<DB> + for<'q> Encode<'q, DB>,
{
    query.push(" WHERE ");
    match whose {
        Whose::Anybody => {
            query.push("TRUE");
        }
        Whose::Somebody => {
            query.push("owner_id <> ").push_bind(Uuid::nil());
        }
        Whose::These(owners) => {
            query.push("owner_id IN (");
            let mut list = query.separated(", ");
            for owner in owners {
                list.push_bind(owner.as_uuid());
            }
            list.push_unseparated(")");
        }
    }
    if let Some(days) = days {
        query.push(" AND at >= ").push_bind(days.first.starts_at().as_micros());
        query.push(" AND at < ").push_bind(days.last.next().starts_at().as_micros());
    }
}
