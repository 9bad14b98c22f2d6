//! The data plane behind its router, with a scripted provider.

#![expect(clippy::unwrap_used, reason = "what the tests share is made of tests too")]

mod answers;
mod bypass;
mod disconnects;
mod endpoints;
mod exactly_once;
mod faults;
mod idempotency;
mod names;
mod native;
mod outcomes;
mod record;
mod refusals;
mod routes;
mod scripted;
mod stored;
mod streams;
mod support;
