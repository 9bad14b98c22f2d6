//! When work is due.

use std::fmt;
use std::time::Duration;

use promptgate_kernel::Timestamp;

const DAY: Duration = Duration::from_hours(24);

/// When a job is due. The instants depend on nothing but the wall clock and the job's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cadence {
    /// Again and again after a span. Where in it depends on the job's name, so that jobs of one span do
    /// not all begin at once.
    Every(Duration),
    /// Once a day, this long after midnight UTC.
    Daily(Duration),
}

impl Cadence {
    /// The last instant at which the job was due, at `at` or before.
    pub fn tick(self, job: &str, at: Timestamp) -> Timestamp {
        let (span, phase) = self.grid(job);
        let since = at.as_micros().saturating_sub(phase);
        Timestamp::from_micros(at.as_micros().saturating_sub(since.rem_euclid(span)))
    }

    /// The first instant after `at` at which the job is due.
    pub fn next(self, job: &str, at: Timestamp) -> Timestamp {
        let (span, _) = self.grid(job);
        Timestamp::from_micros(self.tick(job, at).as_micros().saturating_add(span))
    }

    /// The span and where in it the instants are, in microseconds.
    fn grid(self, job: &str) -> (i64, i64) {
        match self {
            Self::Every(span) => {
                let span = micros(span).max(1);
                (span, i64::from(spread(job)).rem_euclid(span))
            }
            Self::Daily(after) => (micros(DAY), micros(after).rem_euclid(micros(DAY))),
        }
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// A number that belongs to a name (FNV-1a), the same in every process.
fn spread(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

impl fmt::Display for Cadence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(span) => write!(f, "every {}", Span(*span)),
            Self::Daily(after) => {
                let minutes = after.as_secs() % DAY.as_secs() / 60;
                write!(f, "daily at {:02}:{:02} UTC", minutes / 60, minutes % 60)
            }
        }
    }
}

/// A span in the units that people use.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, millis) = (self.0.as_secs(), self.0.subsec_millis());
        let parts = [(seconds / 3_600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
        for (number, unit) in parts.into_iter().filter(|(number, _)| *number > 0) {
            write!(f, "{number}{unit}")?;
        }
        if millis > 0 || seconds == 0 { write!(f, "{millis}ms") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_day_has_its_minute() {
        let at: Timestamp = "2026-03-01T04:29:59Z".parse().unwrap();
        let cadence = Cadence::Daily(Duration::from_mins(4 * 60 + 30));
        assert_eq!(cadence.tick("a", at), "2026-02-28T04:30:00Z".parse().unwrap());
        assert_eq!(cadence.next("b", at), "2026-03-01T04:30:00Z".parse().unwrap());
        assert_eq!(cadence.to_string(), "daily at 04:30 UTC");
    }

    #[test]
    fn spans_are_said_in_units_of_people() {
        for (millis, text) in
            [(90_000, "1m30s"), (10_000, "10s"), (5_400_000, "1h30m"), (0, "0ms"), (250, "250ms")]
        {
            assert_eq!(Cadence::Every(Duration::from_millis(millis)).to_string(), format!("every {text}"));
        }
    }

    #[test]
    fn jobs_of_one_span_do_not_begin_at_once() {
        let hourly = Cadence::Every(Duration::from_hours(1));
        let at = Timestamp::from_micros(1_700_000_000_000_000);
        assert_ne!(hourly.tick("prune_usage", at), hourly.tick("prune_audit", at));
    }

    proptest! {
        #[test]
        fn everybody_agrees_on_the_instants(span in 1u64..100_000_000_000, at in 0i64..4_000_000_000_000_000, name in "[a-z]{1,8}") {
            let cadence = Cadence::Every(Duration::from_micros(span));
            let now = Timestamp::from_micros(at);
            let (tick, next) = (cadence.tick(&name, now), cadence.next(&name, now));
            prop_assert!(tick <= now && now < next);
            prop_assert_eq!(next.since(tick), Duration::from_micros(span));
            prop_assert_eq!(cadence.tick(&name, tick), tick);
            prop_assert_eq!(cadence.tick(&name, next), next);
        }
    }
}
