//! Days, as statistics count them.

use std::fmt;

use promptgate_kernel::Timestamp;

const MICROS: i64 = 86_400_000_000;

/// A day in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

impl Day {
    /// The day of an instant.
    pub const fn of(at: Timestamp) -> Self {
        Self(at.as_micros().div_euclid(MICROS))
    }

    /// The day that many after 1 January 1970.
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// How many days after 1 January 1970 it is.
    pub const fn number(self) -> i64 {
        self.0
    }

    /// Its midnight, with which it begins; the end of time for a day that lies behind it.
    pub const fn starts_at(self) -> Timestamp {
        Timestamp::from_micros(self.0.saturating_mul(MICROS))
    }

    /// The day so many days earlier.
    #[must_use]
    pub const fn back(self, days: i64) -> Self {
        Self(self.0.saturating_sub(days))
    }

    /// The day after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// As the wire has it: `2026-02-28`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = self.starts_at().to_string();
        f.write_str(instant.split('T').next().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_with_its_last_microsecond() {
        let day = |text: &str| Day::of(text.parse().unwrap()).to_string();
        assert_eq!(day("2024-02-29T23:59:59.999999Z"), "2024-02-29");
        assert_eq!(day("2024-03-01T00:00:00Z"), "2024-03-01");
        assert_eq!(day("2024-03-01T00:30:00+01:00"), "2024-02-29");
        assert_eq!(day("1969-12-31T23:59:59.999999Z"), "1969-12-31");
    }

    #[test]
    fn days_follow_each_other() {
        let day = Day::of("2024-03-01T12:00:00Z".parse().unwrap());
        assert_eq!((day.back(1).to_string(), day.back(1).next()), ("2024-02-29".to_owned(), day));
        assert_eq!(Day::from_number(day.number()), day);
        assert_eq!(day.starts_at().to_string(), "2024-03-01T00:00:00.000000Z");
    }
}
