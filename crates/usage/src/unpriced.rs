//! Calls whose price nobody knows.

use promptgate_kernel::{Money, Timestamp};

use crate::{PriceBasis, TokenCounts, UsageEvent};

/// What a call lacks whose model has no price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PriceLack {
    /// It took tokens and cost nothing, and nobody said that it is free.
    NoCost,
    /// What it cost is an estimate by the fallback price.
    Estimated,
}

impl PriceLack {
    /// The name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoCost => "no_cost",
            Self::Estimated => "estimated",
        }
    }

    /// What is lacking of a call that took these tokens at this cost, by a price that was found so;
    /// nothing where its model has a price, and be it zero.
    pub fn of(counts: &TokenCounts, cost: Money, basis: &str) -> Option<Self> {
        let is_unknown = matches!(basis, "" | "none") || basis == PriceBasis::Fallback.as_str();
        if counts.total() == 0 || !is_unknown {
            None
        } else if cost <= Money::ZERO {
            Some(Self::NoCost)
        } else {
            Some(Self::Estimated)
        }
    }
}

impl UsageEvent {
    /// What it lacks of a price. An answer that was given again took nothing.
    pub fn price_lack(&self) -> Option<PriceLack> {
        if self.cache_hit { None } else { PriceLack::of(&self.tokens, self.cost, &self.price_basis) }
    }
}

/// What calls took of a model that has no price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnpricedModel {
    /// The provider's name; blank where none was asked.
    pub provider: String,
    /// The kind of provider; blank where it is not known.
    pub kind: String,
    /// The model, as the provider knows it; blank where none was asked.
    pub model: String,
    /// How many calls took tokens and cost nothing.
    pub calls: u64,
    /// How many tokens those took.
    pub tokens: u64,
    /// How many calls cost what is an estimate by the fallback price.
    pub estimated_calls: u64,
    /// What those were estimated to cost.
    pub estimated_cost: Money,
    /// The beginning of the day, in UTC, of the last one.
    pub last_on: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_without_a_cost_are_no_zero_unless_somebody_said_so() {
        let some = TokenCounts { output: 1, ..TokenCounts::default() };
        let cost = Money::from_nanos(1);
        for (counts, cost, basis, lack) in [
            (some, Money::ZERO, "none", Some(PriceLack::NoCost)),
            (some, Money::ZERO, "fallback", Some(PriceLack::NoCost)),
            (some, cost, "fallback", Some(PriceLack::Estimated)),
            (some, Money::ZERO, "exact", None),
            (some, Money::ZERO, "prefix", None),
            (some, Money::ZERO, "endpoint", None),
            (some, cost, "endpoint", None),
            (some, cost, "exact", None),
            (TokenCounts::default(), Money::ZERO, "none", None),
        ] {
            assert_eq!(PriceLack::of(&counts, cost, basis), lack, "{basis} {cost}");
        }
    }
}
