//! What calls add up to, by quarters of an hour and by days, kept beside them for ever.

use std::borrow::Cow;
use std::collections::BTreeMap;

use promptgate_kernel::{AccountId, EndpointId, RepositoryError};
use promptgate_store_sql_macros::each_dialect;
use promptgate_usage::{PriceLack, UsageEvent};
use uuid::Uuid;

use crate::insert::{Insertions, batches};
use crate::repeats::Repeats;
use crate::value::{count, text};
use crate::work::SqlWork;

/// Microseconds of a quarter of an hour.
const QUARTER: i64 = 900_000_000;
/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

pub(super) const QUARTER_KEY: &str =
    "at, owner_id, project_id, token_id, endpoint_id, provider, provider_kind, model, embeds";
pub(super) const DAY_KEY: &str =
    "at, owner_id, project_id, endpoint_id, provider, provider_kind, model, embeds";
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
    pub(super) owner_id: Uuid,
    pub(super) project_id: Uuid,
    /// Not among the days, where it is the id of zeros.
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

    pub(super) fn of_day(&self) -> Self {
        let at = self.at.saturating_sub(self.at.rem_euclid(DAY));
        Self { at, token_id: Uuid::nil(), ..self.clone() }
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

#[each_dialect]
impl SqlWork<Db> {
    /// Adds calls to their quarters and days. Each must be new.
    pub(super) async fn roll_up(&mut self, inserted: &[&UsageEvent]) -> Result<(), RepositoryError> {
        static QUARTERS: Insertions =
            Insertions::new("usage_quarters", QUARTER_KEY, QUARTER_KEY).adding(&SUMS);
        static DAYS: Insertions = Insertions::new("usage_days", DAY_KEY, DAY_KEY).adding(&SUMS);
        let quarters = add_up(inserted.iter().map(|event| (Key::of_quarter(event), sums(event))));
        let days = add_up(quarters.iter().map(|(key, sums)| (key.of_day(), *sums)));
        for (insertions, rows, has_tokens) in [(&QUARTERS, &quarters, true), (&DAYS, &days, false)] {
            let mut repeats = Repeats::<3>::new();
            for batch in batches(rows) {
                let mut query = sqlx::query::<Db>(insertions.of_rows::<Db>(batch.len()));
                for (key, sums) in batch {
                    query = query.bind(key.at).bind(key.owner_id).bind(key.project_id);
                    if has_tokens {
                        query = query.bind(key.token_id);
                    }
                    query = query
                        .bind(key.endpoint_id)
                        .bind(repeats.text(0, &key.provider))
                        .bind(repeats.text(1, &key.provider_kind))
                        .bind(repeats.text(2, &key.model))
                        .bind(key.embeds);
                    for sum in sums {
                        query = query.bind(*sum);
                    }
                }
                query.execute(&mut *self.tx).await.map_err(|error| self.fail(error))?;
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
        let days = add_up(quarters.iter().map(|(key, sums)| (key.of_day(), *sums)));
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
