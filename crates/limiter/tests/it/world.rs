//! Processes over the same counters, which may be away.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use promptgate_kernel::testing::{SeededEntropy, TestClock};
use promptgate_kernel::{Clock, Timestamp};
use promptgate_limiter::{Denied, Hold, Limiter, LimiterOptions, Reservation, Use};
use promptgate_limits::{
    Counter, Counters, CountersError, Demand, Holder, Limit, Measure, MemoryCounters, Settlement, Span,
    Standing, Subject, Taken, Window,
};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

pub(crate) const ONE: Use = Use { requests: 1, tokens: 10, cost: 1_000 };

/// Counters that can be taken away.
#[derive(Default)]
pub(crate) struct Flaky {
    pub(crate) memory: MemoryCounters,
    /// 0: they answer; 1: they do what they are asked, and the answer is lost; 2: they are away.
    trouble: AtomicU64,
    pub(crate) asked: AtomicU64,
    /// The last step of each holder, as he counts, and as the memory does.
    steps: Mutex<HashMap<Holder, (u64, u64)>>,
    /// Whoever asks for this hears of it when there is a permit.
    kept_back: Mutex<Option<(Counter, Arc<Semaphore>)>>,
}

impl Flaky {
    pub(crate) fn trouble(&self, trouble: u64) {
        self.trouble.store(trouble, Ordering::SeqCst);
    }

    /// Does what is asked of a counter, and keeps the answer back.
    pub(crate) fn keep_back(&self, counter: &Counter) -> Arc<Semaphore> {
        let permits = Arc::new(Semaphore::new(0));
        *self.kept_back.lock().unwrap() = Some((counter.clone(), Arc::clone(&permits)));
        permits
    }

    async fn answer<T>(
        &self,
        answer: impl Future<Output = Result<T, CountersError>>,
    ) -> Result<T, CountersError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let away = || CountersError::Unavailable("away".to_owned());
        // As a network has it: others get a turn.
        tokio::task::yield_now().await;
        match self.trouble.load(Ordering::SeqCst) {
            0 => answer.await,
            1 => answer.await.and_then(|_| Err(away())),
            _ => Err(away()),
        }
    }
}

#[async_trait]
impl Counters for Flaky {
    async fn take(
        &self,
        holder: Holder,
        demands: &[Demand],
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Taken, CountersError> {
        let taken = self.answer(self.memory.take(holder, demands, now, until)).await;
        let kept_back = self.kept_back.lock().unwrap().clone();
        if let Some((_, permits)) =
            kept_back.filter(|(counter, _)| demands.iter().any(|demand| demand.limit.counter == *counter))
        {
            permits.acquire().await.unwrap().forget();
        }
        taken
    }

    async fn settle(
        &self,
        holder: Holder,
        step: u64,
        settlements: &[Settlement],
        now: Timestamp,
    ) -> Result<bool, CountersError> {
        self.answer(async {
            let inner = {
                let mut steps = self.steps.lock().unwrap();
                let (told, inner) = steps.entry(holder).or_default();
                if step <= *told {
                    return Ok(true);
                }
                (*told, *inner) = (step, *inner + 1);
                *inner
            };
            self.memory.settle(holder, inner, settlements, now).await
        })
        .await
    }

    async fn end(&self, holder: Holder) -> Result<(), CountersError> {
        self.answer(self.memory.end(holder)).await
    }

    async fn extend(&self, holder: Holder, until: Timestamp, now: Timestamp) -> Result<bool, CountersError> {
        self.answer(self.memory.extend(holder, until, now)).await
    }

    async fn standing(
        &self,
        limits: &[(Limit, Span)],
        now: Timestamp,
    ) -> Result<Vec<Standing>, CountersError> {
        self.answer(self.memory.standing(limits, now)).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, CountersError> {
        self.memory.sweep(now).await
    }
}

impl Flaky {
    /// What recording a call does: it is counted as used, and what was held for it no longer.
    pub(crate) async fn record(
        &self,
        held: &[Hold],
        counter: &Counter,
        span: Span,
        spent: u64,
        now: Timestamp,
    ) {
        let bucket = |spent, freed| Settlement {
            counter: counter.clone(),
            bucket: span.bucket,
            until: span.until,
            spent,
            freed,
        };
        let nobody = Holder(u128::MAX);
        self.memory.take(nobody, &[], now, now.plus(Duration::from_hours(9_999))).await.unwrap();
        let held = held.iter().filter(|hold| hold.counter == *counter);
        let held = held.map(|hold| (hold.holder, bucket(0, hold.amount)));
        for (holder, settlement) in held.chain([(nobody, bucket(spent, 0))]) {
            let step = {
                let mut steps = self.steps.lock().unwrap();
                let (_, inner) = steps.entry(holder).or_default();
                *inner += 1;
                *inner
            };
            self.memory.settle(holder, step, &[settlement], now).await.unwrap();
        }
    }
}

pub(crate) struct World {
    pub(crate) counters: Arc<Flaky>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) limiters: Vec<Limiter>,
}

impl World {
    pub(crate) fn new(processes: u64) -> Arc<Self> {
        Self::with(processes, &LimiterOptions::default())
    }

