//! One HTTP/1.1 connection, driven by whoever uses it.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Connection, SendRequest, handshake};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::unconstrained;

use crate::gate::Gate;

pub(crate) type Socket = MaybeHttpsStream<TokioIo<TcpStream>>;
pub(crate) type Outgoing = Request<Full<Bytes>>;

/// So often is looked again in one turn because something woke the connection. More is unusual: it
/// means that the task has had its share of the processor.
const LOOKS: usize = 4;

/// A connection that has no task of its own: it makes progress only while [`drive`](Self::drive) is
/// polled, in the task of the call that it serves. Between calls somebody else watches it.
pub(crate) struct Line {
    sender: SendRequest<Full<Bytes>>,
    /// Nothing once it has ended.
    connection: Option<Connection<Socket, Full<Bytes>>>,
    gate: Arc<Gate>,
    /// Of the gate.
    waker: Waker,
}

impl Line {
    /// Begins to speak HTTP/1.1.
    pub(crate) async fn open(socket: Socket) -> hyper::Result<Box<Self>> {
        let (sender, connection) = handshake(socket).await?;
        let gate = Arc::new(Gate::default());
        let waker = Waker::from(Arc::clone(&gate));
        Ok(Box::new(Self { sender, connection: Some(connection), gate, waker }))
    }

    /// Sends a request and waits for the head of the answer. The request comes back in the error when
    /// nothing of it was written.
    pub(crate) async fn send(
        mut self: Box<Self>,
        request: Outgoing,
    ) -> Result<(Box<Self>, Response<Incoming>), TrySendError<Outgoing>> {
        let mut answer = pin!(self.sender.try_send_request(request));
        let answer = poll_fn(|cx| self.drive(cx, |cx| answer.as_mut().poll(cx))).await?;
        Ok((self, answer))
    }

    /// Polls `look`, which waits for something that comes over this connection, and the connection
    /// itself, until there is something or nothing can be done now.
    pub(crate) fn drive<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut look: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        for _ in 0..LOOKS {
            self.gate.begin(cx.waker());
            let inner = &mut Context::from_waker(&self.waker);
            let mut found = look(inner);
            if found.is_pending() {
                advance(&mut self.connection, inner);
                found = look(inner);
            }
            let is_woken = self.gate.end();
            if found.is_ready() || !is_woken {
                return found;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether the next request can be sent: the last one is done with, and the other side has not
    /// closed. From now on `watcher` is woken when something happens, instead of the task of a call.
    pub(crate) fn is_free(&mut self, watcher: &Waker) -> bool {
        for _ in 0..LOOKS {
            self.gate.begin(watcher);
            // Whatever the task has used of its share: what is not looked at is not heard of either.
            let mut look = pin!(unconstrained(poll_fn(|cx| {
                advance(&mut self.connection, cx);
                Poll::Ready(())
            })));
            let _ = look.as_mut().poll(&mut Context::from_waker(&self.waker));
            if !self.gate.end() {
                break;
            }
        }
        self.connection.is_some() && self.sender.is_ready()
    }

    /// Whether something has happened since it was looked at.
    pub(crate) fn is_woken(&self) -> bool {
        self.gate.is_woken()
    }
}

/// Reads and writes what can be read and written now. A connection that has ended is let go of, which
/// tells whoever waits for it.
fn advance(connection: &mut Option<Connection<Socket, Full<Bytes>>>, cx: &mut Context<'_>) {
    let Some(alive) = connection else { return };
    if let Poll::Ready(ended) = Pin::new(alive).poll(cx) {
        if let Err(error) = ended {
            tracing::debug!(error = %error, "a connection to a provider ended with an error");
        }
        *connection = None;
    }
}
