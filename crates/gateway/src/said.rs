//! Listening to a streamed answer, for those who need to know what was said when it is over.

use bytes::{Bytes, BytesMut};
use promptgate_providers::Shape;
use promptgate_translate::summary::{self, Summary};
use promptgate_usage::TokenCounts;
use tokio::sync::oneshot;

/// More than the longest answer of a model.
const MAX_HEARD: usize = 8 * 1024 * 1024;

/// What a streamed answer said.
#[derive(Debug)]
pub(crate) struct Said {
    /// The text and the tool calls.
    pub(crate) summary: Summary,
    /// What it took.
    pub(crate) tokens: TokenCounts,
    /// Whether it came to its end.
    pub(crate) is_complete: bool,
}

/// Listens to a stream of chat completions.
pub(crate) struct Tap {
    heard: BytesMut,
    is_whole: bool,
    teller: oneshot::Sender<Said>,
}

impl Tap {
    /// A listener, and where it tells what it heard. It tells nothing when the stream is dropped.
    pub(crate) fn new() -> (Self, oneshot::Receiver<Said>) {
        let (teller, said) = oneshot::channel();
        (Self { heard: BytesMut::new(), is_whole: true, teller }, said)
    }

    pub(crate) fn hear(&mut self, piece: &Bytes) {
        self.is_whole &= self.heard.len() + piece.len() <= MAX_HEARD;
        if self.is_whole {
            self.heard.extend_from_slice(piece);
        }
    }

    pub(crate) fn end(self, is_complete: bool, tokens: TokenCounts) {
        let summary = summary::of(Shape::ChatCompletions, true, &self.heard);
        let is_complete = is_complete && self.is_whole;
        // Nobody may be interested any more.
        let _ = self.teller.send(Said { summary, tokens, is_complete });
    }
}
