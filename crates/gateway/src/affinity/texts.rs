//! Passes JSON through, in pieces of any size, and puts other texts where some stand.

use memchr::{memchr2, memchr3};

/// Longest name of a member that matters.
const MAX_NAME: usize = 128;
/// Longest text that is held to be looked at; a longer one passes as it is.
const MAX_HELD: usize = 4 * 1024 * 1024;
/// How deep a document may nest; one bit each in [`Texts::objects`]. What nests deeper passes.
const MAX_DEPTH: usize = 127;

/// A text that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// `id` of the document or of its `response`.
    Id,
    /// `previous_response_id` of either.
    Previous,
    /// `conversation` of either, or its `id`.
    Conversation,
    /// `encrypted_content`, wherever it is.
    Encrypted,
}

/// What the name of a member says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Id,
    Response,
    Previous,
    Conversation,
    Encrypted,
    Other,
}

impl Key {
    fn of(name: &[u8]) -> Self {
        match name {
            b"id" => Self::Id,
            b"response" => Self::Response,
            b"previous_response_id" => Self::Previous,
            b"conversation" => Self::Conversation,
            b"encrypted_content" => Self::Encrypted,
            _ => Self::Other,
        }
    }
}

/// A text that is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum In {
    Nothing,
    Name,
    Text,
    /// A text that is held back.
    Held(Place),
}

/// Reads one document, or the events of a stream, and replaces texts.
#[derive(Debug)]
pub(super) struct Texts {
    /// Whether a line's end ends the document, as in a stream of events.
    lines: bool,
    depth: usize,
    /// Bit `d` says whether the container at depth `d` is an object.
    objects: u128,
    /// The name last read at each of the first depths; index 0 is unused.
    keys: [Key; 4],
    deep_key: Key,
    /// Whether the next text of an object is a name.
    naming: bool,
    inside: In,
    escaped: bool,
    /// The name or text that is going on, without quotes.
    held: Vec<u8>,
}

impl Texts {
    /// A reader of one document.
    pub(super) const fn of_document() -> Self {
        Self {
            lines: false,
            depth: 0,
            objects: 0,
            keys: [Key::Other; 4],
            deep_key: Key::Other,
            naming: false,
            inside: In::Nothing,
            escaped: false,
            held: Vec::new(),
        }
    }

    /// A reader of a stream of events.
    pub(super) fn of_stream() -> Self {
        Self { lines: true, ..Self::of_document() }
    }

    /// Takes the next piece. `swap` says what takes the place of a text; `None` keeps it.
    pub(super) fn pass(
        &mut self,
        piece: &[u8],
        swap: &mut dyn FnMut(Place, &str) -> Option<String>,
        out: &mut Vec<u8>,
    ) {
        let mut at = 0;
        while let Some(&byte) = piece.get(at) {
            if self.inside == In::Text && !self.escaped {
                // Most of an answer are texts that do not matter.
                let rest = &piece[at..];
                let end =
                    if self.lines { memchr3(b'"', b'\\', b'\n', rest) } else { memchr2(b'"', b'\\', rest) };
                let run = end.unwrap_or(rest.len());
                out.extend_from_slice(&rest[..run]);
                at += run;
                if run > 0 {
                    continue;
                }
            }
            at += 1;
            self.byte(byte, swap, out);
        }
    }

    fn byte(&mut self, byte: u8, swap: &mut dyn FnMut(Place, &str) -> Option<String>, out: &mut Vec<u8>) {
        match self.inside {
            In::Nothing => {
                self.structure(byte);
                // A held text's own quote goes out with it.
                if !matches!(self.inside, In::Held(_)) {
                    out.push(byte);
                }
            }
            _ if self.lines && byte == b'\n' => {
                self.release(out);
                out.push(byte);
                self.begin_anew();
            }
            In::Name => {
                out.push(byte);
                if self.ends(byte) {
                    self.name();
                } else if self.held.len() < MAX_NAME {
                    self.held.push(byte);
                }
            }
            In::Text => {
                out.push(byte);
                if self.ends(byte) {
                    self.inside = In::Nothing;
                }
            }
            In::Held(place) => {
                if self.ends(byte) {
                    self.swapped(place, swap, out);
                    return;
                }
                self.held.push(byte);
                if self.held.len() > MAX_HELD {
                    self.release(out);
                    self.inside = In::Text;
                }
            }
        }
    }

