//! Spans of time that end although the clock is set back.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use promptgate_kernel::Timestamp;

/// Before anything ever was.
const NEVER: i64 = i64::MIN;

/// Whether something was less than `span` ago. What is said to be yet to come is not: the clock was set back,
/// and nobody knows how long ago it was.
pub(crate) fn is_recent(now: Timestamp, at: Timestamp, span: Duration) -> bool {
    at <= now && now.since(at) < span
}

/// A time in which something is left alone.
#[derive(Debug)]
pub(crate) struct Pause {
    /// When it began, in microseconds.
    since: AtomicI64,
}

impl Default for Pause {
    fn default() -> Self {
        Self { since: AtomicI64::new(NEVER) }
    }
}

impl Pause {
    pub(crate) fn begin(&self, now: Timestamp) {
        self.since.store(now.as_micros(), Ordering::Relaxed);
    }

    pub(crate) fn lasts(&self, span: Duration, now: Timestamp) -> bool {
        let since = self.since.load(Ordering::Relaxed);
        since != NEVER && is_recent(now, Timestamp::from_micros(since), span)
    }
}
