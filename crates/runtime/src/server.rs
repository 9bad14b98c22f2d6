//! HTTP servers: accept, serve, drain.

mod header_timer;
mod linger;
mod slow_client;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::ConnectInfo;
use futures_util::FutureExt;
use http::{Request, Version};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use header_timer::{CountedStream, HeaderTimer};
use linger::Lingering;
use slow_client::{Answers, BoundWrites};

/// How patient a server is with its connections.
#[derive(Debug, Clone, Copy)]
struct Patience {
    header: Duration,
    idle: Duration,
    write: Duration,
}

/// How long a client may take from opening a connection, or from the first byte of a request, to
/// the end of its headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may be open between two requests. Longer than what usual load balancers
/// keep theirs, so that it is they who close first.
const IDLE_TIMEOUT: Duration = Duration::from_mins(3);
/// How often an HTTP/2 client is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// How long to wait when the system has no more connections to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A socket that is bound already, so that a taken port is known before anything else is started.
#[derive(Debug)]
pub(crate) struct Bound {
    listener: TcpListener,
    /// Where it listens; the port is the real one when any was asked for.
    pub(crate) address: SocketAddr,
}

/// Binds a port. `setting` names what to change when it is taken.
pub(crate) async fn bind(host: &str, port: u16, setting: &str) -> anyhow::Result<Bound> {
    let place = SocketPlace { host, port };
    let listener = TcpListener::bind((host, port)).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => anyhow::anyhow!(
            "cannot listen on {place}: the port is taken; stop what listens there, or set {setting} to another port"
        ),
        io::ErrorKind::PermissionDenied => anyhow::anyhow!(
            "cannot listen on {place}: permission denied; set {setting} to a port above 1023"
        ),
        _ => anyhow::anyhow!("cannot listen on {place}: {error}; PROMPTGATE_HOST must be an address of this machine"),
    })?;
    let address = listener.local_addr().context("cannot read the address of a bound socket")?;
    Ok(Bound { listener, address })
}

struct SocketPlace<'a> {
    host: &'a str,
    port: u16,
}

impl std::fmt::Display for SocketPlace<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Serves until `stop`; then takes no new connections and lets the open ones finish what they are
/// at, for `drain` at most. What is left after that is dropped, so that guards settle it.
async fn serve(bound: Bound, router: Router, patience: Patience, stop: CancellationToken, drain: Duration) {
    let Bound { listener, address } = bound;
    let connections = TaskTracker::new();
    let abort = CancellationToken::new();
    let executor = TrackedExecutor { tasks: connections.clone(), abort: abort.clone() };
    let begin = |stream, peer| {
        let connection = connection(stream, peer, patience, router.clone(), executor.clone(), stop.clone());
        let abort = abort.clone();
        connections.spawn(async move {
            let _ = abort.run_until_cancelled(connection).await;
        });
    };
    loop {
        let (stream, peer) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::debug!(error = %error, "a connection was not accepted");
                    if !is_of_one_connection(&error) {
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                    continue;
                }
            },
        };
        begin(stream, peer);
    }
    // Who has connected already is answered; the system would reset what nobody has accepted.
    while let Some(Ok((stream, peer))) = listener.accept().now_or_never() {
        begin(stream, peer);
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(drain, connections.wait()).await.is_err() {
        tracing::warn!(
            %address,
            drain_ms = u64::try_from(drain.as_millis()).unwrap_or(u64::MAX),
            "requests were still under way at the end of the shutdown timeout; they are cut off"
        );
        abort.cancel();
        connections.wait().await;
    }
}

