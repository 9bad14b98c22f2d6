//! The pooled client.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::TlsSetupError;
use crate::tls;

pub(crate) type PooledClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// How to call out.
#[derive(Debug, Clone)]
pub struct HttpUpstreamOptions {
    /// Certificates that are believed besides the machine's own, as PEM.
    pub ca_pem: Option<Vec<u8>>,
    /// How long an unused connection is kept.
    pub pool_idle_timeout: Duration,
    /// How many unused connections to one host are kept.
    pub pool_max_idle_per_host: usize,
}

impl Default for HttpUpstreamOptions {
    fn default() -> Self {
        // Load balancers of the vendors close after a minute; being first avoids the race.
        Self { ca_pem: None, pool_idle_timeout: Duration::from_secs(50), pool_max_idle_per_host: 256 }
    }
}

/// A client that connects over IPv4 and IPv6, over TLS where the URL says so, and picks HTTP/2 where
/// the other side offers it. Its connections belong to the runtime that the call runs on.
pub(crate) fn pooled(options: &HttpUpstreamOptions) -> Result<PooledClient, TlsSetupError> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(Duration::from_mins(1)));
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls::client_config(options.ca_pem.as_deref())?)
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(tcp);
    Ok(Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(options.pool_idle_timeout)
        .pool_max_idle_per_host(options.pool_max_idle_per_host)
        .http2_adaptive_window(true)
        .http2_keep_alive_interval(Duration::from_secs(20))
        .http2_keep_alive_timeout(Duration::from_secs(10))
        .build(connector))
}
