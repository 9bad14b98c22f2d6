//! Rules of one namespace, compiled for look-ups.

mod by_address;
mod segments;

use std::net::IpAddr;

use promptgate_kernel::NetworkRuleId;

use crate::{Action, NetworkRule};

pub(crate) use by_address::ByAddress;

/// What is to happen to a client, and which rule says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// What is to happen.
    pub action: Action,
    /// The rule that says so; `None` where none is about the client.
    pub rule: Option<NetworkRuleId>,
}

/// The enabled rules of one namespace. They answer what [`evaluate`](crate::evaluate) answers, in a
/// few steps, however many rules there are and however they overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompiledRules {
    by_address: ByAddress,
    /// What the rules do, by rank. Nothing more is looked at of a client who may in.
    actions: Box<[Action]>,
    /// Which they are.
    ids: Box<[NetworkRuleId]>,
    default: Action,
}

impl CompiledRules {
    /// Compiles rules, which may come in any order; those that are switched off do not count. What none of
    /// them is about meets the default.
    pub fn compile<'a>(rules: impl IntoIterator<Item = &'a NetworkRule>, default: Action) -> Self {
        let mut rules: Vec<&NetworkRule> = rules.into_iter().filter(|rule| rule.enabled).collect();
        rules.sort_by_key(|rule| rule.turn());
        Self {
            by_address: ByAddress::new(rules.iter().map(|rule| &rule.address)),
            actions: rules.iter().map(|rule| rule.action).collect(),
            ids: rules.iter().map(|rule| rule.id).collect(),
            default,
        }
    }

    /// What is to happen to a client at this address. An IPv4 address in IPv6 is its IPv4 address, and
    /// both loopbacks are one.
    pub fn decide(&self, client: IpAddr) -> Decision {
        match self.by_address.first(client) {
            Some(rank) => Decision { action: self.actions[rank], rule: Some(self.ids[rank]) },
            None => Decision { action: self.default, rule: None },
        }
    }

    /// Whether a client at this address may in.
    pub(crate) fn let_in(&self, client: IpAddr) -> bool {
        self.by_address.first(client).map_or(self.default, |rank| self.actions[rank]) == Action::Allow
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
                prop_assert_eq!(compiled.let_in(client), plain.allowed(), "{}", client);
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
        assert_eq!(CompiledRules::compile(&rules, Action::Allow).by_address.segments_of_v4(), 202);
        rules.push(rule("10.0.0.0/8", 1, Action::Allow, true));
        let compiled = CompiledRules::compile(&rules, Action::Allow);
        assert_eq!(compiled.by_address.segments_of_v4(), 3, "what is never reached costs nothing");
    }
}
