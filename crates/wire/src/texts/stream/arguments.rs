//! Arguments of a tool that come in pieces: JSON, cut anywhere.
//!
//! What is read and what goes on are the text of the arguments; every text in it is a track of its
//! own, which sees characters and not escapes. Structure passes as it is, and in its place: what comes
//! behind a text waits until the text is over.

use std::fmt::Write as _;
use std::ops::ControlFlow;

use memchr::memchr2;

use super::filter::{Sink, Track};
use crate::texts::literal::{code, decoded, encode, joined};
use crate::texts::read::{SHORTEST_NUMBER, is_plain_name};
use crate::texts::tape::{MAX_DEPTH, number_length};
use crate::texts::{Channel, Form};

const CHANNEL: Channel = Channel::ToolArguments;

/// Where the next character stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Value,
    ValueOrEnd,
    Name,
    NameOrEnd,
    Colon,
    CommaOrEnd,
    InName,
    InText,
    InNumber,
    InWord,
    /// This is no JSON, or no more: all that comes is one text.
    Plain,
}

/// An object or a list that is not closed yet.
#[derive(Debug)]
struct Level {
    is_object: bool,
    /// How many values were before.
    index: usize,
    /// The way to it.
    path: String,
}

/// Reads arguments as they come.
#[derive(Debug)]
pub(super) struct Arguments {
    state: State,
    /// The way to the arguments; `$` is behind it where they are a text.
    path: String,
    /// The way to the value that is next.
    next: String,
    open: Vec<Level>,
    /// The text under way.
    track: Option<Track>,
    /// What of it came last, as written and as read.
    raw: String,
    text: String,
    /// An escape that is not complete.
    escape: String,
    /// A name, number or word under way.
    token: String,
}

impl Arguments {
    /// A reader at the beginning of arguments. `is_text` says that they are a text in the whole
    /// answer, and not JSON themselves.
    pub(super) fn new(path: &str, is_text: bool) -> Self {
        let inside = if is_text { format!("{path}.$") } else { path.to_owned() };
        Self {
            state: State::Value,
            path: path.to_owned(),
            next: inside,
            open: Vec::new(),
            track: None,
            raw: String::new(),
            text: String::new(),
            escape: String::new(),
            token: String::new(),
        }
    }

    /// Reads on.
    pub(super) fn push(&mut self, piece: &str, sink: &mut Sink<'_>, out: &mut String) -> ControlFlow<()> {
        let mut rest = piece;
        while !rest.is_empty() {
            rest = match self.state {
                State::InText => self.in_text(rest, sink, out)?,
                State::InName => self.in_name(rest, sink, out)?,
                State::InNumber | State::InWord => self.in_token(rest, sink, out)?,
                State::Plain => {
                    self.text.push_str(rest);
                    self.raw.push_str(rest);
                    ""
                }
                _ => self.structural(rest, sink, out)?,
            };
        }
        self.hand_over(sink, out)
    }

    /// The arguments are over.
    pub(super) fn end(&mut self, sink: &mut Sink<'_>, out: &mut String) -> ControlFlow<()> {
        match self.state {
            State::InNumber | State::InWord => self.token_ends(sink, out)?,
            State::InName => {
                self.escape.clear();
                self.give_up("", sink)?;
            }
            _ => {}
        }
        let escape = std::mem::take(&mut self.escape);
        self.raw.push_str(&escape);
        self.text.push_str(&escape);
        self.hand_over(sink, out)?;
        match self.track.take() {
            Some(track) => self.finish(&track, sink, out),
            None => ControlFlow::Continue(()),
        }
    }

    /// Lets go what need not be kept any longer.
    pub(super) fn release(&mut self, sink: &mut Sink<'_>, out: &mut String) -> ControlFlow<()> {
        let Some(track) = &self.track else { return ControlFlow::Continue(()) };
        let mut passed = String::new();
        let flow = sink.filter.release(track, &mut passed);
        self.write(&passed, out);
        flow
    }

    /// Writes what goes on of a text.
    fn write(&self, text: &str, out: &mut String) {
        if self.state == State::Plain { out.push_str(text) } else { encode(text, out) }
    }

    fn finish(&self, track: &Track, sink: &mut Sink<'_>, out: &mut String) -> ControlFlow<()> {
        let mut passed = String::new();
        let flow = sink.filter.end(track, &mut passed);
        self.write(&passed, out);
        flow
    }

    /// Shows the filter what came of the text under way.
    fn hand_over(&mut self, sink: &mut Sink<'_>, out: &mut String) -> ControlFlow<()> {
        let Some(track) = self.track.as_ref().filter(|_| !self.text.is_empty()) else {
            return ControlFlow::Continue(());
        };
        let mut passed = String::new();
        let flow = sink.filter.push(track, &self.text, &mut passed);
        if passed == self.text {
            out.push_str(&self.raw);
        } else {
            self.write(&passed, out);
        }
        self.raw.clear();
        self.text.clear();
        flow
    }

