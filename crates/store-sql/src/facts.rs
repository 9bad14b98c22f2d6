//! What calls are added up from: never from the calls themselves, but from the sums by day that are kept
//! beside them. Whoever asks gets the same numbers however many calls there were, and before and after
//! they were removed.

use promptgate_kernel::AccountId;
use promptgate_usage::Days;
use sqlx::types::Type;
use sqlx::{Database, Encode, QueryBuilder};
use uuid::Uuid;

use crate::dialect::Dialect;

/// More than this of one class of tokens counts as this, so that a few of them have a sum.
const CAP: i64 = 1 << 61;

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

/// Classes of tokens together.
pub(crate) fn together<DB: Dialect>(classes: &[&str]) -> String {
    let capped = classes.iter().map(|class| format!("{}({class}, {CAP})", DB::LEAST));
    capped.collect::<Vec<_>>().join(" + ")
}

/// A table of the columns `at` (the beginning of the day), `owner_id`, `provider`, `provider_kind`,
/// `model`, `embeds`, `calls`, `prompts`, `tool_calls`, `input`, `output`, `cache_read`, `cache_write`,
/// `tokens`, `cost_nanos` and `duration_ms`, called `facts`. What is blank is not known.
pub(crate) fn push_facts<DB>(query: &mut QueryBuilder<DB>, whose: Whose<'_>, days: Option<Days>)
where
    DB: Dialect,
    i64: Type<DB> + for<'q> Encode<'q, DB>,
    Uuid: Type<DB> + for<'q> Encode<'q, DB>,
{
    query.push("(SELECT at, NULLIF(owner_id, ").push_bind(Uuid::nil()).push(
        ") AS owner_id, NULLIF(provider, '') AS provider, NULLIF(provider_kind, '') AS provider_kind, \
         NULLIF(model, '') AS model, CAST(CASE WHEN embeds THEN 1 ELSE 0 END AS BIGINT) AS embeds, calls, \
         prompts, tool_calls, cache_read_tokens AS cache_read, tokens, cost_nanos, duration_ms",
    );
    for (name, classes) in [
        ("input", &["input_tokens", "audio_input_tokens"][..]),
        ("output", &["output_tokens", "reasoning_tokens", "audio_output_tokens"]),
        ("cache_write", &["cache_write_5m_tokens", "cache_write_1h_tokens"]),
    ] {
        query.push(", ").push(together::<DB>(classes)).push(" AS ").push(name);
    }
    query.push(" FROM usage_days");
    push_conditions(query, whose, days);
    query.push(") facts");
}

/// The first day with a call, as `at`, or nothing.
pub(crate) fn push_first<DB>(query: &mut QueryBuilder<DB>, whose: Whose<'_>)
where
    DB: Database,
    i64: Type<DB> + for<'q> Encode<'q, DB>,
    Uuid: Type<DB> + for<'q> Encode<'q, DB>,
{
    query.push("SELECT MIN(at) AS at FROM usage_days");
    push_conditions(query, whose, None);
}

// Nobody is the id of zeros.
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
