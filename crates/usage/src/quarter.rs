//! Quarters of an hour, by which what calls took is kept.

use promptgate_kernel::Timestamp;

const MICROS: i64 = 15 * 60 * 1_000_000;

/// A quarter of an hour in UTC. The days of every time zone begin with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quarter(i64);

impl Quarter {
    /// The quarter of an instant.
    pub const fn of(at: Timestamp) -> Self {
        Self(at.as_micros().div_euclid(MICROS))
    }

    /// When it begins.
    pub const fn starts_at(self) -> Timestamp {
        Timestamp::from_micros(self.0.saturating_mul(MICROS))
    }

    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_ends_with_its_last_microsecond() {
        let start = |text: &str| Quarter::of(text.parse().unwrap()).starts_at().to_string();
        assert_eq!(start("2024-02-29T23:59:59.999999Z"), "2024-02-29T23:45:00.000000Z");
        assert_eq!(start("2024-03-01T00:00:00Z"), "2024-03-01T00:00:00.000000Z");
        assert_eq!(start("1969-12-31T23:50:00Z"), "1969-12-31T23:45:00.000000Z");
        let quarter = Quarter::of("2024-02-29T23:59:59Z".parse().unwrap());
        assert_eq!(quarter.next().starts_at().to_string(), "2024-03-01T00:00:00.000000Z");
    }
}