    /// From here on all is one text.
    fn give_up(&mut self, rest: &str, sink: &mut Sink<'_>) -> ControlFlow<()> {
        let kept = std::mem::take(&mut self.token) + &std::mem::take(&mut self.escape) + rest;
        self.track = Some(sink.track(CHANNEL, Form::Text, false, self.path.clone()));
        self.state = State::Plain;
        self.raw.clone_from(&kept);
        self.text = kept;
        ControlFlow::Continue(())
    }

    fn structural<'p>(
        &mut self,
        rest: &'p str,
        sink: &mut Sink<'_>,
        out: &mut String,
    ) -> ControlFlow<(), &'p str> {
        let byte = rest.as_bytes()[0];
        let state = match (self.state, byte) {
            (state, b' ' | b'\n' | b'\r' | b'\t') => state,
            (State::Value | State::ValueOrEnd, b'{' | b'[') if self.open.len() < MAX_DEPTH => {
                let path = std::mem::take(&mut self.next);
                self.open.push(Level { is_object: byte == b'{', index: 0, path });
                self.in_list();
                if byte == b'{' { State::NameOrEnd } else { State::ValueOrEnd }
            }
            (State::ValueOrEnd, b']') | (State::NameOrEnd, b'}') => self.close(),
            (State::CommaOrEnd, b'}' | b']') if self.in_object() == Some(byte == b'}') => self.close(),
            (State::CommaOrEnd, b',') if !self.open.is_empty() => {
                if let Some(level) = self.open.last_mut() {
                    level.index += 1;
                }
                self.in_list();
                if self.in_object() == Some(true) { State::Name } else { State::Value }
            }
            (State::Colon, b':') => State::Value,
            (State::Name | State::NameOrEnd, b'"') => State::InName,
            (State::Value | State::ValueOrEnd, b'"') => {
                let path = std::mem::take(&mut self.next);
                self.track = Some(sink.track(CHANNEL, Form::Text, false, path));
                State::InText
            }
            (State::Value | State::ValueOrEnd, b'-' | b'0'..=b'9') => {
                self.state = State::InNumber;
                return ControlFlow::Continue(rest);
            }
            (State::Value | State::ValueOrEnd, b't' | b'f' | b'n') => {
                self.state = State::InWord;
                return ControlFlow::Continue(rest);
            }
            _ => {
                self.give_up(rest, sink)?;
                return ControlFlow::Continue("");
            }
        };
        self.state = state;
        out.push(char::from(byte));
        ControlFlow::Continue(&rest[1..])
    }

    fn in_object(&self) -> Option<bool> {
        self.open.last().map(|level| level.is_object)
    }

    /// The way to the next element of a list.
    fn in_list(&mut self) {
        if let Some(level) = self.open.last().filter(|level| !level.is_object) {
            self.next = format!("{}[{}]", level.path, level.index);
        }
    }

    fn close(&mut self) -> State {
        self.open.pop();
        State::CommaOrEnd
    }

    /// The text of a value, up to its end or that of the piece.
    fn in_text<'p>(
        &mut self,
        rest: &'p str,
        sink: &mut Sink<'_>,
        out: &mut String,
    ) -> ControlFlow<(), &'p str> {
        if !self.escape.is_empty() {
            return ControlFlow::Continue(self.in_escape(rest));
        }
        let run = memchr2(b'"', b'\\', rest.as_bytes()).unwrap_or(rest.len());
        self.raw.push_str(&rest[..run]);
        self.text.push_str(&rest[..run]);
        let Some(byte) = rest.as_bytes().get(run) else { return ControlFlow::Continue("") };
        let rest = &rest[run + 1..];
        if *byte == b'\\' {
            self.escape.push('\\');
            return ControlFlow::Continue(rest);
        }
        self.hand_over(sink, out)?;
        if let Some(track) = self.track.take() {
            self.finish(&track, sink, out)?;
        }
        out.push('"');
        self.state = State::CommaOrEnd;
        ControlFlow::Continue(rest)
    }

    /// One more character for the escape.
    fn in_escape<'p>(&mut self, rest: &'p str) -> &'p str {
        let Some(next) = rest.chars().next() else { return rest };
        self.escape.push(next);
        while let Some((length, character)) = complete(&self.escape) {
            let behind = self.escape.split_off(length);
            self.raw.push_str(&self.escape);
            self.text.push(character);
            self.escape = behind;
            // What is no part of it is read again.
            if !self.escape.is_empty() && !self.escape.starts_with('\\') {
                self.escape.clear();
                return rest;
            }
        }
        &rest[next.len_utf8()..]
    }

    fn in_name<'p>(
        &mut self,
        rest: &'p str,
        sink: &mut Sink<'_>,
        out: &mut String,
    ) -> ControlFlow<(), &'p str> {
        // An escape may hide a quote.
        let is_escaped = std::mem::take(&mut self.escape) == "\\";
        let from = if is_escaped { rest.chars().next().map_or(0, char::len_utf8) } else { 0 };
        let run = memchr2(b'"', b'\\', &rest.as_bytes()[from..]).map_or(rest.len(), |run| from + run);
        self.token.push_str(&rest[..run]);
        match rest.as_bytes().get(run) {
            None => return ControlFlow::Continue(""),
            Some(b'\\') => {
                self.token.push('\\');
                self.escape.push('\\');
                return ControlFlow::Continue(&rest[run + 1..]);
            }
            Some(_) => {}
        }
        let raw = std::mem::take(&mut self.token);
        let name = decoded(&raw);
        let path = self.open.last().map_or((String::new(), 0), |level| (level.path.clone(), level.index));
        let (mut path, index) = path;
        if is_plain_name(&name) {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&name);
            out.push_str(&raw);
        } else {
            // Writing to a text cannot fail.
            let _ = write!(path, ".{{{index}}}");
            let track = sink.track(CHANNEL, Form::Name, false, format!("{path}#"));
            let mut passed = String::new();
            let flow = sink.whole(&track, &name, &mut passed);
            if passed == name {
                out.push_str(&raw);
            } else {
                encode(&passed, out);
            }
            flow?;
        }
        out.push('"');
        self.next = path;
        self.state = State::Colon;
        ControlFlow::Continue(&rest[run + 1..])
    }

    /// A number or a word.
    fn in_token<'p>(
        &mut self,
        rest: &'p str,
        sink: &mut Sink<'_>,
        out: &mut String,
    ) -> ControlFlow<(), &'p str> {
        let is_inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let run = rest.bytes().position(|byte| !is_inside(byte)).unwrap_or(rest.len());
        self.token.push_str(&rest[..run]);
        if run < rest.len() {
            self.token_ends(sink, out)?;
        }
        ControlFlow::Continue(&rest[run..])
    }

    fn token_ends(&mut self, sink: &mut Sink<'_>, out: &mut String) -> ControlFlow<()> {
        let is_number = self.state == State::InNumber;
        let is_word = !is_number && matches!(&*self.token, "true" | "false" | "null");
        if !is_word && number_length(self.token.as_bytes()) != self.token.len() {
            return self.give_up("", sink);
        }
        self.state = State::CommaOrEnd;
        let token = std::mem::take(&mut self.token);
        if is_word || token.len() < SHORTEST_NUMBER {
            out.push_str(&token);
            return ControlFlow::Continue(());
        }
        let track = sink.track(CHANNEL, Form::Number, false, std::mem::take(&mut self.next));
        let mut passed = String::new();
        let flow = sink.whole(&track, &token, &mut passed);
        if passed == token {
            out.push_str(&token);
        } else {
            out.push('"');
            encode(&passed, out);
            out.push('"');
        }
        flow
    }
}

