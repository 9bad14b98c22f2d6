//! Counters of limits over Redis.
//!
//! All keys begin with `{promptgate:limits}`, whose braces keep them in one slot of a cluster, so that a
//! script may touch several. A script runs alone, so that what it reads stands until it has written.

mod scripts;

use std::sync::Arc;

use async_trait::async_trait;
use fred::interfaces::{ClientLike, LuaInterface};
use fred::types::FromValue;
use promptgate_kernel::Timestamp;
use promptgate_limits::{
    Counters, CountersError, Demand, Grant, Holder, Limit, Refused, Settlement, Span, Standing, Taken,
};
use tokio_util::sync::DropGuard;

use crate::bus::Shared;

/// What all keys begin with.
const ROOT: &str = "{promptgate:limits}";
/// The largest whole number that Lua keeps exactly, and that every smaller one is kept beside.
const LARGEST: u64 = 1 << 53;
/// How many holders one script sweeps away.
const BATCH: i64 = 100;

/// Counters over the connection of a bus.
pub(crate) struct RedisCounters {
    shared: Arc<Shared>,
    _stop: Arc<DropGuard>,
}

impl RedisCounters {
    pub(crate) const fn new(shared: Arc<Shared>, stop: Arc<DropGuard>) -> Self {
        Self { shared, _stop: stop }
    }

    async fn run<T: FromValue>(
        &self,
        script: &'static str,
        arguments: Vec<String>,
    ) -> Result<T, CountersError> {
        let client = self.shared.publisher.with_options(&self.shared.options);
        let called = self.shared.call(client.eval(script, vec![ROOT], arguments)).await;
        called.map_err(|error| CountersError::Unavailable(error.to_string()))
    }
}

fn micros(at: Timestamp) -> String {
    at.as_micros().max(0).to_string()
}

fn amount(amount: u64) -> String {
    amount.min(LARGEST).to_string()
}

/// The numbers of an answer, one after the other.
struct Numbers(std::vec::IntoIter<String>);

impl Numbers {
    fn next(&mut self) -> Result<u64, CountersError> {
        let number = self.0.next().and_then(|text| text.parse().ok());
        number.ok_or_else(|| CountersError::Unavailable("Redis answered with no number".to_owned()))
    }

    fn standing(&mut self, cap: u64) -> Result<Standing, CountersError> {
        let (used, held, resets) = (self.next()?, self.next()?, self.next()?);
        let resets_at = Timestamp::from_micros(i64::try_from(resets).unwrap_or(i64::MAX));
        Ok(Standing { used, held, cap, resets_at })
    }
}

#[async_trait]
impl Counters for RedisCounters {
    async fn take(
        &self,
        holder: Holder,
        demands: &[Demand],
        _now: Timestamp,
        until: Timestamp,
    ) -> Result<Taken, CountersError> {
        let mut arguments = vec![holder.to_string(), micros(until)];
        for Demand { limit, span, least, most } in demands {
            let is_used_when_lost = limit.counter.is_used_when_lost();
            arguments.extend([
                limit.counter.to_string(),
                micros(span.since),
                micros(span.bucket),
                micros(span.until),
                amount(limit.cap),
                amount(*least),
                amount(*most),
                u8::from(is_used_when_lost).to_string(),
            ]);
        }
        let answer: Vec<String> = self.run(scripts::TAKE, arguments).await?;
        let mut numbers = Numbers(answer.into_iter());
        if numbers.next()? == 0 {
            let at = usize::try_from(numbers.next()?).unwrap_or(usize::MAX);
            let cap = demands.get(at).map_or(0, |demand| demand.limit.cap);
            return Ok(Taken::Refused(Refused { at, standing: numbers.standing(cap)? }));
        }
        let grant = |demand: &Demand| {
            Ok(Grant { amount: numbers.next()?, standing: numbers.standing(demand.limit.cap)? })
        };
        Ok(Taken::All(demands.iter().map(grant).collect::<Result<_, CountersError>>()?))
    }

    async fn settle(
        &self,
        holder: Holder,
        step: u64,
        settlements: &[Settlement],
        _now: Timestamp,
    ) -> Result<bool, CountersError> {
        let mut arguments = vec![holder.to_string(), amount(step)];
        for Settlement { counter, bucket, until, spent, freed } in settlements {
            arguments.extend([
                counter.to_string(),
                micros(*bucket),
                micros(*until),
                amount(*spent),
                amount(*freed),
            ]);
        }
        Ok(self.run::<i64>(scripts::SETTLE, arguments).await? == 1)
    }

    async fn end(&self, holder: Holder) -> Result<(), CountersError> {
        self.run::<i64>(scripts::END, vec![holder.to_string()]).await.map(drop)
    }

    async fn extend(&self, holder: Holder, until: Timestamp, now: Timestamp) -> Result<bool, CountersError> {
        let arguments = vec![holder.to_string(), micros(until), micros(now)];
        Ok(self.run::<i64>(scripts::EXTEND, arguments).await? == 1)
    }

    async fn standing(
        &self,
        limits: &[(Limit, Span)],
        _now: Timestamp,
    ) -> Result<Vec<Standing>, CountersError> {
        if limits.is_empty() {
            return Ok(Vec::new());
        }
        let arguments = limits
            .iter()
            .flat_map(|(limit, span)| [limit.counter.to_string(), micros(span.since), micros(span.until)])
            .collect();
        let answer: Vec<String> = self.run(scripts::STANDING, arguments).await?;
        let mut numbers = Numbers(answer.into_iter());
        limits.iter().map(|(limit, _)| numbers.standing(limit.cap)).collect()
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, CountersError> {
        let mut all = 0;
        loop {
            let (gone, swept): (i64, i64) =
                self.run(scripts::SWEEP, vec![micros(now), BATCH.to_string()]).await?;
            all += swept.unsigned_abs();
            if gone < BATCH {
                return Ok(all);
            }
        }
    }
}