/// Errors that concern the connection that was being accepted, not the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    patience: Patience,
    router: Router,
    executor: TrackedExecutor,
    stop: CancellationToken,
) {
    // Every event of a stream is a small write that must not wait for the next.
    let _ = stream.set_nodelay(true);
    // The protocol is chosen by the first bytes, and nothing bounds the wait for them but this.
    match tokio::time::timeout(patience.header, stream.peek(&mut [0])).await {
        Ok(Ok(1..)) => {}
        _ => return,
    }
    let (stream, reads) = CountedStream::new(stream);
    let stream = BoundWrites::new(stream, patience.write);
    let answers = Answers::new(patience.write);
    let looking = answers.clone().look_after();
    let mut builder = auto::Builder::new(executor.clone());
    builder
        .http1()
        .timer(HeaderTimer::new(reads, patience.header, patience.idle))
        .header_read_timeout(patience.header);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(PING_INTERVAL).max_concurrent_streams(1_000);
    let asked = Arc::new(Asked::default());
    let first = Arc::clone(&asked);
    let service = service_fn(move |mut request: Request<Incoming>| {
        first.note();
        request.extensions_mut().insert(ConnectInfo(peer));
        // Over HTTP/1 the connection is the answer's own, and is bounded itself.
        let answers = (request.version() == Version::HTTP_2).then(|| answers.clone());
        let (head, body) = request.into_parts();
        let body = Lingering::around(body, head.version, &head.headers, &executor);
        let answer = router.clone().oneshot(Request::from_parts(head, body));
        async move {
            let answer = answer.await?;
            Ok::<_, Infallible>(match answers {
                Some(answers) => answer.map(|body| answers.watch(body)),
                None => answer,
            })
        }
    });
    let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let gracefully = async {
        tokio::select! {
            served = serving.as_mut() => return served,
            () = stop.cancelled() => {}
        }
        // Whoever has connected and not yet asked is asking now: it would find the connection closed.
        tokio::select! {
            served = serving.as_mut() => return served,
            () = asked.wait(patience.header) => {}
        }
        serving.as_mut().graceful_shutdown();
        serving.await
    };
    let served = tokio::select! {
        served = gracefully => served,
        () = looking => Ok(()),
    };
    if let Err(error) = served {
        tracing::debug!(%peer, error = %error, "a connection ended with an error");
    }
}

/// Whether a connection has brought a request.
#[derive(Default)]
struct Asked {
    once: AtomicBool,
    told: Notify,
}

impl Asked {
    fn note(&self) {
        if !self.once.swap(true, Ordering::Relaxed) {
            self.told.notify_one();
        }
    }

    /// Waits for the first one, but not longer than that.
    async fn wait(&self, longest: Duration) {
        let _ = tokio::time::timeout(longest, self.told.notified()).await;
    }
}

/// Runs the tasks that HTTP/2 connections start, so that shutdown waits for them and can end them.
#[derive(Clone)]
struct TrackedExecutor {
    tasks: TaskTracker,
    abort: CancellationToken,
}

impl<F> Executor<F> for TrackedExecutor
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    fn execute(&self, future: F) {
        let abort = self.abort.clone();
        self.tasks.spawn(async move {
            let _ = abort.run_until_cancelled(future).await;
        });
    }
}

/// The servers of a process.
pub(crate) struct Servers {
    tasks: TaskTracker,
    stop: CancellationToken,
    drain: Duration,
}

impl Servers {
    pub(crate) fn new(drain: Duration) -> Self {
        Self { tasks: TaskTracker::new(), stop: CancellationToken::new(), drain }
    }

    /// Starts one, whose clients may take nothing of an answer for as long as `client_write_timeout`.
    pub(crate) fn start(
        &self,
        name: &'static str,
        bound: Bound,
        router: Router,
        client_write_timeout: Duration,
    ) {
        tracing::info!(server = name, address = %bound.address, "{name} listens on {}", bound.address);
        let patience = Patience { header: HEADER_TIMEOUT, idle: IDLE_TIMEOUT, write: client_write_timeout };
        self.tasks.spawn(serve(bound, router, patience, self.stop.clone(), self.drain));
    }

    /// Stops them all and waits until they have drained.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[cfg(test)]
mod tests;
