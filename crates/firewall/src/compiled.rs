//! Rules of one namespace, compiled for look-ups.

use std::collections::BTreeSet;
use std::net::IpAddr;

use promptgate_kernel::NetworkRuleId;

use crate::address::canonical;
use crate::{Action, NetworkRule};

/// No rule is about the addresses of a segment.
const NOBODY: u32 = u32::MAX;

/// What is to happen to a client, and which rule says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// What is to happen.
    pub action: Action,
    /// The rule that says so; `None` where none is about the client.
    pub rule: Option<NetworkRuleId>,
}

/// The enabled rules of one namespace: all addresses, cut into segments that one rule each decides, or
/// none. It answers what [`evaluate`](crate::evaluate) answers, by one binary search, however many rules
/// there are and however they overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompiledRules {
    v4: Segments<u32>,
    v6: Segments<u128>,
    /// By priority.
    deciders: Box<[(NetworkRuleId, Action)]>,
    default: Action,
}

impl CompiledRules {
    /// Compiles rules, which may come in any order; those that are switched off do not count. What none of
    /// them is about meets the default.
    pub fn compile<'a>(rules: impl IntoIterator<Item = &'a NetworkRule>, default: Action) -> Self {
        let mut rules: Vec<&NetworkRule> = rules.into_iter().filter(|rule| rule.enabled).collect();
        rules.sort_by_key(|rule| rule.priority);
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (rank, rule) in (0..NOBODY).zip(&rules) {
            for range in rule.address.ranges() {
                match range {
                    (IpAddr::V4(first), IpAddr::V4(last)) => v4.push((first.to_bits(), last.to_bits(), rank)),
                    (IpAddr::V6(first), IpAddr::V6(last)) => v6.push((first.to_bits(), last.to_bits(), rank)),
                    (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {
                        unreachable!("both ends of a range are of one family")
                    }
                }
            }
        }
        Self {
            v4: Segments::cut(&v4, 0, |last| last.checked_add(1)),
            v6: Segments::cut(&v6, 0, |last| last.checked_add(1)),
            deciders: rules.iter().map(|rule| (rule.id, rule.action)).collect(),
            default,
        }
    }

    /// What is to happen to a client at this address. An IPv4 address in IPv6 is its IPv4 address, and
    /// both loopbacks are one.
    pub fn decide(&self, client: IpAddr) -> Decision {
        let rank = match canonical(client) {
            IpAddr::V4(client) => self.v4.at(client.to_bits()),
            IpAddr::V6(client) => self.v6.at(client.to_bits()),
        };
        match self.deciders.get(rank as usize) {
            Some((rule, action)) => Decision { action: *action, rule: Some(*rule) },
            None => Decision { action: self.default, rule: None },
        }
    }

    /// Whether nothing can be refused: no rule counts, and the default lets everybody in.
    pub fn lets_all_in(&self) -> bool {
        self.default == Action::Allow && self.deciders.iter().all(|(_, action)| *action == Action::Allow)
    }
}

/// Neighbouring segments; each reaches to the start of the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Segments<N> {
    /// Where they start; the first one at zero.
    starts: Box<[N]>,
    /// The rank of the rule that decides each.
    ranks: Box<[u32]>,
}

impl<N: Copy + Ord> Segments<N> {
    /// Cuts ranges, each with the rank of its rule, where another rule begins to decide.
    fn cut(ranges: &[(N, N, u32)], zero: N, next: impl Fn(N) -> Option<N>) -> Self {
        let begins = ranges.iter().map(|(first, _, rank)| (*first, *rank, true));
        let ends = ranges.iter().filter_map(|(_, last, rank)| Some((next(*last)?, *rank, false)));
        let mut edges: Vec<(N, u32, bool)> = begins.chain(ends).collect();
        edges.sort_unstable();
        let (mut starts, mut ranks) = (vec![zero], vec![NOBODY]);
        // A rule may have two ranges, but none of them overlap.
        let mut open = BTreeSet::new();
        for edges in edges.chunk_by(|one, other| one.0 == other.0) {
            for (_, rank, begins) in edges {
                if *begins {
                    open.insert(*rank);
                } else {
                    open.remove(rank);
                }
            }
            let (here, rank) = (edges[0].0, open.first().copied().unwrap_or(NOBODY));
            if starts.last() == Some(&here) {
                ranks.pop();
                ranks.push(rank);
            } else if ranks.last() != Some(&rank) {
                starts.push(here);
                ranks.push(rank);
            }
        }
        Self { starts: starts.into(), ranks: ranks.into() }
    }