    pub(crate) fn with(processes: u64, options: &LimiterOptions) -> Arc<Self> {
        let counters = Arc::new(Flaky::default());
        let clock = Arc::new(TestClock::at_millis(1_795_366_800_000));
        let limiters = (0..processes).map(|seed| {
            let limiter = Limiter::new(
                counters.clone(),
                clock.clone(),
                Arc::new(SeededEntropy::new(seed * 1_000)),
                TaskTracker::new(),
                options.clone(),
            );
            limiter.replicas(processes);
            limiter
        });
        Arc::new(Self { limiters: limiters.collect(), counters, clock })
    }

    pub(crate) async fn standing(&self, limit: &Limit) -> (u64, u64) {
        let now = self.clock.now();
        let span = limit.counter.window.span(now, chrono_tz::Tz::UTC);
        let standing = self.counters.memory.standing(&[(limit.clone(), span)], now).await.unwrap()[0];
        (standing.used, standing.held)
    }

    /// A call ends that used so much, and is recorded.
    pub(crate) async fn finish(&self, reservation: Reservation, limits: &[Limit], used: Use) {
        let (now, held) = (self.clock.now(), reservation.settle(used));
        for Limit { counter, .. } in limits.iter().filter(|limit| limit.counter.is_ledger()) {
            let spent = if counter.measure == Measure::Cost { used.cost } else { used.tokens };
            let span = counter.window.span(now, chrono_tz::Tz::UTC);
            self.counters.record(&held, counter, span, spent, now).await;
        }
    }

    /// A call, from its beginning to its record.
    pub(crate) async fn call(&self, limits: &[Limit], used: Use) -> Result<(), Denied> {
        let reservation = self.limiters[0].reserve(limits, used, self.clock.now()).await?;
        self.finish(reservation, limits, used).await;
        Ok(())
    }

    /// Long enough for everything that lies about to go back.
    pub(crate) async fn settle_down(&self) {
        for _ in 0..4 {
            self.clock.advance(Duration::from_secs(2));
            for limiter in &self.limiters {
                limiter.tell().await;
            }
        }
    }
}

pub(crate) fn limit(measure: Measure, window: Window, cap: u64) -> Limit {
    let subject = Subject::Token("018f4e6e-0000-7000-8000-000000000001".parse().unwrap());
    Limit { counter: Counter { subject, model: None, measure, window }, cap }
}

/// How many of `calls` at once get in, spread over all processes; each then uses `used`.
pub(crate) async fn storm(world: &Arc<World>, limits: &[Limit], calls: usize, needed: Use, used: Use) -> u64 {
    let mut set = JoinSet::new();
    for call in 0..calls {
        let (world, limits) = (Arc::clone(world), limits.to_vec());
        set.spawn(async move {
            let limiter = &world.limiters[call % world.limiters.len()];
            let Ok(reservation) = limiter.reserve(&limits, needed, world.clock.now()).await else { return 0 };
            tokio::task::yield_now().await;
            world.finish(reservation, &limits, used).await;
            1
        });
    }
    set.join_all().await.into_iter().sum()
}
