//! The limiter as it is used.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use promptgate_kernel::{Clock, Entropy, Timestamp};
use promptgate_limits::{Counters, Limit, Span, Standing};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::inner::Inner;
use crate::{LimiterOptions, Reservation, Use};

/// Why a call may not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    /// A limit has no room for it.
    Over {
        /// Which.
        limit: Limit,
        /// How it stands.
        standing: Standing,
        /// What the call needed of it.
        needed: u64,
        /// What it could have had.
        available: u64,
    },
    /// A limit cannot be asked, and may not be kept without.
    Unknown {
        /// Which.
        limit: Limit,
    },
}

/// Lets calls in within their limits.
#[derive(Debug, Clone)]
pub struct Limiter {
    inner: Arc<Inner>,
}

impl Limiter {
    /// A limiter over counters. It has to [run](Self::run).
    pub fn new(
        counters: Arc<dyn Counters>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        tasks: TaskTracker,
        options: LimiterOptions,
    ) -> Self {
        Self { inner: Arc::new(Inner::new(counters, clock, entropy, tasks, options)) }
    }

    /// Notes how many processes share the limits.
    pub fn replicas(&self, replicas: u64) {
        self.inner.replicas.store(replicas.max(1), Ordering::Relaxed);
    }

    /// Reserves what a call needs at most of every counter, or of none. It counts in the windows of the
    /// instant at which it arrived.
    pub async fn reserve(&self, limits: &[Limit], needed: Use, at: Timestamp) -> Result<Reservation, Denied> {
        let wanted: Vec<(&Limit, u64)> =
            limits.iter().map(|limit| (limit, needed.needed(&limit.counter))).collect();
        self.inner.reserve(&wanted, at).await
    }

    /// Whether the counters did not answer when they were last asked.
    pub fn is_degraded(&self) -> bool {
        self.inner.is_away.load(Ordering::Relaxed)
    }

    /// Where the window of a limit stands.
    pub fn span(&self, limit: &Limit, at: Timestamp) -> Span {
        limit.counter.window.span(at, self.inner.options.zone)
    }

    /// What of a limit is left, as far as is known without asking.
    pub fn left(&self, limit: &Limit, at: Timestamp) -> Option<u64> {
        self.inner.left(limit, at)
    }

    /// How a limit stands, as it was last heard. Only where nothing was heard yet it waits for an answer;
    /// what is old is asked for anew beside. While the counters do not answer nobody waits for them.
    pub async fn standing(&self, limit: &Limit, at: Timestamp) -> Option<Standing> {
        self.inner.standing(limit, at).await
    }

    /// Tells the counters what was used until shutdown, and then gives everything back that no call has.
    pub async fn run(&self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(self.inner.options.tell_every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                _ = ticks.tick() => self.tell().await,
            }
        }
        self.inner.leave().await;
    }

    /// Tells the counters now what was used, and holds the rest for longer.
    pub async fn tell(&self) {
        self.inner.tell().await;
    }
}
