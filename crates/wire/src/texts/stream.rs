//! The texts of answers that come in pieces.
//!
//! [`StreamTexts`] shows every text of a stream to a [`TextFilter`] as characters, whatever the events
//! and escapes are that it comes in, and writes back what the filter lets pass. Where a text is over,
//! what the filter kept of it goes out before the event that says so; where a text is repeated, the
//! repetition says what went out. Everything else passes byte for byte.

mod arguments;
mod chat;
mod filter;
mod frames;
mod messages;
mod outline;
mod responses;
mod rewritten;
#[cfg(test)]
mod testing;
mod track;

use std::ops::ControlFlow;

use bytes::Bytes;
use promptgate_providers::Operation;

use super::Unreadable;
use chat::Chat;
use filter::Sink;
pub use filter::{TextFilter, Track};
use frames::Frames;
use messages::Messages;
use outline::{Document, Ends, Outline};
use responses::Responses;
use track::{Key, Nature, Open};

/// Why an answer is ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// Something in it may not pass.
    Filtered,
    /// It is as long as it may be.
    Full,
}

/// Passes a stream through a filter of its texts.
///
/// ```
/// use std::ops::ControlFlow;
///
/// use promptgate_providers::Operation;
/// use promptgate_wire::{StreamTexts, TextFilter, TextTrack};
///
/// struct Shouts;
///
/// impl TextFilter for Shouts {
///     fn push(&mut self, _: &TextTrack, text: &str, out: &mut String) -> ControlFlow<()> {
///         out.push_str(&text.to_uppercase());
///         ControlFlow::Continue(())
///     }
///
///     fn end(&mut self, _: &TextTrack, _: &mut String) -> ControlFlow<()> {
///         ControlFlow::Continue(())
///     }
///
///     fn release(&mut self, _: &TextTrack, _: &mut String) -> ControlFlow<()> {
///         ControlFlow::Continue(())
///     }
/// }
///
/// let mut texts = StreamTexts::new(Operation::ChatCompletions);
/// let event = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n";
/// let passed = texts.push(event, &mut Shouts)?;
/// assert_eq!(passed, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"HI\"}}]}\n\n");
/// # Ok::<(), promptgate_wire::Unreadable>(())
/// ```
#[derive(Debug)]
pub struct StreamTexts {
    shape: Shape,
    frames: Frames,
    texts: Vec<Open>,
    tracks: u64,
    is_stopped: bool,
    /// An event could not be read.
    is_broken: bool,
}

/// The format of a stream, and what is known of it.
#[derive(Debug)]
enum Shape {
    Chat(Chat),
    Responses(Box<Responses>),
    Messages(Messages),
}

impl StreamTexts {
    /// At the beginning of a stream. Operations that do not stream are taken for chat completions.
    pub fn new(operation: Operation) -> Self {
        let shape = match operation {
            Operation::Responses => Shape::Responses(Box::default()),
            Operation::Messages | Operation::CountTokens => Shape::Messages(Messages::default()),
            Operation::ChatCompletions | Operation::Embeddings => Shape::Chat(Chat::default()),
        };
        Self {
            shape,
            frames: Frames::default(),
            texts: Vec::new(),
            tracks: 0,
            is_stopped: false,
            is_broken: false,
        }
    }

    /// Reads the next piece, of any size, and returns what goes on now: whole events. May be empty.
    ///
    /// Behind an event that cannot be read nothing goes on, because nobody can say what is in it; that
    /// is said once. The stream is the caller's to end then, by [`stop`](Self::stop) or as a failure.
    pub fn push(&mut self, piece: &[u8], filter: &mut dyn TextFilter) -> Result<Bytes, Unreadable> {
        let mut out = Vec::with_capacity(piece.len() + 16);
        if !self.is_over() {
            let mut frames = std::mem::take(&mut self.frames);
            let read = self.read(piece, &mut frames, filter, &mut out);
            self.frames = frames;
            self.is_broken |= read.is_err();
            read?;
        }
        Ok(out.into())
    }

    fn read(
        &mut self,
        piece: &[u8],
        frames: &mut Frames,
        filter: &mut dyn TextFilter,
        out: &mut Vec<u8>,
    ) -> Result<(), Unreadable> {
        frames.push(piece)?;
        while !self.is_stopped {
            let Some(event) = frames.next() else { break };
            self.event(event, filter, out)?;
        }
        Ok(())
    }

    /// The stream is over: what was kept goes out. Often empty.
    pub fn end(&mut self, filter: &mut dyn TextFilter) -> Result<Bytes, Unreadable> {
        let mut out = Vec::new();
        let mut frames = std::mem::take(&mut self.frames);
        let rest = frames.rest();
        if !self.is_over() && !rest.is_empty() {
            let read = self.event(rest, filter, &mut out);
            self.is_broken |= read.is_err();
            read?;
        }
        if !self.is_over() && self.end_texts(Ends::All, false, filter, &mut out).is_break() {
            self.stop_here(StopReason::Filtered, None, &mut out);
        }
        Ok(out.into())
    }

