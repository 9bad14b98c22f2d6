//! A bound on how long a client may take nothing of its answer.
//!
//! A client that stops reading would otherwise hold an answer, and the call behind it, for ever:
//! whoever sends waits, and time-outs of providers count only while the provider is waited for.
//! Over HTTP/1 it is the connection that does not take bytes any more, and it is closed. Over HTTP/2
//! it is one stream among others, whose answer alone is dropped.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A connection that breaks when nothing of what is written is taken for too long.
pub(super) struct BoundWrites<S> {
    stream: S,
    limit: Duration,
    /// Runs while the other end takes nothing.
    patience: Option<Pin<Box<Sleep>>>,
}

impl<S> BoundWrites<S> {
    pub(super) const fn new(stream: S, limit: Duration) -> Self {
        Self { stream, limit, patience: None }
    }

    fn bound<T>(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.patience = None;
            return polled;
        }
        let patience = self.patience.get_or_insert_with(|| Box::pin(sleep(self.limit)));
        if patience.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing of its answer")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for BoundWrites<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for BoundWrites<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.bound(context, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.bound(context, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        self.bound(context, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// The answers of one HTTP/2 connection whose clients may stop reading.
#[derive(Clone)]
pub(super) struct Answers {
    bodies: Arc<Mutex<Vec<Weak<Mutex<Taken>>>>>,
    limit: Duration,
}

/// An answer, and since when its client has had something to take.
struct Taken {
    /// Nothing once it was dropped.
    body: Option<Body>,
    offered: Option<Instant>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Answers {
    pub(super) fn new(limit: Duration) -> Self {
        Self { bodies: Arc::default(), limit }
    }

    /// The same answer, dropped when its client takes nothing of it for too long.
    pub(super) fn watch(&self, body: Body) -> Body {
        let taken = Arc::new(Mutex::new(Taken { body: Some(body), offered: None }));
        lock(&self.bodies).push(Arc::downgrade(&taken));
        Body::new(WatchedBody(taken))
    }

    /// Looks after the answers for as long as the connection lives.
    pub(super) async fn look_after(self) {
        loop {
            sleep(self.limit / 2).await;
            let now = Instant::now();
            lock(&self.bodies).retain(|body| {
                let Some(taken) = body.upgrade() else { return false };
                let mut taken = lock(&taken);
                let is_stale =
                    taken.offered.is_some_and(|offered| now.saturating_duration_since(offered) >= self.limit);
                if is_stale {
                    taken.body = None;
                }
                !is_stale
            });
        }
    }
}

struct WatchedBody(Arc<Mutex<Taken>>);

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut taken = lock(&self.0);
        // What was offered before is taken: there would be no call for more.
        taken.offered = None;
        let Some(body) = &mut taken.body else {
            let gone = io::Error::new(io::ErrorKind::TimedOut, "the client took nothing of its answer");
            return Poll::Ready(Some(Err(axum::Error::new(gone))));
        };
        let polled = Pin::new(body).poll_frame(context);
        if let Poll::Ready(Some(Ok(_))) = &polled {
            taken.offered = Some(Instant::now());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        lock(&self.0).body.as_ref().is_some_and(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        lock(&self.0).body.as_ref().map(HttpBody::size_hint).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt;
    use http_body_util::BodyExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    const LIMIT: Duration = Duration::from_mins(1);

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_takes_nothing_breaks_and_a_slow_one_does_not() {
        let (ours, mut theirs) = duplex(4);
        let mut ours = BoundWrites::new(ours, LIMIT);
        let reading = async {
            for _ in 0..3 {
                sleep(LIMIT * 9 / 10).await;
                theirs.read_exact(&mut [0; 4]).await.expect("it is open");
            }
            theirs
        };
        let (written, theirs) = tokio::join!(ours.write_all(&[7; 16]), reading);
        written.expect("they are slow, but they read");
        let began = Instant::now();
        let refused = ours.write_all(&[7; 16]).await.expect_err("nobody reads");
        assert_eq!((refused.kind(), began.elapsed()), (io::ErrorKind::TimedOut, LIMIT));
        drop(theirs);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_takes_is_dropped_and_one_that_has_nothing_yet_is_not() {
        let answers = Answers::new(LIMIT);
        let tasks = tokio_util::task::TaskTracker::new();
        let looking = tasks.spawn(answers.clone().look_after());
        let held = Arc::new(());
        let guard = Arc::clone(&held);
        let pieces = futures_util::stream::iter(["one", "two"]).map(move |piece| {
            let _ = &guard;
            Ok::<_, io::Error>(Bytes::from(piece))
        });
        let mut taken = answers.watch(Body::from_stream(pieces));
        let mut waiting =
            answers.watch(Body::from_stream(futures_util::stream::pending::<io::Result<Bytes>>()));
        assert!(tokio::time::timeout(LIMIT * 3, waiting.frame()).await.is_err(), "it waits for its provider");
        taken.frame().await.expect("there is one").expect("it is a good one");
        sleep(LIMIT * 2).await;
        assert_eq!(Arc::strong_count(&held), 1, "the answer was dropped");
        assert!(taken.frame().await.expect("an error").is_err());
        looking.abort();
    }
}
