//! Small and large rules that are to cost the same.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use promptgate_firewall::guardrails::{AccessPolicy, IpAllowlistRule, TimeWindowRule};
use promptgate_firewall::{
    Action, CallScopes, CompiledRules, Namespace, NetworkPolicy, NetworkRule, NewNetworkRule, Priority,
    RuleAddress,
};
use promptgate_kernel::Timestamp;
use serde_json::json;

use super::bodies::Body;
use super::texts::{Dice, word};
use super::work::{Work, inspect};

/// How many clients ask.
const CLIENTS: u32 = 4096;

/// How many rules there can be in one namespace: each has a priority of its own.
const MOST_RULES: u32 = Priority::LAST as u32;

/// The same work by few rules and by many.
pub(super) struct Pair {
    pub(super) name: &'static str,
    pub(super) unit: Unit,
    pub(super) few: fn(Vec<Body>) -> Work,
    pub(super) many: fn(Vec<Body>) -> Work,
}

/// What a pass is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Client,
    Kib,
}

impl Unit {
    pub(super) fn of(self, kib: f64) -> f64 {
        match self {
            Self::Client => f64::from(CLIENTS),
            Self::Kib => kib,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Client => "look-up",
            Self::Kib => "KiB",
        }
    }
}

const fn pair(
    name: &'static str,
    unit: Unit,
    few: fn(Vec<Body>) -> Work,
    many: fn(Vec<Body>) -> Work,
) -> Pair {
    Pair { name, unit, few, many }
}

pub(super) const PAIRS: [Pair; 7] = [
    pair("network rules, 10 and 9,999", Unit::Client, |_| look_up(10), |_| look_up(MOST_RULES)),
    pair("network rules of a call, 10 and 9,999", Unit::Client, |_| admit(10), |_| admit(MOST_RULES)),
    pair("an allowlist of 10 and 10,000 ranges", Unit::Client, |_| allow(10), |_| allow(10_000)),
    pair("keywords alone, 50 and 5,000", Unit::Kib, |load| words(load, 50), |load| words(load, 5_000)),
    pair(
        "policy with keywords, 50 and 5,000",
        Unit::Kib,
        |load| words_and_more(load, 50),
        |load| words_and_more(load, 5_000),
    ),
    pair(
        "patterns that begin with letters, 1 and 100",
        Unit::Kib,
        |load| patterns(load, 1, |number| format!(r"\bACME{number:02}-\d{{6}}\b")),
        |load| patterns(load, 100, |number| format!(r"\bACME{number:02}-\d{{6}}\b")),
    ),
    pair(
        "patterns of nothing but classes, 1 and 100",
        Unit::Kib,
        |load| patterns(load, 1, |number| format!(r"\b[A-Z]{{2}}\d{{4}}[a-z]{{{}}}\b", number + 2)),
        |load| patterns(load, 100, |number| format!(r"\b[A-Z]{{2}}\d{{4}}[a-z]{{{}}}\b", number + 2)),
    ),
];

fn look_up(rules: u32) -> Work {
    let (rules, clients) = (CompiledRules::compile(&network_rules(rules), Action::Allow), clients());
    Box::new(move || {
        for client in &clients {
            black_box(rules.decide(*client));
        }
    })
}

fn admit(rules: u32) -> Work {
    let (policy, clients) = (NetworkPolicy::compile(network_rules(rules), []), clients());
    let project = identity(0);
    Box::new(move || {
        let scopes = CallScopes { own: None, project, tokens: &[] };
        for client in &clients {
            let _ = black_box(policy.admit(&scopes, *client));
        }
    })
}

fn allow(ranges: u32) -> Work {
    let listed = (0..ranges.div_ceil(MOST_RULES)).flat_map(|_| network_rules(ranges.min(MOST_RULES)));
    let cidrs = listed.map(|rule| rule.address.as_str().to_owned()).collect();
    let rule = IpAllowlistRule { enabled: Some(true), cidrs: Some(cidrs) };
    let (policy, clients) = (AccessPolicy::compile(&rule, &TimeWindowRule::default()), clients());
    Box::new(move || {
        for client in &clients {
            let _ = black_box(policy.check(Some(*client), Timestamp::default()));
        }
    })
}

/// Addresses and ranges of both families, all over them.
fn network_rules(count: u32) -> Vec<NetworkRule> {
    let mut dice = Dice::new(u64::from(count));
    let mut rule = |number: u32| {
        let address = if number.is_multiple_of(4) {
            let bits = (0x2001_0db8_u128 << 96) | (u128::from(dice.roll()) << 32);
            format!("{}/{}", Ipv6Addr::from_bits(bits), 48 + dice.below(64))
        } else {
            format!("{}/{}", v4(&mut dice), 16 + dice.below(17))
        };
        let new = NewNetworkRule {
            address: RuleAddress::parse(&address).expect("an address and a length are a range"),
            description: String::new(),
            priority: Priority::new(i64::from(number)).expect("there are more priorities than rules"),
            action: if dice.below(3) == 0 { Action::Deny } else { Action::Allow },
            enabled: true,
        };
        NetworkRule::create(identity(number), Namespace::Global, new, Timestamp::default())
    };
    (1..=count).map(&mut rule).collect()
}

fn clients() -> Vec<IpAddr> {
    let mut dice = Dice::new(7);
    let mut client = |number: u32| match number % 4 {
        0 => IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8_u128 << 96) | u128::from(dice.roll()))),
        _ => IpAddr::V4(v4(&mut dice)),
    };
    (0..CLIENTS).map(&mut client).collect()
}

fn v4(dice: &mut Dice) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::try_from(dice.below(1 << 32)).unwrap_or_default())
}

fn identity<T: std::str::FromStr>(number: u32) -> T {
    let identity = format!("018f4e6e-0000-7000-8000-{number:012}").parse().ok();
    identity.expect("it is written as a UUID is")
}

fn words(bodies: Vec<Body>, count: usize) -> Work {
    inspect(bodies, &json!({"keyword_blocklist": {"enabled": true, "words": list(count)}}))
}

fn words_and_more(bodies: Vec<Body>, count: usize) -> Work {
    let rules = json!({
        "pii_filter": {"enabled": true},
        "secret_scanner": {"enabled": true, "mode": "mask"},
        "keyword_blocklist": {"enabled": true, "words": list(count)},
    });
    inspect(bodies, &rules)
}

/// Different words.
fn list(count: usize) -> Vec<String> {
    let mut dice = Dice::new(11);
    let mut words = std::collections::BTreeSet::new();
    while words.len() < count {
        words.insert(word(&mut dice));
    }
    words.into_iter().collect()
}

fn patterns(bodies: Vec<Body>, count: u32, pattern: fn(u32) -> String) -> Work {
    let patterns: Vec<_> = (0..count)
        .map(|number| json!({"label": format!("Kind {number}"), "pattern": pattern(number)}))
        .collect();
    inspect(bodies, &json!({"pii_filter": {"enabled": true, "types": [], "custom_patterns": patterns}}))
}
