//! Black box: spawns the real binaries, each in a directory of its own, and speaks only HTTP to
//! them.
//!
//! An [`Installation`] is a place with a database and settings; it starts [`Process`]es. A
//! [`Gateway`] is what a test usually wants: a running control plane and data plane, with a project
//! and a token. [`Client`] makes the calls.
//!
//! [`chaos`] brings trouble over all of that while clients call.
//!
//! The binaries must have been built: `cargo xtask test` does it, by hand it is
//! `cargo build --workspace --all-targets`.

pub mod chaos;
mod client;
mod gateway;
mod installation;
mod port;
mod process;

pub use client::{Client, Response, Stream};
pub use gateway::{Gateway, Project};
pub use installation::{ADMIN_KEY, Installation, User};
pub use port::free_port;
pub use process::{Ended, Process};

use std::time::{Duration, Instant};

/// Asks again until the answer is there, or says what was still missing after `patience`.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    patience: Duration,
    mut ask: impl FnMut() -> F,
) -> anyhow::Result<T> {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return Ok(answer);
        }
        anyhow::ensure!(started.elapsed() < patience, "after {patience:?} still not: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
