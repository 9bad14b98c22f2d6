//! Server-sent events as they arrive, in pieces of any size.
//!
//! The format is <https://html.spec.whatwg.org/multipage/server-sent-events.html>: lines end in CR,
//! LF or both, a blank line ends an event, a colon begins a comment.

use memchr::memchr2;

use super::scan::Scan;
use super::short::Short;

/// Where in a line the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At its beginning.
    Beginning,
    /// In the name of its field.
    Name,
    /// Directly behind the colon: one blank here is not part of the value.
    Colon(Field),
    /// In its value.
    Value(Field),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Data,
    Event,
    /// Another field, or a comment.
    Other,
}

/// How far the event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    /// Nothing of it has come but comments and blank lines.
    Awaited,
    /// A field of it has come.
    Begun,
    /// Its blank line has come; what follows is the next one.
    Over,
}

/// What a piece brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fed {
    /// How many bytes of the piece are used up: up to the end of the event, or all.
    pub(crate) upto: usize,
    /// Where the event begins, if it begins in these bytes. Comments before its first field are not
    /// part of it.
    pub(crate) began: Option<usize>,
    /// Whether the event is over. The next call begins another.
    pub(crate) ended: bool,
}

/// Splits a stream into lines and events.
#[derive(Debug)]
pub(crate) struct Lines {
    place: Place,
    field: Short<8>,
    /// The last line ended in CR: an LF that follows belongs to it.
    after_cr: bool,
    event: Event,
    has_data: bool,
    name: Short<24>,
    head: Short<8>,
}

impl Lines {
    pub(crate) const fn new() -> Self {
        Self {
            place: Place::Beginning,
            field: Short::new(),
            after_cr: false,
            event: Event::Over,
            has_data: false,
            name: Short::new(),
            head: Short::new(),
        }
    }

    /// Whether a field of an event was seen whose end was not.
    pub(crate) fn in_event(&self) -> bool {
        self.event == Event::Begun
    }

    /// Whether the client's reader stands inside a line or an event.
    pub(crate) fn in_the_middle(&self) -> bool {
        self.in_event() || self.place != Place::Beginning
    }

    /// The event's name.
    pub(crate) fn name(&self) -> &[u8] {
        self.name.as_bytes()
    }

    /// Whether the event is OpenAI's last one.
    pub(crate) fn is_done(&self) -> bool {
        self.head.as_bytes().trim_ascii_end() == b"[DONE]"
    }

    /// Reads up to the end of an event, or all. The event's data goes to `data`, its lines joined.
    pub(crate) fn feed(&mut self, piece: &[u8], data: &mut Scan) -> Fed {
        if self.event == Event::Over {
            self.begin();
            data.begin();
        }
        let mut began = None;
        let mut at = 0;
        while let Some(&byte) = piece.get(at) {
            match byte {
                b'\n' if self.after_cr => {
                    self.after_cr = false;
                    at += 1;
                }
                b'\n' | b'\r' => {
                    self.after_cr = byte == b'\r';
                    at += 1;
                    if self.end_line(data) {
                        if self.after_cr && piece.get(at) == Some(&b'\n') {
                            self.after_cr = false;
                            at += 1;
                        }
                        return Fed { upto: at, began, ended: true };
                    }
                }
                _ => {
                    self.after_cr = false;
                    let rest = &piece[at..];
                    let run = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
                    if self.place == Place::Beginning && byte != b':' && !self.in_event() {
                        self.event = Event::Begun;
                        began = Some(at);
                    }
                    self.in_line(&rest[..run], data);
                    at += run;
                }
            }
        }
        Fed { upto: at, began, ended: false }
    }

    /// Ends the stream: a last event without a blank line behind it counts for some readers.
    pub(crate) fn finish(&mut self, data: &mut Scan) -> bool {
        if !self.in_event() {
            return false;
        }
        if self.place != Place::Beginning {
            self.end_line(data);
        }
        self.event = Event::Over;
        true
    }

    fn begin(&mut self) {
        self.event = Event::Awaited;
        self.has_data = false;
        self.name.clear();
        self.head.clear();
    }

