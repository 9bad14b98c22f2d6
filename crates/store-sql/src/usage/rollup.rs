//! What calls add up to, by quarters of an hour, hours and days, kept beside them for ever.

use std::borrow::Cow;
use std::collections::BTreeMap;

use promptgate_kernel::{AccountId, EndpointId, RepositoryError};
use promptgate_store_sql_macros::each_dialect;
use promptgate_usage::{PriceLack, UsageEvent};
use uuid::Uuid;

use crate::dialect::Dialect;
use crate::insert::Insertions;
use crate::rows::Rows;
use crate::stretches::{DAY, DAYS, HOUR, HOURS, QUARTER, QUARTERS, TOKEN_DAYS};
use crate::value::{count, text};
use crate::work::SqlWork;

/// A table of sums, and what its rows are told apart by.
pub(super) struct Rollup {
    pub(super) table: &'static str,
    /// The columns of its key, in their order.
    pub(super) key: &'static str,
    /// How long the time of a row is.
    length: i64,
    pub(super) has_owners: bool,
    pub(super) has_tokens: bool,
}

/// All of them, in the order in which everybody writes them. The first one has everything that the others
/// are added up from.
pub(super) static ROLLUPS: [Rollup; 4] = [
    Rollup {
        table: QUARTERS,
        key: "at, owner_id, project_id, token_id, endpoint_id, provider, provider_kind, model, embeds",
        length: QUARTER,
        has_owners: true,
        has_tokens: true,
    },
    Rollup {
        table: TOKEN_DAYS,
        key: "at, owner_id, project_id, token_id, endpoint_id, provider, provider_kind, model, embeds",
        length: DAY,
        has_owners: true,
        has_tokens: true,
    },
    Rollup {
        table: DAYS,
        key: "at, owner_id, project_id, endpoint_id, provider, provider_kind, model, embeds",
        length: DAY,
        has_owners: true,
        has_tokens: false,
    },
    Rollup {
        table: HOURS,
        key: "at, project_id, endpoint_id, provider, provider_kind, model, embeds",
        length: HOUR,
        has_owners: false,
        has_tokens: false,
    },
];
static INSERTIONS: [Insertions; ROLLUPS.len()] =
    [insertions(&ROLLUPS[0]), insertions(&ROLLUPS[1]), insertions(&ROLLUPS[2]), insertions(&ROLLUPS[3])];

const fn insertions(rollup: &Rollup) -> Insertions {
    Insertions::new(rollup.table, rollup.key, rollup.key).adding(&SUMS)
}

/// What is added up, in the order of [`Sums`].
pub(super) const SUMS: [&str; 21] = [
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
    "tokens",
    "cost_nanos",
    "duration_ms",
    "cache_hits",
    "cached_tokens",
    "saved_nanos",
    "unpriced_calls",
    "unpriced_tokens",
    "guessed_calls",
    "guessed_nanos",
];
pub(super) type Sums = [i64; SUMS.len()];

/// What calls have in common that are added up together. Everybody who adds goes through the rows in the
/// order of their keys, so that nobody waits for another one in a circle.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key<'e> {
    pub(super) at: i64,
    /// The id of zeros where a table has no owners.
    pub(super) owner_id: Uuid,
    pub(super) project_id: Uuid,
    /// The id of zeros where a table has no tokens.
    pub(super) token_id: Uuid,
    pub(super) endpoint_id: Uuid,
    pub(super) provider: Cow<'e, str>,
    pub(super) provider_kind: Cow<'e, str>,
    pub(super) model: Cow<'e, str>,
    pub(super) embeds: bool,
}

impl<'e> Key<'e> {
    pub(super) fn of_quarter(event: &'e UsageEvent) -> Self {
        let known = |value: &'e Option<String>| value.as_deref().map(text).unwrap_or_default();
        let at = event.at.as_micros();
        Self {
            at: at.saturating_sub(at.rem_euclid(QUARTER)),
            owner_id: event.owner.map(AccountId::as_uuid).unwrap_or_default(),
            project_id: event.project_id.as_uuid(),
            token_id: event.token_id.as_uuid(),
            endpoint_id: event.endpoint_id.map(EndpointId::as_uuid).unwrap_or_default(),
            provider: known(&event.provider),
            provider_kind: known(&event.provider_kind),
            model: known(&event.model),
            embeds: event.operation == "embeddings",
        }
    }

    /// What it is in a table.
    pub(super) fn within(&self, rollup: &Rollup) -> Self {
        let or_none = |id: Uuid, is_kept: bool| if is_kept { id } else { Uuid::nil() };
        Self {
            at: self.at.saturating_sub(self.at.rem_euclid(rollup.length)),
            owner_id: or_none(self.owner_id, rollup.has_owners),
            token_id: or_none(self.token_id, rollup.has_tokens),
            ..self.clone()
        }
    }
}

/// What one call adds. None of it is negative: if it were, sums could become too small for a column.
pub(super) fn sums(event: &UsageEvent) -> Sums {
    let tokens = &event.tokens;
    let [unpriced, guessed] = lacks(event).map(i64::from);
    [
        1,
        i64::from(event.prompted),
        i64::from(event.tool_calls),
        count(tokens.input),
        count(tokens.cache_read),
        count(tokens.cache_write_5m),
        count(tokens.cache_write_1h),
        count(tokens.audio_input),
        count(tokens.output),
        count(tokens.reasoning),
        count(tokens.audio_output),
        count(tokens.total()),
        event.cost.as_nanos(),
        event.latency_us / 1_000,
        i64::from(event.cache_hit),
        count(event.cached_tokens),
        event.saved.as_nanos(),
        unpriced,
        unpriced.saturating_mul(count(tokens.total())),
        guessed,
        guessed.saturating_mul(event.cost.as_nanos()),
    ]
    .map(|sum| sum.max(0))
}

