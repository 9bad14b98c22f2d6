//! Requests over providers that fail in every way.

mod booked;
mod edges;
mod failover;
mod hold;
mod hold_back;
mod patience;
mod translated;
