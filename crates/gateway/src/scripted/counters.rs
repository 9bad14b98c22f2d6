//! Counters that can be taken away.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use promptgate_kernel::Timestamp;
use promptgate_limits::{
    Counters, CountersError, Demand, Holder, Limit, MemoryCounters, Settlement, Span, Standing, Taken,
};

#[derive(Debug, Default)]
pub(crate) struct FakeCounters {
    memory: MemoryCounters,
    is_away: AtomicBool,
}

impl FakeCounters {
    pub(crate) fn away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::SeqCst);
    }

    fn answer(&self) -> Result<&MemoryCounters, CountersError> {
        let is_away = self.is_away.load(Ordering::SeqCst);
        if is_away { Err(CountersError::Unavailable("away".to_owned())) } else { Ok(&self.memory) }
    }
}

#[async_trait]
impl Counters for FakeCounters {
    async fn take(
        &self,
        holder: Holder,
        demands: &[Demand],
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Taken, CountersError> {
        self.answer()?.take(holder, demands, now, until).await
    }

    async fn settle(
        &self,
        holder: Holder,
        step: u64,
        settlements: &[Settlement],
        now: Timestamp,
    ) -> Result<bool, CountersError> {
        self.answer()?.settle(holder, step, settlements, now).await
    }

    async fn end(&self, holder: Holder) -> Result<(), CountersError> {
        self.answer()?.end(holder).await
    }

    async fn extend(&self, holder: Holder, until: Timestamp, now: Timestamp) -> Result<bool, CountersError> {
        self.answer()?.extend(holder, until, now).await
    }

    async fn standing(
        &self,
        limits: &[(Limit, Span)],
        now: Timestamp,
    ) -> Result<Vec<Standing>, CountersError> {
        self.answer()?.standing(limits, now).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, CountersError> {
        self.answer()?.sweep(now).await
    }
}
