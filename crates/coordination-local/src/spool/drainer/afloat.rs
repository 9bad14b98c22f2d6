//! What is in the stream, and not known to be in the store.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use promptgate_ingest::{Feed, FeedError, Ledger};
use promptgate_kernel::CallId;
use promptgate_usage::FinishedCall;
use tokio::time::{Instant, timeout};

use super::super::gauge_value;

/// So many calls are asked for at once.
const ASKED: usize = 2_000;
/// How soon it is asked whether calls are in the store.
const FIRST_ASKED: Duration = Duration::from_millis(500);
/// How often that is asked.
const ASKED_EVERY: Duration = Duration::from_secs(1);
/// How long the store may take to say it.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);
/// How long it is left alone when it did not.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// How long it is waited before a stream is tried again that is full.
const AFTER_FULL: Duration = Duration::from_millis(250);

/// The stream of a process's calls, and what this process has put into it.
pub(super) struct Afloat {
    feed: Arc<dyn Feed>,
    /// After how long without news a call goes straight into the store.
    patience: Duration,
    /// In order; those that are known to be stored wait for those before them.
    batches: VecDeque<Floating>,
    ask_from: Option<Instant>,
    /// Since when the store has said what it has whenever it was asked. While it is away nothing can be
    /// heard of any call.
    answers_since: Option<Instant>,
    full_since: Option<Instant>,
    feed_from: Option<Instant>,
}

/// Calls that stand one behind the other in a spool.
pub(super) struct Floating {
    /// Those that are not known to be in the store.
    pub(super) calls: HashSet<CallId>,
    /// How many there are.
    pub(super) count: usize,
    /// Where the spool goes on behind them, and how far that is.
    pub(super) next: Option<super::Position>,
    pub(super) bytes: u64,
    pub(super) since: Instant,
}

/// What became of calls that were to be fed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fed {
    /// They are in the stream.
    InStream,
    /// They are to be brought straight into the store.
    Straight,
    /// They wait where they are.
    Later,
}

impl Afloat {
    pub(super) fn over(feed: Arc<dyn Feed>, patience: Duration) -> Self {
        let batches = VecDeque::new();
        Self {
            feed,
            patience,
            batches,
            ask_from: None,
            answers_since: None,
            full_since: None,
            feed_from: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Puts calls into the stream, or says where they go instead: straight into the store when the stream
    /// is away, or when it has been full for longer than anybody has patience.
    pub(super) async fn feed(&mut self, calls: &[Arc<FinishedCall>]) -> Fed {
        if self.feed_from.is_some_and(|from| from > Instant::now()) {
            return Fed::Later;
        }
        self.feed_from = None;
        match self.feed.feed(calls).await {
            Ok(()) => {
                if self.full_since.take().is_some() {
                    tracing::info!("the stream of usage events takes more again");
                }
                Fed::InStream
            }
            Err(FeedError::Full) => {
                let since = *self.full_since.get_or_insert_with(|| {
                    tracing::warn!(
                        "the stream of usage events is full: they wait, and then go straight to the store"
                    );
                    Instant::now()
                });
                if since.elapsed() >= self.patience {
                    return straight("full");
                }
                self.feed_from = Some(Instant::now() + AFTER_FULL);
                Fed::Later
            }
            Err(FeedError::Away(error)) => {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "usage events go straight to the store"
                );
                straight("away")
            }
        }
    }

    /// When it makes sense to go on feeding, if not at once.
    pub(super) fn due(&self) -> Option<Instant> {
        self.feed_from
    }

    /// Notes what was brought, wherever to.
    pub(super) fn push(&mut self, batch: Floating) {
        self.batches.push_back(batch);
        self.measure();
    }

    /// Asks the store which calls it has. `at_once`: however short ago it was asked.
    pub(super) async fn ask(&mut self, ledger: &dyn Ledger, at_once: bool) {
        let now = Instant::now();
        if !at_once && self.ask_from.is_some_and(|from| from > now) {
            return;
        }
        self.ask_from = Some(now + ASKED_EVERY);
        let mut asked = 0;
        while asked < self.batches.len() {
            let mut ids = Vec::new();
            let from = asked;
            while let Some(batch) = self.batches.get(asked) {
                let is_fresh = !at_once && batch.since + FIRST_ASKED > now;
                if is_fresh || (!ids.is_empty() && ids.len() + batch.calls.len() > ASKED) {
                    break;
                }
                ids.extend(batch.calls.iter().copied());
                asked += 1;
            }
            if asked == from {
                break;
            }
            if ids.is_empty() {
                continue;
            }
            let Ok(Ok(settled)) = timeout(ANSWERED_WITHIN, ledger.settled(&ids)).await else {
                self.ask_from = Some(Instant::now() + AFTER_FAILURE);
                self.answers_since = None;
                break;
            };
            self.answers_since.get_or_insert_with(Instant::now);
            let settled: HashSet<_> = settled.into_iter().collect();
            let none_new = settled.is_empty();
            for batch in self.batches.range_mut(from..asked) {
                batch.calls.retain(|id| !settled.contains(id));
            }
            if none_new && !at_once {
                // What came later is hardly there before it.
                break;
            }
        }
        self.measure();
    }

    /// The oldest batch, if it is known to be stored.
    pub(super) fn pop_stored(&mut self) -> Option<Floating> {
        self.batches.pop_front_if(|batch| batch.calls.is_empty())
    }

    /// The oldest batch, if nothing was heard of it for too long, and those of its calls that are missing.
    pub(super) fn overdue(&self, at_once: bool) -> Option<&Floating> {
        let oldest = self.batches.front().filter(|batch| !batch.calls.is_empty())?;
        let unheard_of_since = self.answers_since.map(|since| since.max(oldest.since));
        let is_over = at_once || unheard_of_since.is_some_and(|since| since.elapsed() >= self.patience);
        is_over.then_some(oldest)
    }

    /// The oldest batch was brought straight into the store.
    pub(super) fn settle_oldest(&mut self) {
        if let Some(batch) = self.batches.front_mut() {
            let calls = batch.calls.len() as u64;
            metrics::counter!("promptgate_usage_events_brought_straight_total", "reason" => "unheard_of")
                .increment(calls);
            tracing::warn!(
                usage.events = calls,
                "usage events came out of the stream nowhere; they went straight to the store"
            );
            batch.calls.clear();
        }
        self.measure();
    }

    fn measure(&self) {
        let calls: usize = self.batches.iter().map(|batch| batch.calls.len()).sum();
        metrics::gauge!("promptgate_usage_events_unconfirmed").set(gauge_value(calls as u64));
    }
}

fn straight(reason: &'static str) -> Fed {
    metrics::counter!("promptgate_usage_batches_brought_straight_total", "reason" => reason).increment(1);
    Fed::Straight
}
