//! What rules say of an address.

use std::net::IpAddr;

use crate::{Action, NetworkRule};

/// What is to happen to a client, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict<'a> {
    /// What is to happen.
    pub action: Action,
    /// The rule that says so; `None` where none is about the client.
    pub rule: Option<&'a NetworkRule>,
}

impl Verdict<'_> {
    /// Whether the client may in.
    pub fn allowed(&self) -> bool {
        self.action == Action::Allow
    }
}

/// What the rules of one namespace say of a client: the first enabled one that is about its address
/// decides, else the default. The rules may come in any order.
pub fn evaluate(rules: &[NetworkRule], client: IpAddr, default: Action) -> Verdict<'_> {
    let rule = rules
        .iter()
        .filter(|rule| rule.enabled && rule.address.matches(client))
        .min_by_key(|rule| rule.turn());
    Verdict { action: rule.map_or(default, |rule| rule.action), rule }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Namespace, NewNetworkRule, Priority, RuleAddress};
    use promptgate_kernel::Timestamp;
    use proptest::prelude::*;

    fn rule(address: &str, priority: i64, action: Action) -> NetworkRule {
        let new = NewNetworkRule {
            address: RuleAddress::parse(address).unwrap(),
            description: String::new(),
            priority: Priority::new(priority).unwrap(),
            action,
            enabled: true,
        };
        let id = format!("018f4e6e-0000-7000-8000-{priority:012}").parse().unwrap();
        NetworkRule::create(id, Namespace::Global, new, Timestamp::default())
    }

    #[test]
    fn the_first_that_matches_decides_and_switched_off_ones_do_not_count() {
        let mut rules = vec![
            rule("0.0.0.0/0", 100, Action::Deny),
            rule("10.0.0.0/8", 10, Action::Allow),
            rule("10.0.0.1", 5, Action::Deny),
        ];
        let decided = |rules: &[NetworkRule], client: &str| {
            let verdict = evaluate(rules, client.parse().unwrap(), Action::Allow);
            (verdict.allowed(), verdict.rule.map(|rule| rule.priority.number()))
        };
        assert_eq!(decided(&rules, "10.0.0.1"), (false, Some(5)));
        assert_eq!(decided(&rules, "10.0.0.2"), (true, Some(10)));
        assert_eq!(decided(&rules, "192.0.2.1"), (false, Some(100)));
        assert_eq!(decided(&rules, "2001:db8::1"), (true, None));
        rules[2].enabled = false;
        assert_eq!(decided(&rules, "10.0.0.1"), (true, Some(10)));
        assert_eq!(decided(&[], "10.0.0.1"), (true, None));
        assert!(!evaluate(&[], "10.0.0.1".parse().unwrap(), Action::Deny).allowed());
    }

    #[test]
    fn of_two_with_one_priority_the_older_one_decides_wherever_they_are_asked() {
        let id = |number: u8| format!("018f4e6e-0000-7000-8000-0000000000{number:02x}").parse().unwrap();
        let older = NetworkRule { id: id(1), ..rule("10.0.0.0/8", 10, Action::Deny) };
        let younger = NetworkRule { id: id(2), ..rule("10.0.0.1", 10, Action::Allow) };
        let client = "10.0.0.1".parse().unwrap();
        for rules in [[older.clone(), younger.clone()], [younger, older.clone()]] {
            assert_eq!(evaluate(&rules, client, Action::Allow).rule, Some(&older));
            let compiled = crate::CompiledRules::compile(&rules, Action::Allow);
            assert_eq!(compiled.decide(client).rule, Some(older.id));
        }
    }

    fn rules() -> impl Strategy<Value = Vec<NetworkRule>> {
        let one = (0u8..4, 0u8..=32, any::<bool>(), any::<bool>());
        proptest::collection::vec(one, 0..12).prop_map(|rows| {
            let rows = rows.into_iter().zip(1i64..);
            rows.map(|((last, bits, allow, enabled), priority)| {
                let action = if allow { Action::Allow } else { Action::Deny };
                NetworkRule { enabled, ..rule(&format!("192.0.2.{last}/{bits}"), priority, action) }
            })
            .collect()
        })
    }

    proptest! {
        #[test]
        fn the_order_they_are_given_in_does_not_matter(rules in rules(), last in 0u8..4) {
            let client = IpAddr::from([192, 0, 2, last]);
            let mut reversed = rules.clone();
            reversed.reverse();
            prop_assert_eq!(
                evaluate(&rules, client, Action::Deny).rule,
                evaluate(&reversed, client, Action::Deny).rule
            );
        }

        #[test]
        fn nothing_before_the_one_that_decides_is_about_the_client(rules in rules(), last in 0u8..4) {
            let client = IpAddr::from([192, 0, 2, last]);
            let verdict = evaluate(&rules, client, Action::Deny);
            let first = rules.iter().find(|rule| rule.enabled && rule.address.matches(client));
            prop_assert_eq!(verdict.rule, first);
            prop_assert_eq!(verdict.action, first.map_or(Action::Deny, |rule| rule.action));
        }

        #[test]
        fn who_is_decided_does_not_depend_on_the_form_of_the_address(rules in rules(), last in 0u8..4) {
            let plain = std::net::Ipv4Addr::new(192, 0, 2, last);
            prop_assert_eq!(
                evaluate(&rules, IpAddr::V4(plain), Action::Deny),
                evaluate(&rules, IpAddr::V6(plain.to_ipv6_mapped()), Action::Deny)
            );
        }
    }
}
