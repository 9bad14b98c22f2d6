//! The gateway as others see it: processes, ports, signals and HTTP.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod away;
mod byte_fidelity;
mod clients_that_leave;
mod crowd;
mod death;
mod drain;
mod first_start;
mod older_settings;
mod refused_starts;
mod replicas;
mod requests;
mod revocation;
mod sdk;
mod secrecy;
mod upstream_trouble;
