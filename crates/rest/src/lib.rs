//! The JSON API of the control plane, its OpenAPI document, and the operations endpoints that
//! every process has.
//!
//! The crate turns HTTP into use cases of `promptgate-control` and back: parse, call, render. It
//! decides nothing and keeps nothing. One endpoint a file: body, view, handler, error mapping.
//!
//! Start at [`router`]; [`introspection_router`] is what the proxy's port has of it, [`ops`] what
//! every process has.

mod admin;
mod api_page;
mod auth;
mod body;
mod casing;
mod dashboard;
mod document;
mod edge;
mod error;
mod headers;
mod health;
mod help;
mod introspection;
mod keys;
mod limits;
mod listing;
mod management;
mod me;
mod observe;
pub mod ops;
mod prompts;
mod quota_state;
mod router;
mod segment;
mod session;
mod setup;
mod state;
#[cfg(test)]
mod testing;
mod wait_revision;

pub use api_page::api_page;
pub use document::openapi;
pub use edge::{Assets, Edge};
pub use router::{introspection_router, router};
pub use state::{ApiState, ProxyBaseUrl};
