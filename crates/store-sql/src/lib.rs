//! Repositories over SQLite and PostgreSQL, from one body of SQL.
//!
//! [`connect`] takes a `sqlite:` or `postgres:` URL and answers with a [`Connected`]: the
//! [`Store`](promptgate_store::Store) that everything else works with, [`Connected::migrate`] and
//! [`Connected::check_schema`], and over PostgreSQL a [`PgBus`] that announces commits by
//! `LISTEN`/`NOTIFY`.
//!
//! Each repository is written once and instantiated for both engines by `each_dialect`; what the
//! engines do differently has a name in the trait `Dialect` and nowhere else. Behaviour is fixed
//! by `promptgate_store::contract`, which runs against both.
//!
//! The crate decides nothing: no rule of a domain, no clock, no id is made here. It does not hold
//! secrets in the clear either, and no message of its errors carries the credentials of a URL.
//!
//! # What the databases cannot keep
//! PostgreSQL refuses the character U+0000 in texts and documents. It is stored as U+FFFD on both
//! engines, so that no client can make a row that only one of them takes. Counts beyond the range
//! of a signed 64-bit integer are stored as its largest value.

mod accounts;
mod address;
mod admin_keys;
mod ai_sessions;
mod aliases;
mod audit;
mod bus;
mod call_contents;
mod changes;
mod connect;
mod copy;
mod costs;
mod counters;
mod credentials;
mod dead_letters;
mod dialect;
mod drills;
mod endpoints;
mod error;
mod evals;
mod facts;
mod faq;
mod groups;
mod guardrails;
mod idempotency;
mod insert;
mod jobs;
mod kept;
mod mcp_servers;
mod memberships;
mod migrate;
mod monitored_services;
mod network_rules;
mod plans;
mod prices;
mod project_providers;
mod projects;
mod prompts;
mod providers;
mod replicas;
mod repricings;
mod response_cache;
mod rows;
mod setup_guides;
mod sign_in;
mod statistics;
mod stretches;
mod switches;
mod templates;
mod tokens;
mod usage;
mod value;
mod work;

pub use address::describe;
pub use bus::{CONFIG_CHANNEL, PgBus};
pub use connect::{ConnectError, Connected, SqlOptions, connect};
pub use copy::{CopyError, LiveSource, TableCopied, copy};
pub use migrate::{MigrationReport, SchemaError};
