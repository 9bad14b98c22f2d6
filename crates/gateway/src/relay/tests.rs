//! Requests over providers that fail in every way.

mod failover;
mod hold;
mod patience;
mod translated;
