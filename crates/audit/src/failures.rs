//! Failures of strangers, counted until somebody writes them down.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use promptgate_kernel::{ProjectId, Timestamp, TokenId};

/// How many addresses are told apart between two looks, and how many tokens. What others do is counted
/// together, so that nobody fills the memory or the log with invented addresses.
const CULPRITS: usize = 100;
/// Whoever has one address of IPv6 has all that begin with so many of its bits.
const NETWORK_BITS: u32 = 64;

/// Something that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Failure {
    /// The action that is recorded, such as `auth.token_invalid`.
    pub action: &'static str,
    /// Why, in one word.
    pub reason: &'static str,
    /// By whom.
    pub by: Culprit,
}

/// Who was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Culprit {
    /// Somebody at this address; of IPv6, anywhere in its [network](Self::network). `None` where it is
    /// not known, or there were too many.
    Address(Option<IpAddr>),
    /// Whoever has this token.
    Token {
        /// The token.
        id: TokenId,
        /// Its project.
        project: ProjectId,
    },
    /// Whoever has this token, at this address, or in its [network](Self::network).
    TokenAt {
        /// The token.
        id: TokenId,
        /// Its project.
        project: ProjectId,
        /// Where.
        address: IpAddr,
    },
}

impl Culprit {
    /// Who is counted: an address of IPv6 is the first one of its network, since whoever has one has
    /// more of them than there are of IPv4.
    #[must_use]
    fn counted(self) -> Self {
        match self {
            Self::Address(Some(address)) => Self::Address(Some(first_of_network(address))),
            Self::TokenAt { id, project, address } => {
                Self::TokenAt { id, project, address: first_of_network(address) }
            }
            Self::Address(None) | Self::Token { .. } => self,
        }
    }

    /// The network of an address of IPv6, such as `2001:db8::/64`.
    pub fn network(self) -> Option<String> {
        match self.counted() {
            Self::Address(Some(IpAddr::V6(first))) | Self::TokenAt { address: IpAddr::V6(first), .. } => {
                Some(format!("{first}/{NETWORK_BITS}"))
            }
            Self::Address(_) | Self::Token { .. } | Self::TokenAt { .. } => None,
        }
    }

    /// The token, where it is known, and its project.
    pub const fn token(self) -> Option<(TokenId, ProjectId)> {
        match self {
            Self::Token { id, project } | Self::TokenAt { id, project, .. } => Some((id, project)),
            Self::Address(_) => None,
        }
    }

    const fn is_token(self) -> bool {
        self.token().is_some()
    }
}

/// The first address of the network of an address of IPv6; one of IPv4 is itself.
fn first_of_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() >> NETWORK_BITS << NETWORK_BITS;
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        address @ IpAddr::V4(_) => address,
    }
}

/// How often something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// How often.
    pub count: u64,
    /// When for the first time.
    pub first: Timestamp,
    /// When for the last time.
    pub last: Timestamp,
    /// From where for the last time.
    pub address: Option<IpAddr>,
}

/// Counts failures by who failed. It takes a bounded room, whoever fails how often.
#[derive(Debug, Default)]
pub struct FailureCounts {
    counts: Mutex<HashMap<Failure, Tally>>,
}

impl FailureCounts {
    /// Counts a failure that came from an address.
    pub fn note(&self, failure: Failure, address: Option<IpAddr>, at: Timestamp) {
        self.add(failure, Tally { count: 1, first: at, last: at, address });
    }

    /// Counts what was counted before and could not be written down.
    pub fn put_back(&self, counted: impl IntoIterator<Item = (Failure, Tally)>) {
        for (failure, tally) in counted {
            self.add(failure, tally);
        }
    }

    /// Takes what was counted, in a definite order; counting begins anew.
    pub fn take(&self) -> Vec<(Failure, Tally)> {
        let mut taken: Vec<_> = std::mem::take(&mut *self.lock()).into_iter().collect();
        taken.sort_by_key(|(failure, tally)| (tally.first, failure.action, failure.reason, tally.address));
        taken
    }

    fn add(&self, mut failure: Failure, mut tally: Tally) {
        failure.by = failure.by.counted();
        match failure.by {
            Culprit::Address(address) => tally.address = address,
            Culprit::TokenAt { address, .. } => tally.address = Some(address),
            Culprit::Token { .. } => {}
        }
        let mut counts = self.lock();
        if !counts.contains_key(&failure) {
            let alike = |known: &&Failure| known.by.is_token() == failure.by.is_token();
            if counts.keys().filter(alike).count() >= CULPRITS {
                failure.by = Culprit::Address(None);
                tally.address = None;
            }
        }
        counts
            .entry(failure)
            .and_modify(|known| {
                known.count = known.count.saturating_add(tally.count);
                known.first = known.first.min(tally.first);
                known.last = known.last.max(tally.last);
                known.address = tally.address;
            })
            .or_insert(tally);
    }