    /// What is still held when the document is over.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        self.release(out);
        self.begin_anew();
    }

    fn begin_anew(&mut self) {
        *self = Self { lines: self.lines, ..Self::of_document() };
    }

    /// Whether a byte of a text is the quote that ends it.
    fn ends(&mut self, byte: u8) -> bool {
        let escaped = std::mem::take(&mut self.escaped);
        self.escaped = byte == b'\\' && !escaped;
        byte == b'"' && !escaped
    }

    /// A byte between texts.
    fn structure(&mut self, byte: u8) {
        match byte {
            b'"' => {
                self.held.clear();
                self.inside = if self.naming { In::Name } else { self.place().map_or(In::Text, In::Held) };
            }
            b'{' | b'[' => {
                self.depth += 1;
                if self.depth <= MAX_DEPTH {
                    let bit = 1 << self.depth;
                    self.objects = if byte == b'{' { self.objects | bit } else { self.objects & !bit };
                }
                self.naming = byte == b'{';
                self.set_key(Key::Other);
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.naming = false;
                self.deep_key = Key::Other;
            }
            b',' => self.naming = self.in_object(),
            b'\n' if self.lines => self.begin_anew(),
            _ => {}
        }
    }

    const fn in_object(&self) -> bool {
        self.depth > 0 && self.depth <= MAX_DEPTH && self.objects & (1 << self.depth) != 0
    }

    fn set_key(&mut self, key: Key) {
        self.deep_key = key;
        if let Some(slot) = self.keys.get_mut(self.depth) {
            *slot = key;
        }
    }

    /// A name is complete.
    fn name(&mut self) {
        let unescaped = self.held.contains(&b'\\').then(|| unescaped(&self.held)).flatten();
        let name = unescaped.as_deref().map_or(&self.held[..], str::as_bytes);
        self.set_key(Key::of(name));
        self.naming = false;
        self.inside = In::Nothing;
    }

    /// Which text begins here.
    fn place(&self) -> Option<Place> {
        if self.in_object() && self.deep_key == Key::Encrypted {
            return Some(Place::Encrypted);
        }
        // A `response` is read like the document that it is in.
        let from = if self.depth > 1 && self.keys[1] == Key::Response { 2 } else { 1 };
        let path = self.keys.get(from..=self.depth)?;
        let objects = (1..=self.depth).all(|depth| self.objects & (1 << depth) != 0);
        match path {
            _ if !objects => None,
            [Key::Id] => Some(Place::Id),
            [Key::Previous] => Some(Place::Previous),
            [Key::Conversation] | [Key::Conversation, Key::Id] => Some(Place::Conversation),
            _ => None,
        }
    }

    /// A held text is complete.
    fn swapped(
        &mut self,
        place: Place,
        swap: &mut dyn FnMut(Place, &str) -> Option<String>,
        out: &mut Vec<u8>,
    ) {
        self.inside = In::Nothing;
        let other = unescaped(&self.held).and_then(|text| swap(place, &text));
        if let Some(other) = other {
            out.extend_from_slice(serde_json::Value::from(other).to_string().as_bytes());
        } else {
            out.push(b'"');
            out.extend_from_slice(&self.held);
            out.push(b'"');
        }
        self.held.clear();
    }

    /// Lets go of a text that is not complete.
    fn release(&mut self, out: &mut Vec<u8>) {
        if let In::Held(_) = self.inside {
            out.push(b'"');
            out.append(&mut self.held);
        }
    }
}

/// What a text of JSON says, without its quotes.
fn unescaped(raw: &[u8]) -> Option<String> {
    let raw = std::str::from_utf8(raw).ok()?;
    if raw.contains('\\') { serde_json::from_str(&format!("\"{raw}\"")).ok() } else { Some(raw.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Writes the place before every text that matters, whatever the pieces are.
    fn marked(document: &str, size: usize, lines: bool) -> String {
        let mut texts = if lines { Texts::of_stream() } else { Texts::of_document() };
        let mut out = Vec::new();
        let mut swap = |place: Place, text: &str| Some(format!("{place:?} {text}"));
        for piece in document.as_bytes().chunks(size) {
            texts.pass(piece, &mut swap, &mut out);
        }
        texts.end(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn texts_are_known_by_where_they_stand() {
        let document = r#"{"id":"a", "x":{"id":"b"}, "previous_response_id" : "c","conversation":{"id":"d","x":"e"},
            "output":[{"id":"f","encrypted_content":"g"},"h"],"text":"{\"id\":\"i\"}","\u0069d":"j",
            "response":{"id":"k","conversation":"l","output":[{"id":"m"}],"previous_response_id":null}}"#;
        let expected = r#"{"id":"Id a", "x":{"id":"b"}, "previous_response_id" : "Previous c","conversation":{"id":"Conversation d","x":"e"},
            "output":[{"id":"f","encrypted_content":"Encrypted g"},"h"],"text":"{\"id\":\"i\"}","\u0069d":"Id j",
            "response":{"id":"Id k","conversation":"Conversation l","output":[{"id":"m"}],"previous_response_id":null}}"#;
        for size in [1, 2, 3, 7, 10_000] {
            assert_eq!(marked(document, size, false), expected, "{size}");
        }
    }

    #[test]
    fn each_event_is_a_document() {
        let events = "event: response.created\ndata: {\"response\":{\"id\":\"a\n\ndata: {\"response\":{\"id\":\"b\"}}\r\n\n: \"c\n{\"id\":\"d\"}";
        let expected = "event: response.created\ndata: {\"response\":{\"id\":\"a\n\ndata: {\"response\":{\"id\":\"Id b\"}}\r\n\n: \"c\n{\"id\":\"Id d\"}";
        for size in [1, 5, 10_000] {
            assert_eq!(marked(events, size, true), expected, "{size}");
        }
    }

    #[test]
    fn escapes_are_read_and_written() {
        assert_eq!(marked(r#"{"id":"a\"\\b\u00e9"}"#, 1, false), r#"{"id":"Id a\"\\bé"}"#);
    }

    proptest! {
        #[test]
        fn what_is_not_swapped_is_the_same_bytes(bytes: Vec<u8>, size in 1..9usize, lines: bool) {
            let mut texts = if lines { Texts::of_stream() } else { Texts::of_document() };
            let mut out = Vec::new();
            for piece in bytes.chunks(size) {
                texts.pass(piece, &mut |_, _| None, &mut out);
            }
            texts.end(&mut out);
            prop_assert_eq!(out, bytes);
        }

        #[test]
        fn deep_nesting_is_no_harm(depth in 0..600usize, closing in 0..600usize) {
            let document = format!("{}\"id\"{}", "[{\"a\":".repeat(depth), "}]".repeat(closing));
            prop_assert_eq!(marked(&document, 3, false), document);
        }
    }
}
