//! The body of an answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};
use hyper::body::Incoming;

use crate::host::Host;
use crate::line::Line;
use crate::shared::Place;

/// What is there at once is handed on as one piece, until it is as large as this.
const MAX_GATHERED: usize = 64 * 1024;

/// The body of an answer. Over HTTP/1.1 it drives its connection, and gives it back at its end;
/// dropped before that, it closes it.
pub(crate) struct AnswerBody {
    /// Nothing once it has ended.
    incoming: Option<Incoming>,
    /// None over HTTP/2, whose connections have their own tasks.
    line: Option<(Box<Line>, Arc<Host>)>,
    /// Over HTTP/2, until it has ended.
    place: Option<Place>,
    /// What comes after the piece that was handed on last.
    failed: Option<hyper::Error>,
}

impl AnswerBody {
    pub(crate) fn shared(incoming: Incoming, place: Place) -> Self {
        Self::new(incoming, None, Some(place))
    }

    pub(crate) fn driven(incoming: Incoming, line: Box<Line>, host: Arc<Host>) -> Self {
        Self::new(incoming, Some((line, host)), None)
    }

    fn new(incoming: Incoming, line: Option<(Box<Line>, Arc<Host>)>, place: Option<Place>) -> Self {
        let has_ended = incoming.is_end_stream();
        let mut body = Self { incoming: Some(incoming), line, place, failed: None };
        if has_ended {
            body.finish();
        }
        body
    }

    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let Some(incoming) = &mut self.incoming else { return Poll::Ready(None) };
        match &mut self.line {
            Some((line, _)) => line.drive(cx, |cx| Pin::new(&mut *incoming).poll_frame(cx)),
            None => Pin::new(incoming).poll_frame(cx),
        }
    }

    /// Lets go of what is not read, and gives the connection, or the place on it, back if it can be used
    /// again.
    fn finish(&mut self) {
        self.incoming = None;
        self.place = None;
        if let Some((line, host)) = self.line.take() {
            host.give_back(line);
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        if let Some(error) = this.failed.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let mut gathered = Gathered::default();
        while gathered.len() < MAX_GATHERED {
            match this.poll_incoming(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers are for nobody.
                    if let Ok(piece) = frame.into_data() {
                        gathered.add(piece);
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    this.finish();
                    this.failed = Some(error);
                    break;
                }
                Poll::Ready(None) => {
                    this.finish();
                    break;
                }
                Poll::Pending if gathered.len() == 0 => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        let piece = gathered.into_piece().map(|piece| Ok(Frame::data(piece)));
        Poll::Ready(piece.or_else(|| this.failed.take().map(Err)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_none() && self.failed.is_none()
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Pieces that came together. One alone is not copied.
#[derive(Default)]
struct Gathered {
    first: Bytes,
    all: BytesMut,
}

impl Gathered {
    fn len(&self) -> usize {
        self.first.len().max(self.all.len())
    }

    fn add(&mut self, piece: Bytes) {
        if self.first.is_empty() {
            self.first = piece;
            return;
        }
        if self.all.is_empty() {
            self.all.reserve((self.first.len() + piece.len()).max(4096));
            self.all.extend_from_slice(&self.first);
        }
        self.all.extend_from_slice(&piece);
    }

    fn into_piece(self) -> Option<Bytes> {
        let piece = if self.all.is_empty() { self.first } else { self.all.freeze() };
        (!piece.is_empty()).then_some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_joined_in_their_order() {
        let gathered = |pieces: &[&'static str]| {
            let mut gathered = Gathered::default();
            for piece in pieces {
                gathered.add(Bytes::from_static(piece.as_bytes()));
            }
            (gathered.len(), gathered.into_piece())
        };
        assert_eq!(gathered(&[]), (0, None));
        assert_eq!(gathered(&["", ""]), (0, None));
        assert_eq!(gathered(&["", "a"]), (1, Some("a".into())));
        assert_eq!(gathered(&["ab", "", "c", "de"]), (5, Some("abcde".into())));
    }
}
