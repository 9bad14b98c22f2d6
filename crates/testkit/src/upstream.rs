//! An HTTP server that answers as a test tells it to.
//!
//! ```
//! use promptgate_testkit::upstream::{Reply, ScriptedUpstream};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> anyhow::Result<()> {
//! let upstream = ScriptedUpstream::start().await?;
//! upstream.enqueue(Reply::status(429).header("retry-after", "7"));
//! upstream.otherwise(Reply::sse(["data: {\"a\"", ":1}\n\n", "data: [DONE]\n\n"]));
//! // … point a program at `upstream.url()` …
//! assert!(upstream.requests().is_empty());
//! # Ok(())
//! # }
//! ```

mod reply;
mod serve;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http::{HeaderMap, Method};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use reply::{Gate, Reply, split_at, split_every};

const PATIENCE: Duration = Duration::from_secs(20);

/// A request as the upstream saw it.
#[derive(Debug, Clone)]
pub struct SeenRequest {
    /// Its method.
    pub method: Method,
    /// Its path, with the query.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its whole body.
    pub body: Bytes,
}

impl SeenRequest {
    /// A header's value, if it is there and readable.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// What has happened so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Connections that are open.
    pub connections: usize,
    /// Connections that were ever opened.
    pub connections_ever: usize,
    /// Requests that were read whole.
    pub requests: usize,
    /// Requests whose answer has not ended yet.
    pub in_flight: usize,
    /// Answers that went out as scripted, to their last step.
    pub finished: usize,
    /// Answers that the caller did not wait for.
    pub aborted: usize,
}

type Handler = dyn Fn(&SeenRequest) -> Reply + Send + Sync;

struct Script {
    queue: VecDeque<Reply>,
    otherwise: Arc<Handler>,
    seen: Vec<SeenRequest>,
}

