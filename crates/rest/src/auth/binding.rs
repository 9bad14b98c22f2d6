//! What ties a sign-in at a provider to the browser that began it: else somebody could have another
//! browser finish theirs, and watch what is done in their account.

use axum::response::IntoResponseParts;
use http::HeaderMap;
use promptgate_control::sign_in::PATIENCE;

use crate::Edge;
use crate::edge::{Client, cookies};
use crate::session::cookie_line;

fn name(edge: &Edge) -> String {
    format!("{}_login", edge.session_cookie)
}

/// What the browser brings back.
pub(super) fn presented(headers: &HeaderMap, edge: &Edge) -> Option<String> {
    cookies::named(headers, &name(edge)).next().filter(|value| !value.is_empty()).map(str::to_owned)
}

/// The header that gives it to the browser.
pub(super) fn cookie(edge: &Edge, client: &Client, value: &str) -> impl IntoResponseParts + use<> {
    cookie_line(&name(edge), "/auth", value, &PATIENCE.as_secs().to_string(), client)
}