    /// The rank of the rule that decides here; one that no rule has where none does.
    fn at(&self, position: N) -> u32 {
        let behind = self.starts.partition_point(|start| *start <= position);
        self.ranks[behind - 1]
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use promptgate_kernel::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::{Namespace, NewNetworkRule, Priority, RuleAddress, evaluate};

    fn rule(address: &str, priority: i64, action: Action, enabled: bool) -> NetworkRule {
        let new = NewNetworkRule {
            address: RuleAddress::parse(address).unwrap(),
            description: String::new(),
            priority: Priority::new(priority).unwrap(),
            action,
            enabled,
        };
        let id = format!("018f4e6e-0000-7000-8000-{priority:012}").parse().unwrap();
        NetworkRule::create(id, Namespace::Global, new, Timestamp::default())
    }

    /// Few bits differ, so that ranges nest, touch and meet clients; some are about both families' loopback.
    fn address() -> impl Strategy<Value = String> {
        let v4 = (0u32..64, prop_oneof![Just(0u32), Just(0x7f00_0000), Just(0xffff_ffc0)], 20u8..=32);
        let v6 = (0u128..64, prop_oneof![Just(0u128), Just(0x2001_0db8_u128 << 96), Just(u128::MAX - 63)]);
        let mapped = (0u32..64, 96u8..=128);
        prop_oneof![
            v4.prop_map(|(low, high, bits)| format!("{}/{bits}", Ipv4Addr::from_bits(low | high))),
            (v6, 110u8..=128)
                .prop_map(|((low, high), bits)| format!("{}/{bits}", Ipv6Addr::from_bits(low | high))),
            mapped.prop_map(|(low, bits)| {
                format!("{}/{bits}", Ipv4Addr::from_bits(low | 0x7f00_0000).to_ipv6_mapped())
            }),
            Just("::1".to_owned()),
            Just("::/0".to_owned()),
            Just("0.0.0.0/0".to_owned()),
        ]
    }

    fn client() -> impl Strategy<Value = IpAddr> {
        let v4 = (0u32..80, prop_oneof![Just(0u32), Just(0x7f00_0000), Just(0xffff_ffb0)]);
        let v6 = (0u128..80, prop_oneof![Just(0u128), Just(0x2001_0db8_u128 << 96), Just(u128::MAX - 79)]);
        prop_oneof![
            v4.clone().prop_map(|(low, high)| IpAddr::V4(Ipv4Addr::from_bits(low + high))),
            v4.prop_map(|(low, high)| IpAddr::V6(Ipv4Addr::from_bits(low + high).to_ipv6_mapped())),
            v6.prop_map(|(low, high)| IpAddr::V6(Ipv6Addr::from_bits(low + high))),
        ]
    }

    fn rules() -> impl Strategy<Value = Vec<NetworkRule>> {
        let one = (address(), any::<bool>(), prop::bool::weighted(0.8));
        let rules = proptest::collection::vec(one, 0..24).prop_map(|rows| {
            let rows = rows.into_iter().zip(1i64..).map(|((address, allow, enabled), priority)| {
                rule(&address, priority, if allow { Action::Allow } else { Action::Deny }, enabled)
            });
            rows.collect::<Vec<_>>()
        });
        rules.prop_shuffle()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]
        #[test]
        fn it_says_what_the_plain_list_says(
            rules in rules(),
            clients in proptest::collection::vec(client(), 1..24),
            allow: bool,
        ) {
            let default = if allow { Action::Allow } else { Action::Deny };
            let compiled = CompiledRules::compile(&rules, default);
            for client in clients {
                let plain = evaluate(&rules, client, default);
                let expected = Decision { action: plain.action, rule: plain.rule.map(|rule| rule.id) };
                prop_assert_eq!(compiled.decide(client), expected, "{}", client);
            }
        }
    }

    #[test]
    fn both_ends_of_all_addresses_are_covered() {
        let rules = [
            rule("255.255.255.255", 1, Action::Deny, true),
            rule("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 2, Action::Deny, true),
            rule("0.0.0.0", 3, Action::Deny, true),
            rule("::", 4, Action::Deny, true),
        ];
        let compiled = CompiledRules::compile(&rules, Action::Allow);
        for (client, rank) in [
            ("255.255.255.255", Some(0)),
            ("255.255.255.254", None),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some(1)),
            ("0.0.0.0", Some(2)),
            ("0.0.0.1", None),
            ("::", Some(3)),
            ("::2", None),
        ] {
            let decision = compiled.decide(client.parse().unwrap());
            assert_eq!(decision.rule, rank.map(|rank: usize| rules[rank].id), "{client}");
        }
    }

    #[test]
    fn neighbours_of_one_rule_are_one_segment() {
        let mut rules: Vec<_> =
            (1..=200).map(|at| rule(&format!("10.0.0.{at}"), at + 1, Action::Deny, true)).collect();
        assert_eq!(CompiledRules::compile(&rules, Action::Allow).v4.starts.len(), 202);
        rules.push(rule("10.0.0.0/8", 1, Action::Allow, true));
        let compiled = CompiledRules::compile(&rules, Action::Allow);
        assert_eq!(compiled.v4.starts.len(), 3, "what is never reached costs nothing");
        assert!(!compiled.lets_all_in());
        assert!(CompiledRules::compile([], Action::Allow).lets_all_in());
        assert!(!CompiledRules::compile([], Action::Deny).lets_all_in());
    }
}
