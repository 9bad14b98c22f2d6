//! Limiters over counters in memory.

#![expect(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

mod holds;
mod limiter;
mod races;
mod world;
