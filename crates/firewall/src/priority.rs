//! The order of rules.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::InvalidNetworkRule;

/// When a rule's turn is among those of its namespace; smaller ones come earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Priority(u16);

/// Which way a rule is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// To the next larger number: its turn comes later.
    Increase,
    /// To the next smaller number: its turn comes earlier.
    Decrease,
}

impl Priority {
    /// The earliest.
    pub const FIRST: u16 = 1;
    /// The latest.
    pub const LAST: u16 = 9_999;

    /// Takes a number from 1 to 9999.
    pub fn new(number: i64) -> Result<Self, InvalidNetworkRule> {
        u16::try_from(number)
            .ok()
            .filter(|number| (Self::FIRST..=Self::LAST).contains(number))
            .map(Self)
            .ok_or(InvalidNetworkRule::Priority)
    }

    /// The number.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// The priority beside this one; the first one has none before it, the last one none after it.
    pub fn moved(self, direction: Direction) -> Result<Self, InvalidNetworkRule> {
        let step = match direction {
            Direction::Increase => 1,
            Direction::Decrease => -1,
        };
        Self::new(i64::from(self.0) + step)
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Direction {
    /// Reads `increase` or `decrease`.
    pub fn parse(text: &str) -> Result<Self, InvalidNetworkRule> {
        match text {
            "increase" => Ok(Self::Increase),
            "decrease" => Ok(Self::Decrease),
            _ => Err(InvalidNetworkRule::Direction),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_move_is_one_step_and_stays_in_range() {
        let at = |number| Priority::new(number).unwrap();
        assert_eq!(at(10).moved(Direction::Decrease), Ok(at(9)));
        assert_eq!(at(9_998).moved(Direction::Increase), Ok(at(9_999)));
        assert_eq!(at(1).moved(Direction::Decrease), Err(InvalidNetworkRule::Priority));
        assert_eq!(at(9_999).moved(Direction::Increase), Err(InvalidNetworkRule::Priority));
        assert_eq!(Direction::parse("up"), Err(InvalidNetworkRule::Direction));
    }

    proptest! {
        #[test]
        fn only_numbers_in_range_are_taken(number in prop_oneof![any::<i64>(), -5i64..10_005]) {
            let taken = Priority::new(number).map(|priority| i64::from(priority.number()));
            let expected = if (1..=9_999).contains(&number) { Ok(number) } else { Err(InvalidNetworkRule::Priority) };
            prop_assert_eq!(taken, expected);
        }

        #[test]
        fn a_move_there_and_back_changes_nothing(number in 1i64..9_999) {
            let here = Priority::new(number).unwrap();
            let there = here.moved(Direction::Increase).unwrap();
            prop_assert_eq!(there.moved(Direction::Decrease), Ok(here));
        }
    }
}
