//! Where what was used is looked up.

use std::fmt;
use std::sync::Arc;

use chrono_tz::Tz;
use promptgate_kernel::{RepositoryError, Timestamp};
use promptgate_limits::{Counters, CountersError, Limit, Standing};

/// The counters of limits, wherever the data plane keeps them.
#[derive(Clone)]
pub struct LimitCounters {
    /// Those that usage events are charged to: days, months and windows that slide.
    pub ledger: Arc<dyn Counters>,
    /// All others: minutes, hours, and calls under way.
    pub rates: Arc<dyn Counters>,
    /// Where days and months begin.
    pub zone: Tz,
}

impl fmt::Debug for LimitCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitCounters").field("zone", &self.zone).finish_non_exhaustive()
    }
}

impl LimitCounters {
    /// How limits stand, in their order; `None` for those that cannot be looked up now. Never while a
    /// unit of work is open: the counters have connections of their own.
    pub(crate) async fn standing(
        &self,
        limits: &[Limit],
        now: Timestamp,
    ) -> Result<Vec<Option<Standing>>, RepositoryError> {
        let mut standings = vec![None; limits.len()];
        for (counters, is_ledger) in [(&self.ledger, true), (&self.rates, false)] {
            let (places, asked): (Vec<usize>, Vec<_>) = limits
                .iter()
                .enumerate()
                .filter(|(_, limit)| limit.counter.is_ledger() == is_ledger)
                .map(|(place, limit)| (place, (limit.clone(), limit.counter.window.span(now, self.zone))))
                .unzip();
            if asked.is_empty() {
                continue;
            }
            match counters.standing(&asked, now).await {
                Ok(told) => {
                    for (place, standing) in places.into_iter().zip(told) {
                        standings[place] = Some(standing);
                    }
                }
                // Rates may be away while the store is there; then nobody knows them.
                Err(CountersError::Unavailable(reason)) if !is_ledger => {
                    tracing::warn!(reason, "the counters of rates cannot be looked up");
                }
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(standings)
    }
}

fn failed(error: CountersError) -> RepositoryError {
    match error {
        CountersError::Store(error) => error,
        error @ (CountersError::Unavailable(_) | CountersError::Filling) => {
            RepositoryError::Unavailable { source: error.into() }
        }
    }
}
