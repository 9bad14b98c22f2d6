//! What an account may use: which models, and how many tokens.
//!
//! A [`Group`] grants the models of some providers to its members, by patterns; the [`AccessRules`]
//! of an account are the compiled grants of all its groups and answer for a provider and for a model.
//! Whatever no group grants is denied, and nobody is above the rules. A [`Plan`] says how many tokens
//! its accounts have in five hours and in seven days; an account without a plan of its own has the
//! default one. The crate counts nothing and makes no calls; the repository traits say what a store
//! must do.
//!
//! ```
//! use promptgate_access::{AccessRule, AccessRules, Patterns, Providers};
//! use promptgate_kernel::ProviderId;
//! use std::sync::Arc;
//!
//! let openai: ProviderId = "018f4e6e-0000-7000-8000-000000000001".parse().expect("a UUID");
//! let allow = Patterns::parse(["^gpt-"]).expect("patterns");
//! let exclude = Patterns::parse(["preview"]).expect("patterns");
//! let rule = AccessRule::new(Providers::Some(vec![openai]), &allow, &exclude);
//! let rules = AccessRules::new(vec![Arc::new(rule)]);
//! assert!(rules.model_allowed(openai, "gpt-4o"));
//! assert!(!rules.model_allowed(openai, "gpt-5-preview"));
//! ```

mod access_rules;
mod group;
mod limits;
mod pattern;
mod plan;
mod repository;
mod standing;

pub use access_rules::{AccessRule, AccessRules};
pub use group::{Group, GroupChanges, InvalidGroup, NewGroup, Providers};
pub use pattern::{InvalidPattern, Patterns};
pub use plan::{InvalidPlan, NewPlan, Plan, PlanChanges};
pub use repository::{
    AccountPlan, GroupFilter, GroupRepository, GroupSort, ListedGroup, ListedPlan, Member, PlanFilter,
    PlanRepository, PlanSort,
};
pub use standing::{OwnNetworkRules, Standing, StandingRefused};