    /// Takes a piece of one line; it is not empty and has no line end in it.
    fn in_line(&mut self, mut piece: &[u8], data: &mut Scan) {
        if self.place == Place::Beginning {
            self.field.clear();
            self.place = Place::Name;
        }
        if self.place == Place::Name {
            let colon = piece.iter().position(|byte| *byte == b':');
            self.field.push(&piece[..colon.unwrap_or(piece.len())]);
            let Some(colon) = colon else { return };
            piece = &piece[colon + 1..];
            let field = self.field();
            self.begin_value(field, data);
            self.place = Place::Colon(field);
        }
        if let Place::Colon(field) = self.place
            && let Some(first) = piece.first()
        {
            piece = &piece[usize::from(*first == b' ')..];
            self.place = Place::Value(field);
        }
        match self.place {
            Place::Value(Field::Data) => {
                self.head.push(piece);
                data.feed(piece);
            }
            Place::Value(Field::Event) => self.name.push(piece),
            _ => {}
        }
    }

    fn field(&self) -> Field {
        match self.field.as_bytes() {
            b"data" => Field::Data,
            b"event" => Field::Event,
            _ => Field::Other,
        }
    }

    fn begin_value(&mut self, field: Field, data: &mut Scan) {
        match field {
            Field::Data => {
                if self.has_data {
                    self.head.push(b"\n");
                    data.feed(b"\n");
                }
                self.has_data = true;
            }
            Field::Event => self.name.clear(),
            Field::Other => {}
        }
    }

    /// Ends a line; says whether it was a blank one that ends an event.
    fn end_line(&mut self, data: &mut Scan) -> bool {
        let place = std::mem::replace(&mut self.place, Place::Beginning);
        match place {
            Place::Beginning if self.in_event() => {
                self.event = Event::Over;
                true
            }
            // A line that is only a field's name has an empty value.
            Place::Name => {
                self.begin_value(self.field(), data);
                false
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::scan::Words;

    fn ends(stream: &str) -> Vec<(usize, Option<usize>)> {
        let (mut lines, mut scan) = (Lines::new(), Scan::new(Words::Anywhere));
        let (mut at, mut ends) = (0, vec![]);
        loop {
            let fed = lines.feed(&stream.as_bytes()[at..], &mut scan);
            let began = fed.began.map(|began| at + began);
            at += fed.upto;
            if !fed.ended {
                return ends;
            }
            ends.push((at, began));
        }
    }

    fn last(stream: &str) -> (Lines, Scan) {
        let (mut lines, mut scan) = (Lines::new(), Scan::new(Words::Anywhere));
        let ended =
            stream.as_bytes().iter().any(|byte| lines.feed(std::slice::from_ref(byte), &mut scan).ended);
        assert!(ended || stream.starts_with(':'), "{stream:?}");
        (lines, scan)
    }

    #[test]
    fn an_event_ends_with_its_blank_line() {
        assert_eq!(ends("data: a\n\ndata: b\n\n"), [(9, Some(0)), (18, Some(9))]);
        assert_eq!(ends("data: a\r\n\r\ndata: b\r\n\r\n"), [(11, Some(0)), (22, Some(11))]);
        assert_eq!(ends("data: a\r\rdata: b\r\r"), [(9, Some(0)), (18, Some(9))]);
        assert_eq!(ends(": ping\n\n\n\ndata: a\n\n: x"), [(19, Some(10))]);
        assert_eq!(ends("data: a\n"), []);
    }

    #[test]
    fn lines_of_data_are_joined() {
        let (lines, scan) =
            last("event: x\nevent: message_stop\ndata:{\ndata\ndata: \"type\" :\ndata:  \"t\"}\n\n");
        assert_eq!(lines.name(), b"message_stop");
        assert!(scan.complete());
        assert_eq!(scan.kind(), b"t");
    }

    #[test]
    fn the_last_event_is_known_in_every_spelling() {
        for done in ["data: [DONE]\n\n", "data:[DONE]\r\n\r\n", "data: [DONE] \n\n"] {
            assert!(last(done).0.is_done(), "{done:?}");
        }
        for other in ["data: [DONE]x\n\n", "data:  [DONE]\n\n", "xdata: [DONE]\n\n", ": [DONE]\n\n"] {
            assert!(!last(other).0.is_done(), "{other:?}");
        }
    }
}
