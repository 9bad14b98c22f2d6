//! The router of the data plane.

use axum::Router;
use axum::routing::get;
use http::header::CONTENT_TYPE;
use promptgate_gateway::Gateway;
use tower::util::MapResponseLayer;

use crate::dispatch::{dispatch, other_method};
use crate::security_headers::secure;

/// The public surfaces of the data plane. Other routers may be merged into it, and their routes come
/// first; the security headers are on the answers of this one only.
///
/// The server puts the client's address into every request as
/// [`ConnectInfo`](axum::extract::ConnectInfo).
pub fn router(gateway: Gateway) -> Router {
    Router::new()
        .route("/health", get(health))
        .fallback(dispatch)
        .method_not_allowed_fallback(other_method)
        .layer(MapResponseLayer::new(secure))
        .with_state(gateway)
}

/// Whether the process is there at all; nothing else is looked at.
async fn health() -> ([(http::HeaderName, &'static str); 1], &'static str) {
    ([(CONTENT_TYPE, "application/json")], r#"{"status":"ok"}"#)
}