    const fn is_over(&self) -> bool {
        self.is_stopped || self.is_broken
    }

    /// Nothing came for a while: what a filter need not keep any longer goes out, in events of its own.
    /// Often empty.
    pub fn release(&mut self, filter: &mut dyn TextFilter) -> Bytes {
        let mut out = Vec::new();
        if !self.is_over() && self.release_texts(filter, &mut out).is_break() {
            self.stop_here(StopReason::Filtered, None, &mut out);
        }
        out.into()
    }

    fn release_texts(&mut self, filter: &mut dyn TextFilter, out: &mut Vec<u8>) -> ControlFlow<()> {
        let Self { shape, texts, tracks, .. } = self;
        let mut sink = Sink { filter, tracks };
        for text in texts.iter_mut().filter(|text| !text.is_over && !text.is_signed()) {
            let mut passed = String::new();
            let flow = text.release(&mut sink, &mut passed);
            shape.more(text, &passed, false, out);
            flow?;
        }
        ControlFlow::Continue(())
    }

    /// Ends the answer here, in the words of its format, with its `usage` as JSON if that is to be told. What
    /// filters keep is dropped. Empty when it was ended already.
    pub fn stop(&mut self, reason: StopReason, usage: Option<&str>) -> Bytes {
        let mut out = Vec::new();
        self.stop_here(reason, usage, &mut out);
        out.into()
    }

    /// Whether the answer was ended before its end.
    pub const fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    fn stop_here(&mut self, reason: StopReason, usage: Option<&str>, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.is_stopped, true) {
            return;
        }
        match &mut self.shape {
            Shape::Chat(chat) => chat.stop(reason, usage, out),
            Shape::Responses(responses) => responses.stop(reason, usage, &self.texts, out),
            Shape::Messages(messages) => messages.stop(reason, usage, out),
        }
    }

    /// Ends texts, and sends what was kept of them. With `before` that takes the place of the event
    /// that was read last.
    fn end_texts(
        &mut self,
        ends: Ends,
        before: bool,
        filter: &mut dyn TextFilter,
        out: &mut Vec<u8>,
    ) -> ControlFlow<()> {
        let Self { shape, texts, tracks, .. } = self;
        let mut sink = Sink { filter, tracks };
        for text in texts.iter_mut().filter(|text| !text.is_over && ends.with(text.key)) {
            let mut rest = String::new();
            let flow = text.end(&mut sink, &mut rest);
            if !text.is_signed() {
                shape.more(text, &rest, before, out);
            }
            flow?;
        }
        if !shape.repeats() {
            texts.retain(|text| !text.is_over);
        }
        ControlFlow::Continue(())
    }
}

impl Shape {
    /// Whether later events say again what was said.
    const fn repeats(&self) -> bool {
        matches!(self, Self::Responses(_))
    }

    /// Whether what a model thinks may be signed.
    const fn signs(&self) -> bool {
        matches!(self, Self::Messages(_))
    }

    fn outline(&mut self, document: Document<'_>) -> Outline {
        let mut outline = Outline::default();
        match self {
            Self::Chat(chat) => chat.outline(document, &mut outline),
            Self::Responses(responses) => responses.outline(document, &mut outline),
            Self::Messages(messages) => messages.outline(document, &mut outline),
        }
        outline
    }

    /// An event came that is none of the format's.
    fn skip_event(&mut self) {
        match self {
            Self::Chat(chat) => chat.skip_event(),
            Self::Responses(responses) => responses.skip_event(),
            Self::Messages(messages) => messages.skip_event(),
        }
    }

    /// The event that was read last does not go out.
    fn drop_event(&mut self) {
        match self {
            Self::Chat(chat) => chat.drop_event(),
            Self::Responses(responses) => responses.drop_event(),
            Self::Messages(messages) => messages.drop_event(),
        }
    }

    fn nature(&self, key: Key) -> Nature {
        match self {
            Self::Chat(_) => Chat::nature(key),
            Self::Responses(_) => Responses::nature(key),
            Self::Messages(_) => Messages::nature(key),
        }
    }

    fn path(&self, key: Key) -> String {
        match self {
            Self::Chat(_) => Chat::path(key),
            Self::Responses(_) => Responses::path(key),
            Self::Messages(_) => Messages::path(key),
        }
    }

    /// Writes an event that says more of a text, if there is more.
    fn more(&mut self, text: &mut Open, more: &str, before: bool, out: &mut Vec<u8>) {
        if more.is_empty() {
            return;
        }
        match self {
            Self::Chat(chat) => chat.more(text.key, more, out),
            Self::Messages(_) => Messages::more(text.key, more, out),
            Self::Responses(responses) => {
                text.passed.push_str(more);
                responses.more(text.key, more, before, out);
            }
        }
    }
}

#[cfg(test)]
mod tests;