/// Whether it took tokens and cost nothing because nobody knew a price, and whether its cost is a guess.
fn lacks(event: &UsageEvent) -> [bool; 2] {
    match event.price_lack() {
        Some(PriceLack::NoCost) => [true, false],
        Some(PriceLack::Estimated) => [false, true],
        None => [false; 2],
    }
}

/// Adds up what has a key in common.
fn add_up<'e>(rows: impl Iterator<Item = (Key<'e>, Sums)>) -> Vec<(Key<'e>, Sums)> {
    let mut added: BTreeMap<Key<'e>, Sums> = BTreeMap::new();
    for (key, more) in rows {
        for (sum, more) in added.entry(key).or_insert([0; SUMS.len()]).iter_mut().zip(more) {
            *sum = sum.saturating_add(more);
        }
    }
    added.into_iter().collect()
}

/// Adds a row of a table to those that are inserted.
fn put(values: &mut impl Rows, rollup: &Rollup, key: &Key<'_>, sums: &Sums) {
    values.number(key.at);
    if rollup.has_owners {
        values.id(key.owner_id);
    }
    values.id(key.project_id);
    if rollup.has_tokens {
        values.id(key.token_id);
    }
    values.id(key.endpoint_id).text(&*key.provider).text(&*key.provider_kind).text(&*key.model);
    values.flag(key.embeds);
    for sum in sums {
        values.number(*sum);
    }
}

#[each_dialect]
impl SqlWork<Db> {
    /// Adds calls to all sums. Each must be new.
    pub(super) async fn roll_up(&mut self, inserted: &[&UsageEvent]) -> Result<(), RepositoryError> {
        let quarters = add_up(inserted.iter().map(|event| (Key::of_quarter(event), sums(event))));
        for (rollup, insertions) in ROLLUPS.iter().zip(&INSERTIONS) {
            let rows = add_up(quarters.iter().map(|(key, sums)| (key.within(rollup), *sums)));
            for run in <Db as Dialect>::Rows::runs(&rows) {
                let mut values = insertions.rows::<Db>();
                for (key, sums) in run {
                    put(&mut values, rollup, key, sums);
                }
                self.insert(insertions, run.len(), values).await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promptgate_kernel::{Money, Timestamp};
    use promptgate_usage::{Outcome, TokenCounts};

    fn event(at: i64, model: &str) -> UsageEvent {
        let id = "018f4e6e-0000-7000-8000-000000000001";
        let (call, project, token) = (id.parse().unwrap(), id.parse().unwrap(), id.parse().unwrap());
        UsageEvent {
            model: Some(model.into()),
            tokens: TokenCounts { input: 2, output: u64::MAX, ..TokenCounts::default() },
            cost: Money::from_nanos(5),
            ..UsageEvent::of_call(
                call,
                Timestamp::from_micros(at),
                project,
                token,
                "messages",
                Outcome::Completed,
                200,
            )
        }
    }

    #[test]
    fn calls_of_a_quarter_are_added_up_and_no_sum_is_too_large() {
        let events = [event(DAY - 1, "b"), event(DAY, "a"), event(DAY + QUARTER - 1, "a"), event(DAY, "a\0")];
        let quarters = add_up(events.iter().map(|event| (Key::of_quarter(event), sums(event))));
        let found: Vec<_> = quarters.iter().map(|(key, sums)| (key.at, &*key.model, sums[0])).collect();
        assert_eq!(found, [(DAY - QUARTER, "b", 1), (DAY, "a", 2), (DAY, "a\u{fffd}", 1)]);
        let (_, a) = &quarters[1];
        assert_eq!((a[3], a[8], a[11], a[12]), (4, i64::MAX, i64::MAX, 10));
        let days = add_up(quarters.iter().map(|(key, sums)| (key.within(&ROLLUPS[2]), *sums)));
        let found: Vec<_> = days.iter().map(|(key, sums)| (key.at, &*key.model, sums[0])).collect();
        assert_eq!(found, [(0, "b", 1), (DAY, "a", 2), (DAY, "a\u{fffd}", 1)]);
    }

    #[test]
    fn tokens_without_a_price_are_told_apart_from_what_is_free() {
        let with = |basis: &str, cost| UsageEvent {
            price_basis: basis.into(),
            cost: Money::from_nanos(cost),
            tokens: TokenCounts { output: 7, ..TokenCounts::default() },
            ..event(0, "m")
        };
        for (event, expected) in [
            (with("none", 0), [1, 7, 0, 0]),
            (with("fallback", 0), [1, 7, 0, 0]),
            (with("fallback", 9), [0, 0, 1, 9]),
            (with("exact", 0), [0; 4]),
            (UsageEvent { cache_hit: true, ..with("none", 0) }, [0; 4]),
            (UsageEvent { tokens: TokenCounts::default(), ..with("none", 0) }, [0; 4]),
        ] {
            assert_eq!(sums(&event)[17..], expected, "{}", event.price_basis);
        }
    }
}
