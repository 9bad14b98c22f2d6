//! How long a look-up takes with ten network rules and with ten thousand:
//! `cargo run --release -p promptgate-firewall --example lookup`.
#![expect(clippy::print_stdout, reason = "it is for reading")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use promptgate_firewall::{
    Action, CompiledRules, Namespace, NetworkRule, NewNetworkRule, Priority, RuleAddress, evaluate,
};
use promptgate_kernel::{NetworkRuleId, Timestamp};

const LOOKUPS: u32 = 2_000_000;

fn rules(count: u32) -> Vec<NetworkRule> {
    let rule = |number: u32| {
        // Spread over all addresses, as blocklists are.
        let first = Ipv4Addr::from_bits(number.wrapping_mul(0x9e37_79b1));
        let new = NewNetworkRule {
            address: RuleAddress::parse(&format!("{first}/{}", 24 + number % 9)).expect("a range"),
            description: String::new(),
            priority: Priority::new(i64::from(number % 9_999) + 1).expect("a priority"),
            action: if number.is_multiple_of(3) { Action::Allow } else { Action::Deny },
            enabled: true,
        };
        let id: NetworkRuleId = format!("018f4e6e-0000-7000-8000-{number:012}").parse().expect("a UUID");
        NetworkRule::create(id, Namespace::Global, new, Timestamp::default())
    };
    (1..=count).map(rule).collect()
}

/// Nanoseconds for each look-up, of clients all over.
fn measure(lookups: u32, mut decide: impl FnMut(IpAddr)) -> f64 {
    let begun = Instant::now();
    let mut client = 1u32;
    for _ in 0..lookups {
        client = client.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        decide(IpAddr::V4(Ipv4Addr::from_bits(client)));
    }
    begun.elapsed().as_secs_f64() * 1e9 / f64::from(lookups)
}

fn main() {
    for count in [10, 100, 1_000, 10_000] {
        let rules = rules(count);
        let begun = Instant::now();
        let compiled = CompiledRules::compile(&rules, Action::Deny);
        let compiling = begun.elapsed();
        let compiled = measure(LOOKUPS, |client| {
            black_box(compiled.decide(black_box(client)));
        });
        let plain = measure(LOOKUPS / count, |client| {
            black_box(evaluate(&rules, black_box(client), Action::Deny));
        });
        println!(
            "{count:>6} rules: {compiled:>6.1} ns compiled, {plain:>9.1} ns one by one, compiled in {compiling:?}"
        );
    }
}
