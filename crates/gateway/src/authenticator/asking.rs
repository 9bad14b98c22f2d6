//! Whether the store may be asked, and what became of asking.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use promptgate_kernel::{RepositoryError, Timestamp};

/// For how long the store is not asked again after it failed.
pub(super) const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);
/// How long the store may take to confirm what is remembered: whoever calls with it waits no longer for a store
/// that is away.
pub(super) const PATIENCE_WITH_REMEMBERED: Duration = Duration::from_millis(100);

const NEVER: i64 = i64::MIN;

/// Whether something was less than `span` ago. What is said to be yet to come is not: the clock was set back,
/// and nobody knows how long ago it was.
pub(super) fn is_recent(now: Timestamp, at: Timestamp, span: Duration) -> bool {
    at <= now && now.since(at) < span
}

/// What a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// Something that is remembered, and goes on serving.
    Remembered,
    /// Something that nothing is known of.
    Unknown,
}

/// Why there is no answer.
#[derive(Debug, Clone)]
pub(super) enum NoAnswer {
    Failed(Arc<RepositoryError>),
    TookTooLong,
}

impl From<RepositoryError> for NoAnswer {
    fn from(error: RepositoryError) -> Self {
        Self::Failed(Arc::new(error))
    }
}

/// Waits for an answer of the store no longer than this.
pub(super) async fn within<T>(
    patience: Duration,
    answer: impl Future<Output = Result<T, RepositoryError>>,
) -> Result<T, NoAnswer> {
    match tokio::time::timeout(patience, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(NoAnswer::TookTooLong),
    }
}

/// When the store last had no answer. Whoever asks it says how that went.
pub(super) struct Asking {
    /// In the short time that it has for what is remembered, in microseconds.
    failed_at: AtomicI64,
    /// In all the time that it has for anything else.
    away_at: AtomicI64,
    /// When it was last said that something of it cannot be understood.
    corrupt_at: AtomicI64,
    /// Whether it was said that it is away.
    is_told: AtomicBool,
}

impl Default for Asking {
    fn default() -> Self {
        let [failed_at, away_at, corrupt_at] = std::array::from_fn(|_| AtomicI64::new(NEVER));
        Self { failed_at, away_at, corrupt_at, is_told: AtomicBool::new(false) }
    }
}

impl Asking {
    fn since(&self, about: About) -> &AtomicI64 {
        match about {
            About::Remembered => &self.failed_at,
            About::Unknown => &self.away_at,
        }
    }

    /// Whether the store may be asked. After it failed, one caller asks it every so often; the others do not
    /// wait for that one, so that calls do not pile up behind a store that is away.
    pub(super) fn may_ask(&self, about: About, now: Timestamp) -> bool {
        let since = self.since(about);
        since.load(Ordering::Relaxed) == NEVER || is_turn(since, now)
    }

    /// The store answered, whatever.
    pub(super) fn answered(&self) {
        self.failed_at.store(NEVER, Ordering::Relaxed);
        self.away_at.store(NEVER, Ordering::Relaxed);
        self.is_told.store(false, Ordering::Relaxed);
    }

    /// There is no answer to what was asked about; `what` was to be looked up.
    pub(super) fn failed(&self, about: About, what: &str, why: &NoAnswer, now: Timestamp) {
        match why {
            NoAnswer::Failed(error) => match &**error {
                RepositoryError::Corrupt { .. } => self.corrupt(what, error, now),
                RepositoryError::Unavailable { .. } | RepositoryError::Conflict { .. } => {
                    self.since(about).store(now.as_micros(), Ordering::Relaxed);
                    let error = &**error as &dyn std::error::Error;
                    if self.is_told.swap(true, Ordering::Relaxed) {
                        tracing::debug!(error, "cannot look up {what}");
                    } else {
                        tracing::warn!(error, "cannot look up {what}; what is known goes on working");
                    }
                }
            },
            NoAnswer::TookTooLong => {
                self.since(about).store(now.as_micros(), Ordering::Relaxed);
                // For what is remembered there is so little time that this may be a hiccup.
                if about == About::Remembered || self.is_told.swap(true, Ordering::Relaxed) {
                    tracing::debug!("looking up {what} took too long");
                } else {
                    tracing::warn!("looking up {what} took too long; what is known goes on working");
                }
            }
        }
    }

    /// The store has an answer, and nobody can make anything of it. That says nothing about anything else.
    fn corrupt(&self, what: &str, error: &RepositoryError, now: Timestamp) {
        self.answered();
        // Each call asks.
        let (at, order) = (&self.corrupt_at, Ordering::Relaxed);
        let is_first = at.compare_exchange(NEVER, now.as_micros(), order, order).is_ok();
        if is_first || is_turn(at, now) {
            tracing::warn!(error = error as &dyn std::error::Error, "cannot make anything of {what}");
        }
    }
}

/// Whether the pause since some time is over. It begins anew then.
fn is_turn(since: &AtomicI64, now: Timestamp) -> bool {
    let last = since.load(Ordering::Relaxed);
    let rests = is_recent(now, Timestamp::from_micros(last), PAUSE_AFTER_FAILURE);
    let (order, now) = (Ordering::Relaxed, now.as_micros());
    !rests && since.compare_exchange(last, now, order, order).is_ok()
}
