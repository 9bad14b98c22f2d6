//! The pooled client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::HOST;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Response, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use promptgate_gateway::ports::UpstreamError;
use rustls::ClientConfig;
use tokio::time::{Instant, timeout};
use tower::ServiceExt;

use crate::body::AnswerBody;
use crate::guard::{AddressGuard, GuardedResolver};
use crate::host::{Host, Keeping, Link};
use crate::line::{Line, Outgoing};
use crate::shared::{self, Shared};
use crate::tls::Trust;

/// How to call out.
#[derive(Debug, Clone)]
pub struct HttpUpstreamOptions {
    /// How long an unused connection is kept.
    pub pool_idle_timeout: Duration,
    /// How many unused connections to one host are kept.
    pub pool_max_idle_per_host: usize,
    /// Where calls may go.
    pub guard: AddressGuard,
}

impl Default for HttpUpstreamOptions {
    fn default() -> Self {
        // Load balancers of the vendors close after a minute; being first avoids the race.
        Self {
            pool_idle_timeout: Duration::from_secs(50),
            pool_max_idle_per_host: 256,
            guard: AddressGuard::default(),
        }
    }
}

/// How long a call may take to get where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Until the connection is there.
    pub(crate) connect: Duration,
    /// From then until the head of the answer is there.
    pub(crate) first_byte: Duration,
}

/// A client that connects over IPv4 and IPv6, over TLS where the URL says so, and picks HTTP/2 where
/// the other side offers it. Its connections belong to the runtime that the call runs on. Clones share
/// them.
#[derive(Clone)]
pub(crate) struct Client(Arc<Inner>);

struct Inner {
    tcp: HttpConnector<GuardedResolver>,
    trust: Trust,
    guard: AddressGuard,
    http2: shared::Builder,
    keeping: Keeping,
    hosts: Mutex<Hosts>,
}

/// Where there are connections to, all made with the same certificates in force.
struct Hosts {
    config: Arc<ClientConfig>,
    by_place: HashMap<(Scheme, Authority), Arc<Host>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("keeping", &self.0.keeping).finish_non_exhaustive()
    }
}

impl Client {
    pub(crate) fn new(trust: Trust, options: &HttpUpstreamOptions) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(GuardedResolver(options.guard.clone()));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(Duration::from_mins(1)));
        let keeping =
            Keeping { idle_timeout: options.pool_idle_timeout, max_idle: options.pool_max_idle_per_host };
        let (guard, http2) = (options.guard.clone(), shared::builder());
        let hosts = Mutex::new(Hosts { config: trust.current(), by_place: HashMap::new() });
        Self(Arc::new(Inner { tcp, trust, guard, http2, keeping, hosts }))
    }

    /// Sends a request and waits for the head of its answer. Says also how long that took from the
    /// connection being there. A request of which nothing was written, because a connection from
    /// before turned out to be closed, is sent over another.
    pub(crate) async fn send(
        &self,
        mut request: Outgoing,
        patience: Patience,
    ) -> Result<(Response<AnswerBody>, Duration), UpstreamError> {
        let uri = request.uri().clone();
        let host = self.host(&uri).map_err(|error| UpstreamError::Connect(Box::new(error)))?;
        loop {
            let (link, is_reused) = if let Some(kept) = host.take() {
                (kept, true)
            } else {
                let connecting = timeout(patience.connect, Box::pin(self.connect(&host)));
                connecting.await.map_err(|_| UpstreamError::ConnectTimeout)??
            };
            let connected = Instant::now();
            let sending = async {
                match link {
                    Link::Line(free) => {
                        *request.uri_mut() = origin_form(&uri);
                        request.headers_mut().entry(HOST).or_insert_with(|| host.header.clone());
                        let (driven, answer) = free.send(request).await?;
                        Ok(answer.map(|body| AnswerBody::driven(body, driven, Arc::clone(&host))))
                    }
                    Link::Stream(stream) => {
                        request.uri_mut().clone_from(&uri);
                        let (place, answer) = stream.send(request).await?;
                        Ok(answer.map(|body| AnswerBody::shared(body, place)))
                    }
                }
            };
            let sent: Result<_, hyper::client::conn::TrySendError<Outgoing>> =
                timeout(patience.first_byte, sending).await.map_err(|_| UpstreamError::FirstByteTimeout)?;
            match sent {
                Ok(answer) => return Ok((answer, connected.elapsed())),
                Err(mut error) => match error.take_message() {
                    Some(unsent) if is_reused => request = unsent,
                    _ => return Err(UpstreamError::Broken(Box::new(error.into_error()))),
                },
            }
        }
    }

    fn host(&self, uri: &Uri) -> Result<Arc<Host>, NoHost> {
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(NoHost(None));
        };
        let key = (scheme.clone(), authority.clone());
        let config = self.0.trust.current();
        let mut hosts = self.0.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&hosts.config, &config) {
            // Whoever was believed then may not be any more. Calls under way go on.
            *hosts = Hosts { config, by_place: HashMap::new() };
        }
        let hosts = &mut hosts.by_place;
        if let Some(host) = hosts.get(&key) {
            return Ok(Arc::clone(host));
        }
        let host = Host::new(scheme.clone(), authority, self.0.keeping);
        let host = Arc::new(host.map_err(|error| NoHost(Some(error)))?);
        hosts.retain(|_, host| Arc::strong_count(host) > 1 || !host.is_empty());
        hosts.insert(key, Arc::clone(&host));
        Ok(host)
    }

    /// Connects. What comes of it may be a place on a connection that somebody else made meanwhile; it
    /// says whether it is.
    async fn connect(&self, host: &Arc<Host>) -> Result<(Link, bool), UpstreamError> {
        // The connector resolves names only.
        let literal = self.0.guard.check_literal(host.uri.host().unwrap_or_default());
        literal.map_err(|refused| UpstreamError::Connect(Box::new(refused)))?;
        let connector = HttpsConnector::from((self.0.tcp.clone(), self.0.trust.current()));
        let socket = connector.oneshot(host.uri.clone());
        let socket = socket.await.map_err(UpstreamError::Connect)?;
        let no_connection = |error| UpstreamError::Connect(Box::new(error));
        if !socket.connected().is_negotiated_h2() {
            return Ok((Link::Line(Line::open(socket).await.map_err(no_connection)?), false));
        }
        let (shared, own) = Shared::open(&self.0.http2, socket).await.map_err(no_connection)?;
        let (stream, is_reused) = host.share(shared, own);
        Ok((Link::Stream(stream), is_reused))
    }
}

/// A URL that says not whom to call.
#[derive(Debug, thiserror::Error)]
#[error("the URL names no host")]
struct NoHost(#[source] Option<http::Error>);

/// What HTTP/1.1 says in its first line.
fn origin_form(uri: &Uri) -> Uri {
    uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")).into()
}
