//! Requests over providers that fail in every way.

mod edges;
mod failover;
mod hold;
mod patience;
mod translated;
