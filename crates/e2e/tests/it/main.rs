//! The gateway as others see it: processes, ports, signals and HTTP.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod access;
mod admin;
mod agent_session;
mod ai_endpoints;
mod audit;
mod away;
mod bypass;
mod byte_fidelity;
mod clients_that_leave;
mod community_matrix;
mod contract;
mod credentials;
mod crowd;
mod dashboards;
mod death;
mod drain;
mod first_hour;
mod first_start;
mod idempotency;
mod keys;
mod monitoring;
mod older_settings;
mod prices;
mod reconfiguration;
mod record;
mod refused_starts;
mod replicas;
mod requests;
mod resilience;
mod revocation;
mod sdk;
mod secrecy;
mod stage;
mod upstream_trouble;
