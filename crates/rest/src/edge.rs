//! What stands between browsers and the API: who called, from which page, and the pages themselves.

mod assets;
mod client;
pub(crate) mod cookies;
mod cors;
mod cross_site;

use promptgate_forwarded::ProxyTrust;

pub use assets::Assets;
pub(crate) use client::{Client, names_this_machine};
pub(crate) use cors::cors;
pub(crate) use cross_site::{guard, has_bearer};

/// How browsers reach the API, and whose word about them counts.
#[derive(Debug, Clone)]
pub struct Edge {
    /// Origins whose pages may call the API and read what it answers.
    pub allowed_origins: Vec<String>,
    /// The origins of the API itself and of the frontend, whose pages may change things with the cookie,
    /// like those of the allowed ones.
    pub own_origins: Vec<String>,
    /// Where browsers reach the API, as identity providers know it; `None` if nobody has said so.
    pub base_url: Option<String>,
    /// Where the frontend is, without a slash at the end; `None` if the API serves it itself.
    pub frontend_base_url: Option<String>,
    /// Whether browsers reach the API over TLS, whatever a proxy says.
    pub is_https: bool,
    /// The name of the session cookie.
    pub session_cookie: String,
    /// Whose forwarded headers count.
    pub proxies: ProxyTrust,
    /// The built frontend, if the API serves one.
    pub assets: Option<Assets>,
}

impl Default for Edge {
    fn default() -> Self {
        Self {
            allowed_origins: Vec::new(),
            own_origins: Vec::new(),
            base_url: None,
            frontend_base_url: None,
            is_https: false,
            session_cookie: "promptgate_session".to_owned(),
            proxies: ProxyTrust::Nobody,
            assets: None,
        }
    }
}
