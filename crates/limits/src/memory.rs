//! Counters of one process.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use promptgate_kernel::Timestamp;

use crate::{
    Counter, Counters, CountersError, Demand, Grant, Holder, Limit, Refused, Settlement, Span, Standing,
    Taken,
};

/// Counters in memory, for an installation that is one process.
#[derive(Debug, Default)]
pub struct MemoryCounters {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    counters: HashMap<Counter, Counted>,
    holders: HashMap<Holder, Held>,
}

#[derive(Debug, Default)]
struct Counted {
    /// By bucket: what was used, and when that counts no longer.
    used: BTreeMap<Timestamp, (u64, Timestamp)>,
    held: HashMap<(Holder, Timestamp), u64>,
}

#[derive(Debug)]
struct Held {
    until: Timestamp,
    step: u64,
    ends: HashMap<(Counter, Timestamp), Timestamp>,
}

impl Counted {
    fn standing(&self, limit: &Limit, span: &Span) -> Standing {
        let counts = |bucket: &Timestamp| (span.since..span.until).contains(bucket);
        let used = || self.used.iter().filter(|(bucket, _)| counts(bucket));
        let held = self.held.iter().filter(|((_, bucket), _)| counts(bucket));
        let held = held.map(|(_, amount)| amount).sum();
        let oldest = used().find(|(_, (used, _))| *used > 0);
        let used = used().map(|(_, (used, _))| used).sum();
        let resets_at = oldest.map_or(span.until, |(_, (_, until))| *until);
        Standing { used, held, cap: limit.cap, resets_at }
    }
}

impl State {
    fn standing(&self, limit: &Limit, span: &Span) -> Standing {
        match self.counters.get(&limit.counter) {
            Some(counted) => counted.standing(limit, span),
            None => Standing { used: 0, held: 0, cap: limit.cap, resets_at: span.until },
        }
    }

    fn give(&mut self, holder: Holder, demand: &Demand, amount: u64) {
        let (counter, bucket) = (&demand.limit.counter, demand.span.bucket);
        let entry = self.counters.entry(counter.clone()).or_default();
        *entry.held.entry((holder, bucket)).or_default() += amount;
        if let Some(own) = self.holders.get_mut(&holder) {
            own.ends.insert((counter.clone(), bucket), demand.span.until);
        }
    }
}

impl MemoryCounters {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Counters for MemoryCounters {
    async fn take(
        &self,
        holder: Holder,
        demands: &[Demand],
        _now: Timestamp,
        until: Timestamp,
    ) -> Result<Taken, CountersError> {
        let mut state = self.state();
        for (at, demand) in demands.iter().enumerate() {
            let standing = state.standing(&demand.limit, &demand.span);
            if standing.room() < demand.least {
                return Ok(Taken::Refused(Refused { at, standing }));
            }
        }
        let own =
            state.holders.entry(holder).or_insert_with(|| Held { until, step: 0, ends: HashMap::new() });
        own.until = own.until.max(until);
        let mut grants = Vec::with_capacity(demands.len());
        for demand in demands {
            let standing = state.standing(&demand.limit, &demand.span);
            let amount = standing.room().min(demand.most.max(demand.least));
            state.give(holder, demand, amount);
            grants.push(Grant { amount, standing: Standing { held: standing.held + amount, ..standing } });
        }
        Ok(Taken::All(grants))
    }

    async fn settle(
        &self,
        holder: Holder,
        step: u64,
        settlements: &[Settlement],
        _now: Timestamp,
    ) -> Result<bool, CountersError> {
        let mut state = self.state();
        let State { counters, holders } = &mut *state;
        let Some(own) = holders.get_mut(&holder) else { return Ok(false) };
        if step <= own.step {
            return Ok(true);
        }
        own.step = step;
        for Settlement { counter, bucket, until, spent, freed } in settlements {
            let counted = counters.entry(counter.clone()).or_default();
            if let Some(held) = counted.held.get_mut(&(holder, *bucket)) {
                *held = held.saturating_sub(*spent).saturating_sub(*freed);
                if *held == 0 {
                    counted.held.remove(&(holder, *bucket));
                }
            }
            if *spent > 0 {
                let used = &mut counted.used.entry(*bucket).or_insert((0, *until)).0;
                *used = used.saturating_add(*spent);
            }
        }
        Ok(true)
    }

    async fn end(&self, holder: Holder) -> Result<(), CountersError> {
        let mut state = self.state();
        let Some(own) = state.holders.remove(&holder) else { return Ok(()) };
        for (counter, bucket) in own.ends.keys() {
            if let Some(counted) = state.counters.get_mut(counter) {
                counted.held.remove(&(holder, *bucket));
            }
        }
        Ok(())
    }

    async fn extend(&self, holder: Holder, until: Timestamp, now: Timestamp) -> Result<bool, CountersError> {
        let mut state = self.state();
        let Some(own) = state.holders.get_mut(&holder).filter(|own| own.until > now) else {
            return Ok(false);
        };
        own.until = own.until.max(until);
        Ok(true)
    }

    async fn standing(
        &self,
        limits: &[(Limit, Span)],
        _now: Timestamp,
    ) -> Result<Vec<Standing>, CountersError> {
        let state = self.state();
        Ok(limits.iter().map(|(limit, span)| state.standing(limit, span)).collect())
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, CountersError> {
        let mut state = self.state();
        let State { counters, holders } = &mut *state;
        let mut swept = 0;
        holders.retain(|holder, own| {
            if own.until > now {
                own.ends.retain(|_, ends| *ends > now);
                return true;
            }
            for ((counter, bucket), ends) in &own.ends {
                let Some(counted) = counters.get_mut(counter) else { continue };
                let Some(amount) = counted.held.remove(&(*holder, *bucket)) else { continue };
                swept += 1;
                if counter.is_used_when_lost() {
                    counted.used.entry(*bucket).or_insert((0, *ends)).0 += amount;
                }
            }
            false
        });
        counters.retain(|_, counted| {
            counted.used.retain(|_, (_, ends)| *ends > now);
            !(counted.used.is_empty() && counted.held.is_empty())
        });
        Ok(swept)
    }
}
