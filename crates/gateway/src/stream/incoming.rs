//! What a provider sends of a stream, no more at once than may go on.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use memchr::memchr2;

use crate::ports::{UpstreamBody, UpstreamError};

/// A provider's stream, in pieces.
pub(crate) struct Incoming {
    body: UpstreamBody,
    /// What came with the last piece and was too much at once.
    rest: Bytes,
}

impl Incoming {
    pub(crate) fn new(body: UpstreamBody) -> Self {
        Self { body, rest: Bytes::new() }
    }

    /// One that is over.
    pub(super) fn nothing() -> Self {
        Self::new(stream::empty().boxed())
    }

    /// The next piece: all that came, or where that may be more text than there is room for, an event of it.
    /// An answer ends between two of them.
    pub(super) fn poll_next(
        &mut self,
        room: u64,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, UpstreamError>>> {
        if self.rest.is_empty() {
            match ready!(self.body.poll_next_unpin(cx)) {
                Some(Ok(piece)) => self.rest = piece,
                other => return Poll::Ready(other),
            }
        }
        Poll::Ready(Some(Ok(self.first(room))))
    }

    /// Waits for the next piece.
    pub(crate) async fn next(&mut self, room: u64) -> Option<Result<Bytes, UpstreamError>> {
        std::future::poll_fn(|cx| self.poll_next(room, cx)).await
    }

    fn first(&mut self, room: u64) -> Bytes {
        if self.rest.len() as u64 <= room {
            return std::mem::take(&mut self.rest);
        }
        let end = end_of_event(&self.rest).unwrap_or(self.rest.len());
        self.rest.split_to(end)
    }
}

/// Where the first event ends: behind a blank line, in whichever of three ways lines end.
fn end_of_event(piece: &[u8]) -> Option<usize> {
    let line_end = |at: usize| match &piece[at..] {
        [b'\r', b'\n', ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        _ => 0,
    };
    let mut at = 0;
    while let Some(end) = memchr2(b'\r', b'\n', &piece[at..]) {
        let next = at + end + line_end(at + end);
        match line_end(next) {
            0 => at = next,
            blank => return Some(next + blank),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(sent: &[&'static str], room: u64) -> Vec<Bytes> {
        let sent: Vec<_> = sent.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect();
        let mut incoming = Incoming::new(stream::iter(sent).boxed());
        let mut cx = Context::from_waker(std::task::Waker::noop());
        std::iter::from_fn(|| match incoming.poll_next(room, &mut cx) {
            Poll::Ready(next) => next.transpose().unwrap(),
            Poll::Pending => unreachable!("all of it is there"),
        })
        .collect()
    }

    #[test]
    fn a_piece_that_may_be_too_much_comes_event_by_event() {
        for end in ["\n\n", "\r\n\r\n", "\r\r"] {
            let all: &'static str = format!("data: 1{end}data: 2\ndata: 3{end}data: 4").leak();
            let [one, two] = [format!("data: 1{end}"), format!("data: 2\ndata: 3{end}")];
            assert_eq!(pieces(&[all, "", "5"], 9), [&*one, &*two, "data: 4", "", "5"]);
            assert_eq!(pieces(&[all], 99), [all]);
        }
    }
}
