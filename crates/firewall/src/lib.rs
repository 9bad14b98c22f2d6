//! Who may call from where.
//!
//! A [`NetworkRule`] lets an address or a range in, or keeps it out. Rules stand in a [`Namespace`]:
//! those of everybody, of one account, of one project, of one token. Within one, priorities are unique,
//! and the first rule that matches decides; [`evaluate`] says what comes of it. [`CompiledRules`] say the
//! same without looking at each rule, and a [`NetworkPolicy`] brings the namespaces of a call together.
//! The crate reads no request and keeps nothing; [`NetworkRuleRepository`] says what a store must do.
//!
//! IPv4 and IPv6 are alike: an IPv4 address in IPv6 is its IPv4 address, and both loopbacks are one.
//!
//! ```
//! use promptgate_firewall::{Action, NetworkRule, NewNetworkRule, Namespace, Priority, RuleAddress};
//! use promptgate_firewall::{client_address, evaluate};
//! use promptgate_kernel::Timestamp;
//!
//! let new = NewNetworkRule {
//!     address: RuleAddress::parse("10.0.0.0/8")?,
//!     description: "the office".to_owned(),
//!     priority: Priority::new(10)?,
//!     action: Action::Allow,
//!     enabled: true,
//! };
//! let id = "018f4e6e-0000-7000-8000-000000000001".parse().expect("a UUID");
//! let rules = [NetworkRule::create(id, Namespace::Global, new, Timestamp::default())];
//!
//! let verdict = evaluate(&rules, client_address("10.1.2.3:4711")?, Action::Deny);
//! assert!(verdict.allowed() && verdict.rule == Some(&rules[0]));
//! assert!(!evaluate(&rules, client_address("2001:db8::1")?, Action::Deny).allowed());
//! # Ok::<(), promptgate_firewall::InvalidNetworkRule>(())
//! ```

mod address;
mod admission;
mod compiled;
mod evaluate;
pub mod guardrails;
mod namespace;
mod priority;
mod repository;
mod rule;

pub use address::{RuleAddress, client_address};
pub use admission::{AddressDenied, CallScopes, NetworkPolicy};
pub use compiled::{CompiledRules, Decision};
pub use evaluate::{Verdict, evaluate};
pub use namespace::Namespace;
pub use priority::{Direction, Priority};
pub use repository::{NetworkRuleFilter, NetworkRuleRepository, NetworkRuleSort};
pub use rule::{Action, InvalidNetworkRule, NetworkRule, NetworkRuleChanges, NewNetworkRule};
