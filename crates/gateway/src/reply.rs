//! The body of an answer, as the HTTP server sends it.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::{mpsc, oneshot};

use crate::endpoint::TurnStream;
use crate::stream::RelayedStream;

/// The body of an answer. Dropping it before its end is how the gateway learns that the client left.
pub struct ReplyBody(Kind);

enum Kind {
    Whole(Bytes),
    Stream(Box<RelayedStream>),
    Turn(Box<TurnStream>),
    PassedOn(mpsc::Receiver<Bytes>),
}

impl ReplyBody {
    pub(crate) fn whole(body: Bytes) -> Self {
        Self(Kind::Whole(body))
    }

    pub(crate) fn stream(stream: RelayedStream) -> Self {
        Self(Kind::Stream(Box::new(stream)))
    }

    /// What another task passes on, piece by piece.
    pub(crate) fn passed_on(pieces: mpsc::Receiver<Bytes>) -> Self {
        Self(Kind::PassedOn(pieces))
    }

    /// The same as an answer of an AI endpoint. Where it is a stream, its end waits for `remembered`.
    pub(crate) fn in_conversation(self, remembered: oneshot::Receiver<()>) -> Self {
        match self.0 {
            Kind::Stream(stream) => Self(Kind::Turn(Box::new(TurnStream::new(*stream, remembered)))),
            other => Self(other),
        }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = match &mut self.0 {
            Kind::Whole(body) if body.is_empty() => None,
            Kind::Whole(body) => Some(std::mem::take(body)),
            Kind::Stream(stream) => ready!(stream.poll_next(cx)),
            Kind::Turn(stream) => ready!(stream.poll_next(cx)),
            Kind::PassedOn(pieces) => ready!(pieces.poll_recv(cx)),
        };
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.0, Kind::Whole(body) if body.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(body) => SizeHint::with_exact(body.len() as u64),
            Kind::Stream(_) | Kind::Turn(_) | Kind::PassedOn(_) => SizeHint::default(),
        }
    }
}
