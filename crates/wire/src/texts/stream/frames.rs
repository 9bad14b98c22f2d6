//! Events of a stream, as they stand in it.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr2;

use crate::texts::Unreadable;

/// The longest event. A whole answer is far smaller.
const MAX_EVENT: usize = 16 * 1024 * 1024;

/// Collects bytes until an event is complete.
#[derive(Debug, Default)]
pub(super) struct Frames {
    held: Vec<u8>,
    /// Where the event under way begins, its last line, and what was not looked at.
    event: usize,
    line: usize,
    seen: usize,
}

impl Frames {
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), Unreadable> {
        self.held.drain(..self.event);
        self.line -= self.event;
        self.seen -= self.event;
        self.event = 0;
        if self.held.len() + piece.len() > MAX_EVENT {
            return Err(Unreadable::TooMuch);
        }
        self.held.extend_from_slice(piece);
        Ok(())
    }

    /// The next event that is complete, the blank line behind it included.
    pub(super) fn next(&mut self) -> Option<&[u8]> {
        loop {
            let end = self.seen + memchr2(b'\n', b'\r', &self.held[self.seen..])?;
            let behind = match (self.held[end], self.held.get(end + 1)) {
                (b'\n', _) => end + 1,
                // A line feed may follow, which belongs to it.
                (_, None) => {
                    self.seen = end;
                    return None;
                }
                (_, Some(b'\n')) => end + 2,
                (_, Some(_)) => end + 1,
            };
            let is_blank = end == self.line;
            (self.seen, self.line) = (behind, behind);
            if is_blank {
                let event = std::mem::replace(&mut self.event, behind);
                return Some(&self.held[event..behind]);
            }
        }
    }

    /// What came of an event whose end did not.
    pub(super) fn rest(&mut self) -> &[u8] {
        let event = std::mem::replace(&mut self.event, self.held.len());
        (self.line, self.seen) = (self.event, self.event);
        &self.held[event..]
    }
}

/// The data of an event, and where its lines of data are.
pub(super) fn data(event: &str) -> Option<(Cow<'_, str>, Vec<Range<usize>>)> {
    let mut lines = Vec::new();
    let mut data: Option<Cow<'_, str>> = None;
    let mut at = 0;
    while at < event.len() {
        let start = at;
        let end = memchr2(b'\n', b'\r', &event.as_bytes()[at..]).map_or(event.len(), |end| at + end);
        let line = &event[start..end];
        at = end + 1;
        let Some(value) = line.strip_prefix("data") else { continue };
        let value = match value.strip_prefix(':') {
            Some(value) => value.strip_prefix(' ').unwrap_or(value),
            None if value.is_empty() => value,
            None => continue,
        };
        lines.push(start..start + line.len());
        data = Some(match data {
            None => Cow::Borrowed(value),
            Some(before) => Cow::Owned(format!("{before}\n{value}")),
        });
    }
    data.map(|data| (data, lines))
}

/// An event with other data.
pub(super) fn with_data(event: &str, lines: &[Range<usize>], data: &str) -> String {
    let (first, last) = (lines.first().cloned().unwrap_or(0..0), lines.last().cloned().unwrap_or(0..0));
    let mut out = String::with_capacity(event.len() + data.len());
    out.push_str(&event[..first.start]);
    for (index, line) in data.split('\n').enumerate() {
        out.push_str(if index == 0 { "data: " } else { "\ndata: " });
        out.push_str(line);
    }
    out.push_str(&event[last.end..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(pieces: &[&[u8]]) -> Vec<String> {
        let mut frames = Frames::default();
        let mut events = Vec::new();
        for piece in pieces {
            frames.push(piece).unwrap();
            while let Some(event) = frames.next() {
                events.push(String::from_utf8(event.to_vec()).unwrap());
            }
        }
        events.push(String::from_utf8(frames.rest().to_vec()).unwrap());
        events
    }

    #[test]
    fn events_are_found_at_every_split() {
        for ends in ["\n", "\r\n", "\r"] {
            let stream = ": hi\n\nevent: a\ndata: 1\n\n\ndata:2\ndata: 3\nid: x\n\nrest".replace('\n', ends);
            let expected = events(&[stream.as_bytes()]);
            assert_eq!(expected.concat(), stream);
            assert_eq!(expected.len(), 5, "{expected:?}");
            for at in 0..stream.len() {
                let (one, other) = stream.as_bytes().split_at(at);
                assert_eq!(events(&[one, other]), expected, "{at} {ends:?}");
            }
        }
    }

    #[test]
    fn data_is_read_and_written() {
        let event = "event: a\r\ndata: 1\r\ndata:2\r\ndatum: 3\r\nid: x\r\n\r\n";
        let (read, lines) = data(event).unwrap();
        assert_eq!(read, "1\n2");
        assert_eq!(with_data(event, &lines, "new"), "event: a\r\ndata: new\r\ndatum: 3\r\nid: x\r\n\r\n");
        assert_eq!(
            with_data(event, &lines, "a\nb"),
            "event: a\r\ndata: a\ndata: b\r\ndatum: 3\r\nid: x\r\n\r\n"
        );
        assert_eq!(data(": comment\n\n"), None);
        assert_eq!(data("data\n\n").unwrap().0, "");
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let mut frames = Frames::default();
        assert_eq!(frames.push(&vec![b'x'; MAX_EVENT + 1]), Err(Unreadable::TooMuch));
    }
}
