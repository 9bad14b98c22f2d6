//! Who looks at the texts of a stream.

use std::ops::ControlFlow;

use crate::texts::{Channel, Form};

/// A text that comes in pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Its number in the stream. No other text of the stream has it.
    pub id: u64,
    /// Who speaks.
    pub channel: Channel,
    /// What it is.
    pub form: Form,
    /// Whether its vendor signs it: what a filter lets pass of it is not asked, it stays as it is.
    pub is_signed: bool,
    /// Where it is in the whole answer, as [`Texts::path`](crate::Texts::path) says it.
    pub path: String,
}

/// Looks at the texts of a stream, and says what of them goes on.
///
/// Every text is begun, continued and ended in order; several may be under way at the same time.
/// `Break` ends the answer: what was let pass with it goes out, and nothing behind it.
pub trait TextFilter {
    /// More of a text. What may go on is put behind `out`; the rest is the filter's to keep.
    fn push(&mut self, track: &Track, text: &str, out: &mut String) -> ControlFlow<()>;

    /// A text is over: what was kept of it is put behind `out`.
    fn end(&mut self, track: &Track, out: &mut String) -> ControlFlow<()>;

    /// A text has had nothing new for a while: puts behind `out` what need not be kept any longer. The
    /// text goes on.
    fn release(&mut self, track: &Track, out: &mut String) -> ControlFlow<()>;
}

/// A filter, and the numbers of its tracks.
pub(super) struct Sink<'f> {
    pub(super) filter: &'f mut dyn TextFilter,
    pub(super) tracks: &'f mut u64,
}

impl Sink<'_> {
    pub(super) fn track(&mut self, channel: Channel, form: Form, is_signed: bool, path: String) -> Track {
        *self.tracks += 1;
        Track { id: *self.tracks, channel, form, is_signed, path }
    }

    /// A text that is there as a whole.
    pub(super) fn whole(&mut self, track: &Track, text: &str, out: &mut String) -> ControlFlow<()> {
        self.filter.push(track, text, out)?;
        self.filter.end(track, out)
    }
}
