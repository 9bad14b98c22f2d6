//! Not asking again what has just failed to answer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use promptgate_store::BusError;
use tokio::time::Instant;
use tokio::time::error::Elapsed;

/// Opens after some failures in a row. While it is open, one call is let through every so often; the
/// first that succeeds closes it.
#[derive(Debug)]
pub(crate) struct Breaker {
    state: Mutex<State>,
    /// Whether nobody is asked, whatever the last answers were.
    held_open: AtomicBool,
    threshold: u32,
    cool_down: Duration,
}

#[derive(Debug)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant },
}

impl Breaker {
    pub(crate) fn new(threshold: u32, cool_down: Duration) -> Self {
        Self {
            state: Mutex::new(State::Closed { failures: 0 }),
            held_open: AtomicBool::new(false),
            threshold,
            cool_down,
        }
    }

    /// An error instead of a call, while none may be made.
    pub(crate) fn admit(&self) -> Result<(), BusError> {
        let refusal = || BusError("not asked: it has just failed to answer".into());
        self.lets_through().then_some(()).ok_or_else(refusal)
    }

    /// Notes what came of a call that had a deadline.
    pub(crate) fn judge<T>(
        &self,
        outcome: Result<Result<T, fred::error::Error>, Elapsed>,
    ) -> Result<T, BusError> {
        let result = match outcome {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(BusError(error.into())),
            Err(elapsed) => Err(BusError(elapsed.into())),
        };
        self.note(result.is_ok());
        result
    }

    /// Notes whether a call was answered.
    pub(crate) fn note(&self, answered: bool) {
        if answered { self.succeeded() } else { self.failed() }
    }

    /// Lets no call through from now on, or again as many as before. Whether it did so before.
    pub(crate) fn hold_open(&self, held: bool) -> bool {
        self.held_open.swap(held, Ordering::Relaxed)
    }

    /// Whether it lets no call through, whatever the last answers were.
    pub(crate) fn is_held_open(&self) -> bool {
        self.held_open.load(Ordering::Relaxed)
    }

    /// Whether a call may be made now.
    fn lets_through(&self) -> bool {
        if self.is_held_open() {
            return false;
        }
        match &mut *self.state() {
            State::Closed { .. } => true,
            State::Open { until } => {
                let now = Instant::now();
                let over = *until <= now;
                if over {
                    // One call tries; the others go on failing until it is known to have succeeded.
                    *until = now + self.cool_down;
                }
                over
            }
        }
    }

    /// A call succeeded.
    fn succeeded(&self) {
        *self.state() = State::Closed { failures: 0 };
    }

    /// A call failed.
    fn failed(&self) {
        let mut state = self.state();
        *state = match *state {
            State::Closed { failures } if failures + 1 < self.threshold => {
                State::Closed { failures: failures + 1 }
            }
            State::Closed { .. } | State::Open { .. } => {
                State::Open { until: Instant::now() + self.cool_down }
            }
        };
    }

    /// Whether calls are held back.
    pub(crate) fn is_open(&self) -> bool {
        self.is_held_open() || matches!(*self.state(), State::Open { .. })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nothing_passes_while_it_is_held_open() {
        let breaker = Breaker::new(3, Duration::from_secs(1));
        breaker.hold_open(true);
        assert!(breaker.is_open() && breaker.admit().is_err());
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(breaker.admit().is_err(), "time does not end it");
        breaker.hold_open(false);
        assert!(!breaker.is_open() && breaker.admit().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn opens_after_failures_in_a_row_and_closes_on_the_first_success() {
        let breaker = Breaker::new(3, Duration::from_secs(1));
        breaker.failed();
        breaker.failed();
        breaker.succeeded();
        breaker.failed();
        breaker.failed();
        assert!(breaker.lets_through() && !breaker.is_open());
        breaker.failed();
        assert!(!breaker.lets_through());

        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(breaker.lets_through(), "one may try");
        assert!(!breaker.lets_through(), "and only one");
        breaker.failed();
        tokio::time::advance(Duration::from_millis(999)).await;
        assert!(!breaker.lets_through());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(breaker.lets_through());
        breaker.succeeded();
        assert!(breaker.lets_through() && breaker.lets_through());
    }
}