    /// Nothing panics while it is held; a count is whole at any time.
    fn lock(&self) -> MutexGuard<'_, HashMap<Failure, Tally>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn failure(by: Culprit) -> Failure {
        Failure { action: "auth.token_invalid", reason: "unknown", by }
    }

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn the_same_are_counted_together_and_what_is_taken_is_gone() {
        let counts = FailureCounts::default();
        let address = Some(IpAddr::from([127, 0, 0, 1]));
        let known = failure(Culprit::Address(address));
        for micros in [2, 1, 3] {
            counts.note(known, address, at(micros));
        }
        counts.note(Failure { reason: "malformed", ..known }, address, at(9));
        let taken = counts.take();
        let tally = Tally { count: 3, first: at(1), last: at(3), address };
        assert_eq!((taken.len(), taken[0]), (2, (known, tally)));
        assert!(counts.take().is_empty());
        counts.put_back(taken);
        counts.note(known, address, at(5));
        assert_eq!(counts.take()[0].1.count, 4);
    }

    #[test]
    fn however_many_fail_the_room_is_bounded() {
        let counts = FailureCounts::default();
        for number in 0..5_000u32 {
            let address = Some(IpAddr::from(number.to_be_bytes()));
            counts.note(failure(Culprit::Address(address)), address, at(1));
        }
        let clock = promptgate_kernel::testing::TestClock::at_millis(1);
        let entropy = promptgate_kernel::testing::SeededEntropy::new(1);
        for _ in 0..CULPRITS + 5 {
            let id = TokenId::mint(&clock, &entropy);
            let by = Culprit::Token { id, project: ProjectId::mint(&clock, &entropy) };
            counts.note(failure(by), Some(IpAddr::from([127, 0, 0, 1])), at(1));
        }
        let taken = counts.take();
        assert_eq!(taken.len(), 2 * CULPRITS + 1);
        let tokens = taken.iter().filter(|(failure, _)| failure.by.is_token()).count();
        assert_eq!(tokens, CULPRITS, "strangers do not hide tokens");
        let rest = taken.iter().find(|(failure, _)| failure.by == Culprit::Address(None)).unwrap();
        assert_eq!((rest.1.count, rest.1.address), (5_000 - 100 + 5, None));
        assert_eq!(taken.iter().map(|(_, tally)| tally.count).sum::<u64>(), 5_000 + 105);
    }

    #[test]
    fn a_token_at_many_addresses_is_told_apart_by_them_within_the_same_bounds() {
        let counts = FailureCounts::default();
        let clock = promptgate_kernel::testing::TestClock::at_millis(1);
        let entropy = promptgate_kernel::testing::SeededEntropy::new(1);
        let (id, project) = (TokenId::mint(&clock, &entropy), ProjectId::mint(&clock, &entropy));
        let note = |address: IpAddr| {
            counts.note(failure(Culprit::TokenAt { id, project, address }), Some(address), at(1));
        };
        for host in [1u16, 2, 3] {
            note(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, host]));
        }
        note(IpAddr::from([192, 0, 2, 7]));
        let taken = counts.take();
        assert_eq!(taken.iter().map(|(_, tally)| tally.count).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(taken[1].0.by.network().as_deref(), Some("2001:db8::/64"));
        assert!(taken.iter().all(|(failure, _)| failure.by.token() == Some((id, project))));
        for number in 0..5_000u32 {
            note(IpAddr::from(number.to_be_bytes()));
        }
        assert_eq!(counts.take().len(), CULPRITS + 1);
    }

    #[test]
    fn one_network_of_ipv6_is_one_culprit() {
        let counts = FailureCounts::default();
        let note = |address: &str| {
            let address = Some(address.parse::<IpAddr>().unwrap());
            counts.note(failure(Culprit::Address(address)), address, at(1));
        };
        for host in 0..3_000 {
            note(&format!("2001:db8:1:2:{host:x}::1"));
        }
        note("2001:db8:1:3::1");
        note("::ffff:192.0.2.7");
        note("192.0.2.7");
        let taken = counts.take();
        let mut seen: Vec<_> = taken
            .iter()
            .map(|(failure, tally)| (tally.count, tally.address.unwrap().to_string(), failure.by.network()))
            .collect();
        seen.sort();
        let network = |text: &str| Some(text.to_owned());
        assert_eq!(
            seen,
            [
                (1, "2001:db8:1:3::".to_owned(), network("2001:db8:1:3::/64")),
                (2, "192.0.2.7".to_owned(), None),
                (3_000, "2001:db8:1:2::".to_owned(), network("2001:db8:1:2::/64")),
            ]
        );
    }
}
