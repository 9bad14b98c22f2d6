//! Assembly: wiring, start, readiness and drain of every process.
//!
//! [`promptgate`] is the whole program with its subcommands; [`run`] is one process of it, for the
//! binaries that are nothing else. Both read their own command line and environment, and this is
//! the only crate that does. What a process does is in the crates that it wires together; nothing
//! is decided here but the order in which things start and end.

mod accounts;
mod api;
mod banner;
mod base;
mod cli;
mod copy;
mod data_plane;
mod dependencies;
mod destinations;
mod drills;
mod endpoint_runner;
mod files;
mod identity;
mod limits;
mod listing;
mod migrate;
mod model_lister;
mod offline;
mod ops;
mod outbound;
mod price_list;
mod prices;
mod proxy;
mod reload;
mod replicas;
mod run_all;
mod schedule;
mod server;
mod service_checker;
mod shutdown;
mod start;
mod storage;
mod trace;
mod trial;
mod upkeep;
mod usage;

/// Calls allocate a lot and free on other threads than they allocate on, which the C library's own
/// allocator pays for with locks: docs/performance.md has the figures.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub use promptgate_settings::Process;
pub use start::{promptgate, run};
