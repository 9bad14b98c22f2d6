//! How much may be repeated.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Thousandths of a repetition.
const WHOLE: u64 = 1_000;
/// What every call earns for each percent of the budget.
const PERCENT: u64 = WHOLE / 100;
/// What there always is after a while without repetitions, for those who call seldom.
const FLOOR: u64 = 3 * WHOLE;
/// How long one repetition of the floor takes to come back.
const FLOOR_PERIOD: Duration = Duration::from_secs(2);
/// What can be saved up, so that a good hour does not pay for a bad minute.
const MOST: u64 = 50 * WHOLE;

/// Bounds what repetitions add to a provider's load, whatever fails: to a part of its calls, and a
/// small floor.
#[derive(Debug)]
pub(super) struct RetryBudget {
    earned: u64,
    account: Mutex<Account>,
}

#[derive(Debug)]
struct Account {
    balance: u64,
    /// Since when the floor has come back.
    filled: Instant,
}

impl RetryBudget {
    /// A budget of so many repetitions in a hundred calls.
    pub(super) fn new(percent: u32, now: Instant) -> Self {
        Self {
            earned: u64::from(percent) * PERCENT,
            account: Mutex::new(Account { balance: FLOOR, filled: now }),
        }
    }

    /// A call was made that is no repetition.
    pub(super) fn earn(&self) {
        let mut account = self.account.lock().unwrap_or_else(PoisonError::into_inner);
        account.balance = (account.balance + self.earned).min(MOST);
    }

    /// Pays for a repetition, if it can be paid for.
    pub(super) fn spend(&self, now: Instant) -> bool {
        let mut account = self.account.lock().unwrap_or_else(PoisonError::into_inner);
        account.refill(now);
        let paid = account.balance >= WHOLE;
        if paid {
            account.balance -= WHOLE;
        }
        paid
    }
}

impl Account {
    fn refill(&mut self, now: Instant) {
        let period = FLOOR_PERIOD.as_millis();
        let periods = now.saturating_duration_since(self.filled).as_millis() / period;
        let periods = u32::try_from(periods).unwrap_or(u32::MAX);
        if self.balance < FLOOR {
            self.balance = (self.balance + u64::from(periods) * WHOLE).min(FLOOR);
        }
        self.filled += FLOOR_PERIOD.saturating_mul(periods);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_fifth_of_the_calls_may_be_repeated() {
        let now = Instant::now();
        let budget = RetryBudget::new(20, now);
        let mut repeated = 0;
        for _ in 0..1_000 {
            budget.earn();
            repeated += u32::from(budget.spend(now));
        }
        assert_eq!(repeated, 203);
    }

    #[test]
    fn who_calls_seldom_has_the_floor_again() {
        let start = Instant::now();
        let budget = RetryBudget::new(20, start);
        let spend = |at| (0..10).filter(|_| budget.spend(at)).count();
        assert_eq!(spend(start), 3);
        assert_eq!(spend(start + FLOOR_PERIOD), 1);
        assert_eq!(spend(start + Duration::from_hours(1)), 3);
    }

    #[test]
    fn savings_are_bounded() {
        let now = Instant::now();
        let budget = RetryBudget::new(20, now);
        (0..10_000).for_each(|_| budget.earn());
        assert_eq!((0..1_000).filter(|_| budget.spend(now)).count(), 50);
    }

    proptest! {
        /// Calls, repetitions and time in any order: never more than a fifth, the floor, and what of
        /// the floor came back.
        #[test]
        fn it_is_never_exceeded(steps in proptest::collection::vec(0..3_u8, 1..500)) {
            let start = Instant::now();
            let (mut now, mut calls, mut repeated) = (start, 0_u64, 0_u64);
            let budget = RetryBudget::new(20, start);
            for step in steps {
                match step {
                    0 => { budget.earn(); calls += 1; }
                    1 => repeated += u64::from(budget.spend(now)),
                    _ => now += Duration::from_millis(300),
                }
                let periods = (now - start).as_millis() / FLOOR_PERIOD.as_millis();
                let bound = FLOOR + 20 * PERCENT * calls + WHOLE * u64::try_from(periods).unwrap();
                prop_assert!(repeated * WHOLE <= bound);
            }
        }
    }
}
