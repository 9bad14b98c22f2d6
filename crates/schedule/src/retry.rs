//! How often something is tried, and how long it waits in between.

use std::time::Duration;

/// How often a run is tried, and how long it waits in between: each time twice as long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How often it is tried altogether.
    pub attempts: u32,
    /// How long it waits after the first failure.
    pub first: Duration,
    /// The longest that it waits.
    pub longest: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 5, first: Duration::from_secs(10), longest: Duration::from_mins(10) }
    }
}

impl Retry {
    /// How long to wait after so many attempts; `None` when that was the last one.
    pub fn wait(self, attempts: u32) -> Option<Duration> {
        if attempts >= self.attempts {
            return None;
        }
        let doubled = 1u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
        Some(self.first.saturating_mul(doubled).min(self.longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_is_twice_as_long_until_the_longest_and_the_last_attempt() {
        let retry = Retry { attempts: 5, first: Duration::from_secs(10), longest: Duration::from_mins(1) };
        let waits: Vec<_> = (1..=5).map(|attempts| retry.wait(attempts).map(|wait| wait.as_secs())).collect();
        assert_eq!(waits, [Some(10), Some(20), Some(40), Some(60), None]);
        let patient = Retry { attempts: u32::MAX, ..retry };
        assert_eq!(patient.wait(4_000_000), Some(Duration::from_mins(1)));
    }
}
