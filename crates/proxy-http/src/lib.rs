//! The data plane's HTTP surfaces.
//!
//! [`router`] routes requests to the [`Gateway`](promptgate_gateway::Gateway) and its answers back.
//! It decides nothing about them: what has no route is turned away here, everything else in the
//! gateway's pipeline.

mod model_api;
mod router;
mod security_headers;
mod turned_away;

pub use router::router;
