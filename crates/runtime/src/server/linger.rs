//! What is still to come of a request that is answered already.
//!
//! A request may be refused before its body was read. Were the connection closed then, the system would
//! reset it as long as the client is sending, and the client would never see why it was refused. So the
//! rest of the body is read and thrown away for a while, as web servers do.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Version, header::EXPECT};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::rt::Executor;
use tokio::time::{sleep, timeout};

use super::TrackedExecutor;

/// For how long the rest is taken at most.
const LONGEST: Duration = Duration::from_secs(30);
/// For how long a client may send nothing of it.
const PAUSE: Duration = Duration::from_secs(5);
/// How much of it is taken at most, in bytes: as much as the largest request that anybody sends by mistake.
const MOST: u64 = 64 * 1024 * 1024;

/// A request's body, whose rest is read when whoever wanted it wants no more.
pub(super) struct Lingering {
    body: Option<Incoming>,
    /// Whether the client has begun to send it, or will without being asked.
    is_sent: bool,
    executor: TrackedExecutor,
}

impl Lingering {
    /// A body of which nothing is lost to the client. Over HTTP/2 an answer never depends on what is
    /// still to come.
    pub(super) fn around(
        body: Incoming,
        version: Version,
        headers: &HeaderMap,
        executor: &TrackedExecutor,
    ) -> Body {
        if version == Version::HTTP_2 || body.is_end_stream() {
            return Body::new(body);
        }
        // Whoever waits for leave to send sends nothing once it is refused.
        let is_sent = !headers.contains_key(EXPECT);
        Body::new(Self { body: Some(body), is_sent, executor: executor.clone() })
    }
}

impl HttpBody for Lingering {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.is_sent = true;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let Some(body) = self.body.take().filter(|body| self.is_sent && !body.is_end_stream()) else {
            return;
        };
        self.executor.execute(async move {
            tokio::select! {
                () = throw_away(body) => {}
                () = sleep(LONGEST) => {}
            }
        });
    }
}

async fn throw_away(mut body: Incoming) {
    let mut left = MOST;
    loop {
        let next = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context));
        let Ok(Some(Ok(frame))) = timeout(PAUSE, next).await else { return };
        let bytes = frame.data_ref().map_or(0, |bytes| bytes.len() as u64);
        let Some(rest) = left.checked_sub(bytes) else { return };
        left = rest;
    }
}
