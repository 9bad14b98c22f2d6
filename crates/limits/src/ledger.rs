//! The ledger: counters of days, months and rolling windows, which usage events are charged to.
//!
//! What was used of them grows with the usage events that are recorded, once for each, and in no other
//! way. Until its event is recorded, what a call took stays held.

use chrono_tz::Tz;
use promptgate_kernel::{AccountId, EndpointId, GroupId, ProjectId, Timestamp, TokenId};

use crate::{Counter, Measure, Span, Subject, Window};

/// Everybody whose counters a call is charged to.
#[derive(Debug, Clone, Copy)]
pub struct Parties<'a> {
    /// The token that calls.
    pub token: TokenId,
    /// The tokens that it was minted under.
    pub above: &'a [TokenId],
    /// The project that is called.
    pub project: ProjectId,
    /// The AI endpoint that is called.
    pub endpoint: Option<EndpointId>,
    /// Who the token acts for.
    pub owner: Option<AccountId>,
    /// The access groups that the owner is in.
    pub groups: &'a [GroupId],
}

impl Parties<'_> {
    /// Each of them, once.
    pub fn subjects(&self) -> Vec<Subject> {
        let above = self.above.iter().filter(|above| **above != self.token).copied();
        let mut subjects = vec![Subject::Token(self.token), Subject::Project(self.project)];
        subjects.extend(above.map(Subject::Token));
        subjects.extend(self.endpoint.map(Subject::Endpoint));
        subjects.extend(self.owner.map(Subject::Owner));
        subjects.extend(self.groups.iter().copied().map(Subject::Group));
        if subjects.len() > 3 {
            subjects.sort_unstable();
            subjects.dedup();
        }
        subjects
    }
}

/// What a call took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spending {
    /// Tokens of text, all classes of them.
    pub tokens: u64,
    /// Nano-dollars.
    pub cost: u64,
}

impl Spending {
    /// How much that is in one measure; the ledger does not count requests.
    pub const fn of(self, measure: Measure) -> u64 {
        match measure {
            Measure::Tokens => self.tokens,
            Measure::Cost => self.cost,
            Measure::Requests => 0,
        }
    }

    /// Whether it took nothing.
    pub const fn is_none(self) -> bool {
        self.tokens == 0 && self.cost == 0
    }
}

/// What a call takes of one counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// Where the counter's window stood when the call arrived: it goes into that bucket.
    pub span: Span,
    /// How much.
    pub amount: u64,
}

impl Counter {
    /// Whether usage events are charged to it: tokens or money, of all models, in a day, a month or a
    /// rolling window. All others are told what was used of them by whoever took it.
    pub fn is_ledger(&self) -> bool {
        self.window.is_ledger() && self.model.is_none() && self.measure != Measure::Requests
    }

    /// Whether what is held counts as used when its holder is lost: nobody knows what became of it. Of the
    /// ledger's counters the events tell, and slots are free when nobody is in them.
    pub fn is_used_when_lost(&self) -> bool {
        self.window != Window::Now && !self.is_ledger()
    }

    /// What a call of one of its subject's [`Parties`] takes of it, by when the call arrived; `None` if that
    /// is nothing, or if it is none of the ledger's. Who reserves and who records find the same bucket so.
    pub fn charge(&self, spending: Spending, arrived: Timestamp, zone: Tz) -> Option<Charge> {
        let amount = spending.of(self.measure);
        let counts = amount > 0 && self.is_ledger();
        counts.then(|| Charge { span: self.window.span(arrived, zone), amount })
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::{Asia, UTC};
    use promptgate_kernel::testing::{SeededEntropy, TestClock};

    use super::*;

    fn counter(measure: Measure, window: Window) -> Counter {
        let token = TokenId::mint(&TestClock::at_millis(1), &SeededEntropy::new(1));
        Counter { subject: Subject::Token(token), model: None, measure, window }
    }

    #[test]
    fn everybody_is_charged_once() {
        let (clock, entropy) = (TestClock::at_millis(1), SeededEntropy::new(1));
        let [token, parent, root] = [(); 3].map(|()| TokenId::mint(&clock, &entropy));
        let project = ProjectId::mint(&clock, &entropy);
        let group = GroupId::mint(&clock, &entropy);
        let alone =
            Parties { token, above: &[], project, endpoint: None, owner: None, groups: &[] }.subjects();
        assert_eq!(alone, [Subject::Token(token), Subject::Project(project)]);
        let (endpoint, owner) = (EndpointId::mint(&clock, &entropy), AccountId::mint(&clock, &entropy));
        let all = Parties {
            token,
            above: &[parent, root, parent, token],
            project,
            endpoint: Some(endpoint),
            owner: Some(owner),
            groups: &[group, group],
        };
        let mut expected = [token, parent, root].map(Subject::Token).to_vec();
        expected.extend([Subject::Project(project), Subject::Endpoint(endpoint)]);
        expected.extend([Subject::Owner(owner), Subject::Group(group)]);
        expected.sort_unstable();
        assert_eq!(all.subjects(), expected);
    }

    #[test]
    fn tokens_and_money_of_long_windows_are_the_ledgers() {
        for window in Window::ALL {
            let is_long =
                matches!(window, Window::Day | Window::Month | Window::FiveHours | Window::SevenDays);
            for measure in [Measure::Tokens, Measure::Cost] {
                let counter = counter(measure, window);
                assert_eq!(counter.is_ledger(), is_long, "{counter}");
                assert_eq!(counter.is_used_when_lost(), !is_long && window != Window::Now, "{counter}");
                let of_a_model = Counter { model: Some("m".into()), ..counter };
                assert!(!of_a_model.is_ledger());
                assert_eq!(of_a_model.is_used_when_lost(), window != Window::Now);
            }
            assert!(!counter(Measure::Requests, window).is_ledger());
        }
    }

    #[test]
    fn a_charge_goes_where_the_call_arrived() {
        let spending = Spending { tokens: 7, cost: 0 };
        let at: Timestamp = "2026-11-22T18:14:59.999999Z".parse().unwrap();
        let charged = counter(Measure::Tokens, Window::Day).charge(spending, at, Asia::Kathmandu);
        let span = Window::Day.span(at, Asia::Kathmandu);
        assert_eq!(charged, Some(Charge { span, amount: 7 }));
        assert_eq!(span.until, "2026-11-22T18:15:00Z".parse().unwrap());
        assert_eq!(counter(Measure::Cost, Window::Day).charge(spending, at, UTC), None);
        assert_eq!(counter(Measure::Tokens, Window::Hour).charge(spending, at, UTC), None);
        assert!(!spending.is_none());
        assert!(Spending::default().is_none());
    }
}