/// How long the escape is that `escape` begins with, if it is complete, and what it stands for. It is
/// not while half a character may become a whole one.
fn complete(escape: &str) -> Option<(usize, char)> {
    let bytes = escape.as_bytes();
    let broken = |length: usize| Some((length, char::REPLACEMENT_CHARACTER));
    match bytes.get(1)? {
        b'u' => {}
        b'b' => return Some((2, '\u{8}')),
        b'f' => return Some((2, '\u{c}')),
        b'n' => return Some((2, '\n')),
        b'r' => return Some((2, '\r')),
        b't' => return Some((2, '\t')),
        _ => return escape[1..].chars().next().map(|other| (1 + other.len_utf8(), other)),
    }
    if let Some(at) = bytes.iter().skip(2).take(4).position(|byte| !byte.is_ascii_hexdigit()) {
        return broken(2 + at);
    }
    let high = bytes.get(..6).and_then(code)?;
    if let Some(character) = char::from_u32(high) {
        return Some((6, character));
    }
    if high >= 0xDC00 {
        return broken(6);
    }
    match (bytes.get(6), bytes.get(7)) {
        (None, _) | (Some(b'\\'), None) => return None,
        (Some(b'\\'), Some(b'u')) => {}
        _ => return broken(6),
    }
    if bytes.iter().skip(8).take(4).any(|byte| !byte.is_ascii_hexdigit()) {
        return broken(6);
    }
    let low = code(bytes.get(6..12)?)?;
    joined(high, low).map(|character| (12, character)).or_else(|| broken(6))
}

#[cfg(test)]
mod tests;
