//! What the data plane needs from outside.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use http::{HeaderMap, Method, StatusCode};
use promptgate_usage::FinishedCall;

/// One call to a provider.
#[derive(Debug, Clone)]
pub struct UpstreamRequest {
    /// How: mostly POST.
    pub method: Method,
    /// Where to.
    pub url: String,
    /// What is sent with it, the provider's credential among it. Values of secrets are marked
    /// sensitive.
    pub headers: HeaderMap,
    /// The body; empty for methods that have none.
    pub body: Bytes,
    /// Until the connection is there, TLS included.
    pub connect_timeout: Duration,
    /// From then until the answer's head is there.
    pub first_byte_timeout: Duration,
}

/// The body of an answer, piece by piece as it arrives. Dropping it ends the upstream call.
pub type UpstreamBody = BoxStream<'static, Result<Bytes, UpstreamError>>;

/// A provider's answer, as soon as its head is there.
pub struct UpstreamResponse {
    /// Its status.
    pub status: StatusCode,
    /// Its headers, hop-by-hop ones removed.
    pub headers: HeaderMap,
    /// Its body.
    pub body: UpstreamBody,
    /// How long the head took, from the connection being there.
    pub waited: Duration,
}

/// Why a provider gave no (whole) answer.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// No connection.
    #[error("cannot connect to the provider")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No connection in time.
    #[error("the provider did not accept the connection in time")]
    ConnectTimeout,
    /// Connected, but no answer in time.
    #[error("the provider did not begin to answer in time")]
    FirstByteTimeout,
    /// The answer stopped in the middle.
    #[error("the provider's answer stalled")]
    IdleTimeout,
    /// The whole call took too long.
    #[error("the provider's answer took too long")]
    TotalTimeout,
    /// The connection broke.
    #[error("the connection to the provider broke")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The answer is larger than the gateway keeps.
    #[error("the provider's answer is too large")]
    TooLarge,
    /// The bodies of other calls take all the memory that there is for them.
    #[error("there is no room for the provider's answer")]
    NoRoom,
}

/// Calls providers. Adapter: `upstream-http`.
#[async_trait]
pub trait Upstream: Send + Sync {
    /// Makes the call; returns when the answer's head is there. Dropping the future, or later the
    /// body, ends the call at once.
    async fn call(&self, request: UpstreamRequest) -> Result<UpstreamResponse, UpstreamError>;
}

/// The event could not be kept.
#[derive(Debug, thiserror::Error)]
#[error("a usage event could not be written to the spool")]
pub struct SinkError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Takes usage events into custody. Adapter: the spool of `coordination-local`.
pub trait UsageSink: Send + Sync {
    /// Keeps a call's record, and what was said in it, so that the death of this process does not lose
    /// them. Fast (a write to the page cache), never waits for a database, may be called from `Drop`.
    fn append(&self, call: &Arc<FinishedCall>) -> Result<(), SinkError>;

    /// Whether the events of further calls can be kept. While they cannot, calls are refused, because
    /// what they cost would be lost; room is left for the calls that are under way. Asked for every
    /// call.
    fn has_room(&self) -> bool {
        true
    }
}

/// What was kept cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// The disk failed.
    #[error("it cannot be read")]
    Read(#[source] std::io::Error),
    /// It is there, and is not what this process may open.
    #[error("{0}")]
    Foreign(String),
}

/// Keeps documents on the disk of this process, sealed. Adapter: the shelf of `coordination-local`.
///
/// Every call blocks until the disk has answered.
pub trait Shelf: Send + Sync {
    /// Puts a document under a name, in place of what was there: all of it or none, whenever the process
    /// is killed. `write` is called once.
    fn put(
        &self,
        name: &'static str,
        write: &mut dyn FnMut(&mut dyn std::io::Write) -> std::io::Result<()>,
    ) -> std::io::Result<()>;

    /// The document under a name; `None` when there is none.
    fn get(&self, name: &'static str) -> Result<Option<promptgate_kernel::Secret<Vec<u8>>>, ShelfError>;
}
