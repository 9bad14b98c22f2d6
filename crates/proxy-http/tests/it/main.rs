//! The data plane behind its router, with a scripted provider.

#![expect(clippy::unwrap_used, reason = "what the tests share is made of tests too")]

mod answers;
mod disconnects;
mod exactly_once;
mod faults;
mod refusals;
mod routes;
mod streams;
mod support;
