//! How a service is, and how that follows from what was seen.

use std::fmt;
use std::str::FromStr;

use promptgate_kernel::Timestamp;

use crate::MonitoredService;

const MAX_ERROR_BYTES: usize = 512;

/// Whether a service answers as expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Health {
    /// It does, or nobody has looked yet.
    #[default]
    Ok,
    /// It does not.
    Degraded,
}

/// A text that is no health.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither ok nor degraded")]
pub struct UnknownHealth(pub String);

impl Health {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Health {
    type Err = UnknownHealth;

    fn from_str(text: &str) -> Result<Self, UnknownHealth> {
        match text {
            "ok" => Ok(Self::Ok),
            "degraded" => Ok(Self::Degraded),
            other => Err(UnknownHealth(other.chars().take(64).collect())),
        }
    }
}

/// What is known about a service from looking at it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Condition {
    /// Whether it answers as expected.
    pub health: Health,
    /// When it was last looked at, or a look was begun.
    pub checked_at: Option<Timestamp>,
    /// The status of its last answer; `None` when there was none.
    pub status_code: Option<u16>,
    /// What was wrong, at most 512 bytes; blank when nothing was.
    pub error: String,
    /// How long the last look took, in milliseconds.
    pub latency_ms: u64,
    /// How many looks in a row found something wrong.
    pub consecutive_failures: u64,
}

/// What somebody who looked saw.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// The status of the answer; `None` when there was none.
    pub status_code: Option<u16>,
    /// Why there was no answer.
    pub error: String,
    /// How long it took, in milliseconds.
    pub latency_ms: u64,
}

/// What one look found. The number of failures in a row is counted where it is kept, so that looks
/// that end at once are all counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether it answers as expected.
    pub health: Health,
    /// When.
    pub checked_at: Timestamp,
    /// The status of the answer.
    pub status_code: Option<u16>,
    /// What is wrong, at most 512 bytes.
    pub error: String,
    /// How long it took, in milliseconds.
    pub latency_ms: u64,
}

impl Finding {
    /// What is known after it.
    #[must_use]
    pub fn after(self, before: &Condition) -> Condition {
        let consecutive_failures = match self.health {
            Health::Ok => 0,
            Health::Degraded => before.consecutive_failures.saturating_add(1),
        };
        Condition {
            health: self.health,
            checked_at: Some(self.checked_at),
            status_code: self.status_code,
            error: self.error,
            latency_ms: self.latency_ms,
            consecutive_failures,
        }
    }
}

impl MonitoredService {
    /// What a look that saw this found.
    pub fn finding(&self, seen: Seen, at: Timestamp) -> Finding {
        let expected = self.expected_status_code;
        let error = match seen.status_code {
            Some(code) if code == expected => String::new(),
            Some(code) => format!("expected HTTP {expected}, got {code}"),
            None if seen.error.trim().is_empty() => "there was no answer".to_owned(),
            None => cut(seen.error),
        };
        Finding {
            health: if error.is_empty() { Health::Ok } else { Health::Degraded },
            checked_at: at,
            status_code: seen.status_code,
            error,
            latency_ms: seen.latency_ms,
        }
    }
}

/// A text of at most 512 bytes, cut between two characters.
fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_ERROR_BYTES));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NewMonitoredService;
    use proptest::prelude::*;

    fn service(expected: u16) -> MonitoredService {
        let new = NewMonitoredService {
            name: "a".into(),
            url: "http://h".into(),
            expected_status_code: Some(i64::from(expected)),
            ..NewMonitoredService::default()
        };
        let id = "018f4e6e-0000-7000-8000-000000000001".parse().unwrap();
        MonitoredService::create(id, new, Timestamp::default()).unwrap()
    }

    fn seen(status_code: Option<u16>, error: &str) -> Seen {
        Seen { status_code, error: error.into(), latency_ms: 3 }
    }

    #[test]
    fn the_expected_status_is_ok_and_ends_the_row_of_failures() {
        let (service, at) = (service(204), Timestamp::from_micros(9));
        let failed = service.finding(seen(None, "refused"), at).after(&Condition::default());
        assert_eq!((failed.health, failed.status_code, &*failed.error), (Health::Degraded, None, "refused"));
        let failed = service.finding(seen(Some(200), ""), at).after(&failed);
        assert_eq!((failed.consecutive_failures, &*failed.error), (2, "expected HTTP 204, got 200"));
        let fine = service.finding(seen(Some(204), ""), at).after(&failed);
        assert_eq!((fine.health, fine.consecutive_failures, &*fine.error), (Health::Ok, 0, ""));
        assert_eq!((fine.checked_at, fine.latency_ms), (Some(at), 3));
        assert_eq!("ok".parse(), Ok(Health::Ok));
        assert!("fine".parse::<Health>().is_err());
    }

    proptest! {
        #[test]
        fn a_finding_is_ok_only_for_the_expected_status(
            expected in 100u16..600, status in proptest::option::of(100u16..600), error in ".{0,700}"
        ) {
            let finding = service(expected).finding(seen(status, &error), Timestamp::default());
            prop_assert_eq!(finding.health == Health::Ok, status == Some(expected));
            prop_assert_eq!(finding.error.is_empty(), status == Some(expected));
            prop_assert!(finding.error.len() <= 512);
        }
    }
}
