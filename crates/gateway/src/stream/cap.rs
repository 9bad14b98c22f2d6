//! How long a streamed answer may be.
//!
//! What was reserved for a call bounds its answer, and its provider is told so. An answer that seems to
//! have grown beyond it goes on as long as more can be reserved, and is ended where it cannot.

use std::ops::ControlFlow;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use promptgate_providers::Shape;
use promptgate_translate::write_usage;
use promptgate_usage::TokenCounts;
use promptgate_wire::{StopReason, StreamTexts, TextFilter, TextTrack, estimate};

use crate::allowance::{Held, Limiters, More};
use crate::prepare::Prepared;

/// So much of an answer is not read as it comes. Most answers are shorter, and hardly any is ended: what
/// went by is read when it is to be known how.
const UNREAD: usize = 64 << 10;

/// How long an answer may be.
pub(crate) struct Cap {
    /// In tokens.
    most: u64,
    /// What is known of the stream, to end it in the words of its format.
    texts: StreamTexts,
    /// What came after that.
    unread: Vec<u8>,
    /// The format of the usage that its end tells, if it does.
    usage: Option<Shape>,
    asking: Option<BoxFuture<'static, Option<More>>>,
}

/// Changes nothing.
struct Unchanged;

impl TextFilter for Unchanged {
    fn push(&mut self, _: &TextTrack, text: &str, out: &mut String) -> ControlFlow<()> {
        out.push_str(text);
        ControlFlow::Continue(())
    }

    fn end(&mut self, _: &TextTrack, _: &mut String) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn release(&mut self, _: &TextTrack, _: &mut String) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl Cap {
    /// That of a call which holds so much, in the format of its client; none where nothing bounds it.
    pub(super) fn of(held: Option<&Held>, prepared: &Prepared) -> Option<Self> {
        let most = held?.most_output()?;
        let texts = StreamTexts::new(prepared.operation);
        let usage = prepared.tells_usage().then(|| prepared.operation.into());
        Some(Self { most, texts, unread: Vec::new(), usage, asking: None })
    }

    /// Looks at a piece that goes to the client.
    pub(super) fn hear(&mut self, piece: &Bytes) {
        self.unread.extend_from_slice(piece);
        if self.unread.len() > UNREAD {
            self.read();
        }
    }

    fn read(&mut self) {
        // What cannot be read is ended in the words of a stream that has just begun.
        let _ = self.texts.push(&self.unread, &mut Unchanged);
        self.unread.clear();
    }

    /// How many bytes of text more are within what was reserved, after so many.
    pub(super) const fn room(&self, written: u64) -> u64 {
        self.most.saturating_mul(estimate::BYTES_PER_TOKEN).saturating_sub(written)
    }

    /// Whether so many bytes of text are more than was reserved for.
    pub(super) const fn is_reached(&self, written: u64) -> bool {
        estimate::tokens_of_bytes(written) > self.most
    }

    /// Ready when it is known whether the answer may go on.
    pub(super) fn poll_more(
        &mut self,
        held: &mut Held,
        limiters: &Limiters,
        cx: &mut Context<'_>,
    ) -> Poll<bool> {
        let asking = self.asking.get_or_insert_with(|| held.more(limiters).boxed());
        let more = std::task::ready!(asking.poll_unpin(cx));
        self.asking = None;
        let Some(more) = more else { return Poll::Ready(false) };
        held.absorb(more);
        self.most = held.most_output().unwrap_or(u64::MAX);
        Poll::Ready(true)
    }

    /// The end of an answer that may not go on, which took so much.
    pub(super) fn end(&mut self, tokens: &TokenCounts) -> Bytes {
        self.read();
        let usage = self.usage.map(|shape| write_usage(shape, tokens));
        self.texts.stop(StopReason::Full, usage.as_deref())
    }
}
