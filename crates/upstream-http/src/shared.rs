//! An HTTP/2 connection that calls share.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http2};
use hyper::rt::Executor;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::Instant;

use crate::line::{Outgoing, Socket};

pub(crate) type Builder = http2::Builder<TokioExecutor>;
type Sender = http2::SendRequest<Full<Bytes>>;
type Connection = http2::Connection<Socket, Full<Bytes>, TokioExecutor>;

/// How much of an answer may come before it is read.
const STREAM_WINDOW: u32 = 256 * 1024;
/// How much of all answers together may.
const CONNECTION_WINDOW: u32 = 64 * 1024 * 1024;
/// So many calls share a connection, if the other side allows as many. What all of them leave unread
/// fits into the connection's window: nobody who does not read stops the others.
const MOST_STREAMS: usize = (CONNECTION_WINDOW / STREAM_WINDOW) as usize;

/// How HTTP/2 is spoken.
pub(crate) fn builder() -> Builder {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        // Nobody but the call that connects, until the other side has said how many it allows.
        .initial_max_send_streams(1)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10));
    builder
}

/// A connection that has a task of its own.
pub(crate) struct Shared {
    sender: Sender,
    /// Gone when its task is.
    connection: Weak<Mutex<Connection>>,
    streams: Arc<Mutex<Streams>>,
}

struct Streams {
    open: usize,
    /// When the last one began or ended.
    changed: Instant,
}

/// A call's place on a connection. The other side lets it begin at once.
pub(crate) struct Stream {
    sender: Sender,
    place: Place,
}

/// Free again when it is dropped.
pub(crate) struct Place(Arc<Mutex<Streams>>);

impl Shared {
    /// Begins to speak HTTP/2, with a place for whoever asked for it.
    pub(crate) async fn open(builder: &Builder, socket: Socket) -> hyper::Result<(Self, Stream)> {
        let (mut sender, connection) = builder.handshake(socket).await?;
        let connection = Arc::new(Mutex::new(connection));
        let streams = Arc::new(Mutex::new(Streams { open: 0, changed: Instant::now() }));
        let shared = Self { sender: sender.clone(), connection: Arc::downgrade(&connection), streams };
        TokioExecutor::new().execute(async move {
            if let Err(error) = poll_fn(|cx| Pin::new(&mut *locked(&connection)).poll(cx)).await {
                tracing::debug!(error = %error, "a connection to a provider ended with an error");
            }
        });
        sender.ready().await?;
        let stream = shared.begin(&mut locked(&shared.streams));
        Ok((shared, stream))
    }

    /// A place, if the other side allows one more.
    pub(crate) fn stream(&self) -> Option<Stream> {
        let most = locked(&*self.connection.upgrade()?).current_max_send_streams().min(MOST_STREAMS);
        let mut streams = locked(&self.streams);
        (streams.open < most).then(|| self.begin(&mut streams))
    }

    fn begin(&self, streams: &mut Streams) -> Stream {
        streams.open += 1;
        streams.changed = Instant::now();
        Stream { sender: self.sender.clone(), place: Place(Arc::clone(&self.streams)) }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed() || self.connection.strong_count() == 0
    }

    /// Since when nobody uses it: now, if somebody does.
    pub(crate) fn unused_since(&self) -> Instant {
        let streams = locked(&self.streams);
        if streams.open == 0 { streams.changed } else { Instant::now() }
    }
}

impl Stream {
    /// Sends a request and waits for the head of the answer. The request comes back in the error when
    /// nothing of it was written.
    pub(crate) async fn send(
        self,
        request: Outgoing,
    ) -> Result<(Place, Response<Incoming>), TrySendError<Outgoing>> {
        let Self { mut sender, place } = self;
        let answer = sender.try_send_request(request).await?;
        Ok((place, answer))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut streams = locked(&self.0);
        streams.open -= 1;
        streams.changed = Instant::now();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
