//! The texts of a stream that are under way.

use std::ops::ControlFlow;

use super::arguments::Arguments;
use super::filter::{Sink, Track};
use crate::texts::literal::{Unit, Units, code, joined};
use crate::texts::{Channel, Form};

/// Which text of an answer an event means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// The choice, item or block.
    pub(super) group: u64,
    /// What of it, in the words of the format.
    pub(super) member: &'static str,
    /// Which of several of these.
    pub(super) index: u64,
}

/// What a text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Nature {
    /// Text.
    Text {
        /// Who speaks.
        channel: Channel,
        /// Whether it stays as it is.
        is_signed: bool,
    },
    /// JSON, which is a text in the whole answer.
    JsonText,
    /// JSON, which is JSON in the whole answer.
    Json,
}

/// A text that was begun.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) key: Key,
    reading: Reading,
    /// The first half of a character.
    half: Option<u32>,
    /// Whether anything came of it.
    pub(super) is_heard: bool,
    /// What went on of it so far.
    pub(super) passed: String,
    pub(super) is_over: bool,
}

#[derive(Debug)]
enum Reading {
    Text(Track),
    Json(Box<Arguments>),
}

impl Open {
    pub(super) fn new(key: Key, nature: &Nature, path: String, sink: &mut Sink<'_>) -> Self {
        let reading = match nature {
            Nature::Text { channel, is_signed } => {
                Reading::Text(sink.track(*channel, Form::Text, *is_signed, path))
            }
            Nature::JsonText => Reading::Json(Box::new(Arguments::new(&path, true))),
            Nature::Json => Reading::Json(Box::new(Arguments::new(&path, false))),
        };
        Self { key, reading, half: None, is_heard: false, passed: String::new(), is_over: false }
    }

    /// More of it, as it is written between quotes; what goes on is put behind `out`.
    pub(super) fn push(&mut self, raw: &str, sink: &mut Sink<'_>, out: &mut String) -> ControlFlow<()> {
        let text = whole_characters(raw, &mut self.half);
        self.read(&text, sink, out)
    }

    fn read(&mut self, text: &str, sink: &mut Sink<'_>, out: &mut String) -> ControlFlow<()> {
        self.is_heard |= !text.is_empty();
        match &mut self.reading {
            _ if text.is_empty() => ControlFlow::Continue(()),
            Reading::Text(track) => sink.filter.push(track, text, out),
            Reading::Json(arguments) => arguments.push(text, sink, out),
        }
    }

    /// It is over; the rest of it is put behind `out`. Where the answer ends with that, its own end is
    /// not said yet.
    pub(super) fn end(&mut self, sink: &mut Sink<'_>, out: &mut String) -> ControlFlow<()> {
        let flow = self.finish(sink, out);
        self.is_over = flow.is_continue();
        flow
    }

    fn finish(&mut self, sink: &mut Sink<'_>, out: &mut String) -> ControlFlow<()> {
        let mut last = String::new();
        flush(&mut self.half, &mut last);
        self.read(&last, sink, out)?;
        match &mut self.reading {
            Reading::Text(track) => sink.filter.end(track, out),
            Reading::Json(arguments) => arguments.end(sink, out),
        }
    }

    /// Lets go what need not be kept any longer.
    pub(super) fn release(&mut self, sink: &mut Sink<'_>, out: &mut String) -> ControlFlow<()> {
        match &mut self.reading {
            Reading::Text(track) => sink.filter.release(track, out),
            Reading::Json(arguments) => arguments.release(sink, out),
        }
    }

    /// Whether it stays as it is, whatever a filter says.
    pub(super) fn is_signed(&self) -> bool {
        matches!(&self.reading, Reading::Text(track) if track.is_signed)
    }
}

/// The text of a piece. A vendor may cut a character that it writes as two escapes: the first half
/// waits for the second.
fn whole_characters(raw: &str, half: &mut Option<u32>) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    let mut units = Units { rest: raw };
    while let Some(unit) = units.next() {
        let (broken, character) = match unit {
            Unit::Run(run) => {
                flush(half, &mut text);
                text.push_str(run);
                rest = units.rest;
                continue;
            }
            Unit::Escaped { length: 6, character: char::REPLACEMENT_CHARACTER } => (
                code(rest.as_bytes()).filter(|code| char::from_u32(*code).is_none()),
                char::REPLACEMENT_CHARACTER,
            ),
            Unit::Escaped { character, .. } => (None, character),
        };
        rest = units.rest;
        match (half.take(), broken) {
            (Some(high), Some(low)) if joined(high, low).is_some() => text.extend(joined(high, low)),
            (before, broken) => {
                *half = before;
                flush(half, &mut text);
                match broken {
                    Some(high) if high < 0xDC00 && rest.is_empty() => *half = Some(high),
                    _ => text.push(character),
                }
            }
        }
    }
    text
}

fn flush(half: &mut Option<u32>, text: &mut String) {
    if half.take().is_some() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_may_be_cut() {
        let mut half = None;
        let mut read = |raw: &str| whole_characters(raw, &mut half);
        assert_eq!(read(r"a\ud83d"), "a");
        assert_eq!(read(r"\ude00b\ud83d"), "\u{1f600}b");
        assert_eq!(read(""), "");
        assert_eq!(read("c"), "\u{fffd}c");
        assert_eq!(read(r"\ude00\ud83d\ud83d\n\ufffd"), "\u{fffd}\u{fffd}\u{fffd}\n\u{fffd}");
        assert_eq!(read(r"\ud83d"), "");
        assert_eq!(read(r"\ud83d"), "\u{fffd}");
    }
}
