//! Use cases over the SQL store on SQLite in memory.

#![expect(clippy::unwrap_used, reason = "a step that fails, fails the test")]

mod accounts;
mod audit;
mod bootstrap;
mod calls;
mod catalog;
mod concurrency;
mod credentials;
mod fixture;
mod guardrails;
mod introspection;
mod oidc;
mod oidc_renewal;
mod plans;
mod price_sources;
mod prices;
mod project_roles;
mod projects;
mod providers;
mod replicas;
mod secrets;
mod tokens;
