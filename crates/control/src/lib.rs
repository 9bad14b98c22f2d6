//! The control plane: every change and query of it, one use case a file.
//!
//! A use case has a fixed silhouette: authorize, begin, load, decide, write, record, commit,
//! announce, answer. The change, its audit event and its revision commit together or not at all;
//! only then is it announced, and a lost announcement costs seconds, because listeners also poll.
//!
//! This is the only crate that opens a unit of work for writing configuration. It knows neither
//! HTTP nor SQL. Start at [`Control`], then at [`projects`], [`tokens`] and [`providers`].

pub mod accounts;
pub mod admin_keys;
pub mod aliases;
pub mod audit;
pub mod bootstrap;
pub mod calls;
pub mod catalog;
mod context;
pub mod costs;
pub mod credentials;
pub mod dead_letters;
mod destination;
pub mod drills;
pub mod endpoints;
pub mod evals;
pub mod faq;
pub mod groups;
pub mod guardrails;
pub mod introspection;
pub mod jobs;
mod journal;
pub mod keys;
pub mod limits;
pub mod mcp_servers;
mod members;
pub mod monitoring;
pub mod network_rules;
pub mod plans;
pub mod prices;
pub mod project_providers;
pub mod projects;
pub mod prompts;
pub mod providers;
pub mod replicas;
pub mod secrets;
pub mod setup;
pub mod setup_guides;
mod shown;
pub mod sign_in;
pub mod statistics;
pub mod switches;
pub mod templates;
pub mod tokens;
pub mod usage;

pub use context::Control;
pub use destination::{DestinationGuard, DestinationRefused};
