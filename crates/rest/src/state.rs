//! What handlers are given.

use std::sync::Arc;

use axum::extract::FromRef;
use promptgate_auth::AdminKey;
use promptgate_control::Control;
use promptgate_usage::Costs;

use crate::Edge;

/// What the handlers of the JSON API work with.
#[derive(Debug, Clone, FromRef)]
pub struct ApiState {
    /// The use cases' surroundings.
    pub control: Arc<Control>,
    /// The key that opens `/api/v1/admin`; `None` switches that key off.
    pub admin_key: Option<AdminKey>,
    /// Where programs reach the proxy.
    pub proxy_base_url: ProxyBaseUrl,
    /// How browsers reach the API.
    pub edge: Arc<Edge>,
    /// Whether costs are shown.
    pub costs: Costs,
}

/// Where programs reach the proxy, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProxyBaseUrl(String);

impl ProxyBaseUrl {
    /// Takes a URL; slashes at its end do not count.
    pub fn new(url: &str) -> Self {
        Self(url.trim_end_matches('/').to_owned())
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
