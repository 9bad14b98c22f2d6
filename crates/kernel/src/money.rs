//! Money and prices, in whole nano-dollars.

use std::fmt;

use serde::{Deserialize, Serialize};

const NANOS_PER_DOLLAR: i64 = 1_000_000_000;

/// An amount of US dollars in whole nano-dollars (10⁻⁹ USD).
///
/// The range is about ±9.2 billion dollars; arithmetic saturates at its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(i64);

impl Money {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// Wraps nano-dollars.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The amount in nano-dollars.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// The nearest amount to a number of dollars; `None` when it is not finite or out of range.
    pub fn from_dollars(dollars: f64) -> Option<Self> {
        let nanos = (dollars * 1e9).round();
        // 2^63 as f64 is exact; the comparison keeps the cast below in range.
        if !nanos.is_finite() || nanos.abs() >= 9_223_372_036_854_775_808.0 {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "checked to be in range above")]
        Some(Self(nanos as i64))
    }

    /// The amount as a JSON number of dollars. Exact to the nano-dollar below one million dollars.
    pub fn as_dollars(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "documented above")]
        let nanos = self.0 as f64;
        nanos / 1e9
    }

    /// The sum; saturates.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::iter::Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::plus)
    }
}

impl fmt::Display for Money {
    /// Plain decimal dollars without trailing zeros, at least two decimals: `0.00`, `0.0000125`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanos = self.0.unsigned_abs();
        let whole = nanos / NANOS_PER_DOLLAR.unsigned_abs();
        let (mut fraction, mut digits) = (nanos % NANOS_PER_DOLLAR.unsigned_abs(), 9);
        while digits > 2 && fraction.is_multiple_of(10) {
            (fraction, digits) = (fraction / 10, digits - 1);
        }
        write!(f, "{sign}{whole}.{fraction:0digits$}")
    }
}

/// A price per million units (tokens, unless said otherwise), in nano-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PricePerMillion(Money);

impl PricePerMillion {
    /// The price for a number of dollars per million; `None` when negative or out of range.
    pub fn from_dollars(dollars: f64) -> Option<Self> {
        Money::from_dollars(dollars).filter(|price| *price >= Money::ZERO).map(Self)
    }

    /// Wraps the price of a million units, as [`Self::as_money`] gave it.
    pub const fn from_money(price: Money) -> Self {
        Self(price)
    }

    /// The price of a million units, for storage.
    pub const fn as_money(self) -> Money {
        self.0
    }

    /// Dollars per million.
    pub fn as_dollars(self) -> f64 {
        self.0.as_dollars()
    }

    /// What `units` cost, rounded half up to the nano-dollar. Saturates.
    pub fn of(self, units: u64) -> Money {
        let total = (i128::from(self.0.as_nanos()) * i128::from(units) + 500_000).div_euclid(1_000_000);
        Money::from_nanos(i64::try_from(total).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shows_what_a_person_reads() {
        assert_eq!(Money::ZERO.to_string(), "0.00");
        assert_eq!(Money::from_nanos(12_500).to_string(), "0.0000125");
        assert_eq!(Money::from_nanos(-1_500_000_000).to_string(), "-1.50");
    }

    #[test]
    fn a_price_rounds_half_up_once() {
        let price = PricePerMillion(Money::from_nanos(500_000));
        assert_eq!(price.of(1), Money::from_nanos(1));
        let just_below = PricePerMillion(Money::from_nanos(499_999));
        assert_eq!(just_below.of(1), Money::ZERO);
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for wrong in [f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(Money::from_dollars(wrong), None);
        }
        assert_eq!(PricePerMillion::from_dollars(-0.01), None);
    }

    proptest! {
        #[test]
        fn cost_never_wraps_and_grows(price in 0i64..i64::MAX, units in any::<u64>()) {
            let price = PricePerMillion(Money::from_nanos(price));
            prop_assert!(price.of(units) >= Money::ZERO);
            prop_assert!(price.of(units.saturating_add(1)) >= price.of(units));
        }

        #[test]
        fn dollars_round_trip_below_a_million(nanos in -1_000_000_000_000_000i64..1_000_000_000_000_000) {
            let money = Money::from_nanos(nanos);
            prop_assert_eq!(Money::from_dollars(money.as_dollars()), Some(money));
        }
    }
}
