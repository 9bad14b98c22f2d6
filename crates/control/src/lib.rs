//! The control plane: every change and query of it, one use case a file.
//!
//! A use case has a fixed silhouette: authorize, begin, load, decide, write, record, commit,
//! announce, answer. The change, its audit event and its revision commit together or not at all;
//! only then is it announced, and a lost announcement costs seconds, because listeners also poll.
//!
//! This is the only crate that opens a unit of work for writing configuration. It knows neither
//! HTTP nor SQL. Start at [`Control`], then at [`projects`], [`tokens`] and [`providers`].

pub mod aliases;
pub mod bootstrap;
pub mod calls;
pub mod catalog;
mod context;
pub mod credentials;
pub mod endpoints;
pub mod evals;
pub mod groups;
pub mod introspection;
mod journal;
mod members;
pub mod plans;
pub mod project_providers;
pub mod projects;
pub mod providers;
pub mod setup;
pub mod templates;
pub mod tokens;
pub mod usage;

pub use context::Control;
