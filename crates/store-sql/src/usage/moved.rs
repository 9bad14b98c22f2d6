//! What calls are added up to, after they got other prices.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use promptgate_kernel::RepositoryError;
use promptgate_store_sql_macros::each_dialect;
use promptgate_usage::UsageEvent;
use sqlx::AssertSqlSafe;

use super::rollup::{Key, ROLLUPS, Rollup, SUMS, sums};
use crate::work::SqlWork;

/// What a price decides.
const PRICED: [&str; 5] =
    ["cost_nanos", "unpriced_calls", "unpriced_tokens", "guessed_calls", "guessed_nanos"];

type Differences = [i64; PRICED.len()];

/// What one call adds more, or less, than before.
fn difference(before: &UsageEvent, after: &UsageEvent) -> Differences {
    let (before, after) = (sums(before), sums(after));
    PRICED.map(|priced| {
        let at = SUMS.iter().position(|sum| *sum == priced).unwrap_or(SUMS.len());
        after.get(at).copied().unwrap_or(0) - before.get(at).copied().unwrap_or(0)
    })
}

fn add<'e>(all: &mut BTreeMap<Key<'e>, Differences>, key: Key<'e>, more: &Differences) {
    for (sum, more) in all.entry(key).or_insert([0; PRICED.len()]).iter_mut().zip(more) {
        *sum = sum.saturating_add(*more);
    }
}

/// Adds the first values of a statement to columns of the row whose key follows. No sum becomes negative, or
/// too large for a column.
fn statement(Rollup { table, key, .. }: &Rollup) -> String {
    let mut text = format!("UPDATE {table} SET ");
    for (at, column) in PRICED.iter().enumerate() {
        let (comma, value, largest) = (if at == 0 { "" } else { ", " }, format!("${}", at + 1), i64::MAX);
        let _ = write!(
            text,
            "{comma}{column} = CASE WHEN {value} > 0 AND {column} > {largest} - {value} THEN {largest} \
             WHEN {value} < 0 AND {column} < -{value} THEN 0 ELSE {column} + {value} END"
        );
    }
    for (at, column) in key.split(", ").enumerate() {
        let _ =
            write!(text, " {} {column} = ${}", if at == 0 { "WHERE" } else { "AND" }, PRICED.len() + at + 1);
    }
    text
}

#[each_dialect]
impl SqlWork<Db> {
    /// Moves the costs of all sums as far as their calls cost something else now. Each must have been added
    /// up as it was before.
    pub(crate) async fn move_costs(
        &mut self,
        changed: &[(&UsageEvent, UsageEvent)],
    ) -> Result<(), RepositoryError> {
        let mut quarters = BTreeMap::new();
        for (before, after) in changed {
            add(&mut quarters, Key::of_quarter(before), &difference(before, after));
        }
        // In the order in which calls are added up.
        for rollup in &ROLLUPS {
            let (statement, mut rows) = (statement(rollup), BTreeMap::new());
            for (key, differences) in &quarters {
                add(&mut rows, key.within(rollup), differences);
            }
            for (key, differences) in rows {
                let mut query = sqlx::query::<Db>(AssertSqlSafe(statement.clone()));
                for difference in differences {
                    query = query.bind(difference);
                }
                query = query.bind(key.at);
                if rollup.has_owners {
                    query = query.bind(key.owner_id);
                }
                query = query.bind(key.project_id);
                if rollup.has_tokens {
                    query = query.bind(key.token_id);
                }
                query
                    .bind(key.endpoint_id)
                    .bind(key.provider.into_owned())
                    .bind(key.provider_kind.into_owned())
                    .bind(key.model.into_owned())
                    .bind(key.embeds)
                    .execute(&mut *self.tx)
                    .await
                    .map_err(|error| self.fail(error))?;
            }
        }
        Ok(())
    }
}