struct Shared {
    script: Mutex<Script>,
    counts: watch::Sender<Counts>,
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The server. Dropping it closes every connection.
pub struct ScriptedUpstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl ScriptedUpstream {
    /// Starts on a free port of 127.0.0.1. Until told otherwise it answers 200 with `{}`.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let script = Script {
            queue: VecDeque::new(),
            otherwise: Arc::new(|_| Reply::json(&serde_json::json!({}))),
            seen: Vec::new(),
        };
        let shared = Arc::new(Shared { script: Mutex::new(script), counts: watch::Sender::default() });
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(serve::accept(listener, Arc::clone(&shared), stop.clone(), tasks.clone()));
        Ok(Self { address, shared, stop, tasks })
    }

    /// Its base URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers the next request that has no answer yet with this, once.
    pub fn enqueue(&self, reply: Reply) {
        self.shared.script().queue.push_back(reply);
    }

    /// Answers every request for which nothing is queued with this.
    pub fn otherwise(&self, reply: Reply) {
        self.handle(move |_| reply.clone());
    }

    /// Answers every request for which nothing is queued with what a function makes of it.
    pub fn handle(&self, handler: impl Fn(&SeenRequest) -> Reply + Send + Sync + 'static) {
        self.shared.script().otherwise = Arc::new(handler);
    }

    /// The requests so far, in the order in which they were complete.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.shared.script().seen.clone()
    }

    /// The last request.
    pub fn last_request(&self) -> Option<SeenRequest> {
        self.shared.script().seen.last().cloned()
    }

    /// What has happened so far.
    pub fn counts(&self) -> Counts {
        *self.shared.counts.borrow()
    }

    /// Waits until the counts are as wanted; an error that shows them after 20 seconds.
    pub async fn wait_until(&self, wanted: impl FnMut(&Counts) -> bool) -> anyhow::Result<Counts> {
        let mut counts = self.shared.counts.subscribe();
        match tokio::time::timeout(PATIENCE, counts.wait_for(wanted)).await {
            Ok(reached) => Ok(*reached?),
            Err(_) => Err(anyhow::anyhow!("still {:?}", self.counts())),
        }
    }

    /// Waits for the request with this number, counted from one.
    pub async fn request(&self, number: usize) -> anyhow::Result<SeenRequest> {
        self.wait_until(|counts| counts.requests >= number).await?;
        self.shared.script().seen.get(number - 1).cloned().context("requests are counted from one")
    }

    /// Stops listening and closes every connection.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for ScriptedUpstream {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    const ASK: &[u8] = b"POST /v1/x?y=1 HTTP/1.1\r\nhost: x\r\nx-a: b\r\ncontent-length: 7\r\n\r\n{\"a\":1}";

    async fn ask(upstream: &ScriptedUpstream) -> TcpStream {
        let mut connection = TcpStream::connect(upstream.address()).await.unwrap();
        connection.write_all(ASK).await.unwrap();
        connection
    }

    async fn read_until(connection: &mut TcpStream, end: &str) -> String {
        let mut text = String::new();
        while !text.ends_with(end) {
            let mut piece = [0; 1024];
            let length = connection.read(&mut piece).await.unwrap();
            assert!(length > 0, "closed after {text}");
            text.push_str(std::str::from_utf8(&piece[..length]).unwrap());
        }
        text
    }

    #[tokio::test]
    async fn queued_answers_come_first_and_requests_are_kept() {
        let upstream = ScriptedUpstream::start().await.unwrap();
        upstream
            .enqueue(Reply::status(429).header("retry-after", "7").with_json(&serde_json::json!({"n": 1})));
        let text = read_until(&mut ask(&upstream).await, "{\"n\":1}").await;
        assert!(text.starts_with("HTTP/1.1 429") && text.contains("retry-after: 7"), "{text}");
        read_until(&mut ask(&upstream).await, "{}").await;
        let seen = upstream.request(1).await.unwrap();
        assert_eq!((seen.path.as_str(), seen.header("x-a")), ("/v1/x?y=1", Some("b")));
        assert_eq!(seen.json(), serde_json::json!({"a": 1}));
        assert_eq!(upstream.requests().len(), 2);
    }

    #[tokio::test]
    async fn a_gate_holds_the_next_piece_back() {
        let upstream = ScriptedUpstream::start().await.unwrap();
        let gate = Gate::new();
        upstream.enqueue(Reply::sse(["one"]).wait(&gate).chunk("two"));
        let mut connection = ask(&upstream).await;
        read_until(&mut connection, "3\r\none\r\n").await;
        assert_eq!(upstream.counts().in_flight, 1);
        gate.release();
        read_until(&mut connection, "3\r\ntwo\r\n0\r\n\r\n").await;
        upstream.wait_until(|counts| counts.finished == 1 && counts.aborted == 0).await.unwrap();
    }

    #[tokio::test]
    async fn callers_that_leave_are_counted() {
        let upstream = ScriptedUpstream::start().await.unwrap();
        upstream.enqueue(Reply::never());
        upstream.enqueue(Reply::sse(["one"]).stall());
        let silent = ask(&upstream).await;
        upstream.request(1).await.unwrap();
        let mut stalled = ask(&upstream).await;
        read_until(&mut stalled, "one\r\n").await;
        drop((silent, stalled));
        upstream.wait_until(|counts| counts.aborted == 2 && counts.connections == 0).await.unwrap();
    }

    #[tokio::test]
    async fn a_dropped_connection_leaves_the_body_unfinished() {
        let upstream = ScriptedUpstream::start().await.unwrap();
        upstream.enqueue(Reply::sse(["one"]).drop_connection());
        upstream.enqueue(Reply::hang_up());
        let mut text = String::new();
        ask(&upstream).await.read_to_string(&mut text).await.unwrap();
        assert!(text.ends_with("one\r\n"), "{text}");
        text.clear();
        ask(&upstream).await.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "");
        upstream.wait_until(|counts| counts.finished == 2).await.unwrap();
    }

    #[test]
    fn bytes_are_cut_anywhere() {
        assert_eq!(split_every("abcde", 2), ["ab", "cd", "e"]);
        assert_eq!(split_at("abcde", &[1, 3]), ["a", "bc", "de"]);
    }
}
