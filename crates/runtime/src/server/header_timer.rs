//! A bound on how long request headers may take that leaves idle connections alone.
//!
//! hyper has one timeout for "headers" and starts it as soon as the request before is answered, so
//! that it would close every connection that idles for five seconds, under the hands of a load
//! balancer that is about to use it. This timer lets it run only from the first byte of a request.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How often something was read from a connection.
pub(super) type Reads = Arc<AtomicU64>;

/// A connection that counts its reads.
pub(super) struct CountedStream {
    stream: TcpStream,
    reads: Reads,
}

impl CountedStream {
    pub(super) fn new(stream: TcpStream) -> (Self, Reads) {
        let reads = Reads::default();
        (Self { stream, reads: Arc::clone(&reads) }, reads)
    }
}

impl AsyncRead for CountedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if polled.is_ready() {
            self.reads.fetch_add(1, Ordering::Relaxed);
        }
        polled
    }
}

impl AsyncWrite for CountedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// The timer of one HTTP/1 connection. hyper asks it for nothing but the header timeout.
pub(super) struct HeaderTimer {
    reads: Reads,
    is_later_request: AtomicBool,
    header: Duration,
    idle: Duration,
}

impl HeaderTimer {
    pub(super) fn new(reads: Reads, header: Duration, idle: Duration) -> Self {
        Self { reads, is_later_request: AtomicBool::new(false), header, idle }
    }

    fn wait(&self) -> Pin<Box<dyn Sleep>> {
        let is_idle = self.is_later_request.swap(true, Ordering::Relaxed);
        Box::pin(HeaderSleep {
            sleep: Box::pin(tokio::time::sleep(if is_idle { self.idle } else { self.header })),
            idle_at: is_idle.then(|| self.reads.load(Ordering::Relaxed)),
            reads: Arc::clone(&self.reads),
            header: self.header,
        })
    }
}

impl Timer for HeaderTimer {
    fn sleep(&self, _duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.wait()
    }

    fn sleep_until(&self, _deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.wait()
    }
}

struct HeaderSleep {
    sleep: Pin<Box<tokio::time::Sleep>>,
    /// The count of reads when the wait for the next request began; `None` once it has begun.
    idle_at: Option<u64>,
    reads: Reads,
    header: Duration,
}

impl Sleep for HeaderSleep {}

impl Future for HeaderSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // hyper polls this whenever it has read something and the headers are not complete.
        if self.idle_at.is_some_and(|before| self.reads.load(Ordering::Relaxed) != before) {
            self.idle_at = None;
            let deadline = tokio::time::Instant::now() + self.header;
            self.sleep.as_mut().reset(deadline);
        }
        self.sleep.as_mut().poll(context)
    }
}
