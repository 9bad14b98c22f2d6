//! Reads JSON as it arrives, in pieces of any size, and keeps the few members that matter.
//!
//! Nothing is kept but what [`Scan`] names, so that an answer of any size takes the same memory.

use memchr::memchr2;

use super::short::Short;

/// Longest name of a member that matters.
const MAX_NAME: usize = 20;
/// Longest model name or identity that is kept.
const MAX_LABEL: usize = 512;
/// Longest usage object that is kept.
const MAX_USAGE: usize = 16 * 1024;
/// How deep a document may nest; one bit each in [`Scan::objects`].
const MAX_DEPTH: usize = 127;

/// Where in the grammar the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A value begins here.
    Value,
    /// A member's name or the end of an empty object.
    NameOrEnd,
    /// A value or the end of an empty array.
    ValueOrEnd,
    /// A member's name.
    Name,
    Colon,
    CommaOrEnd,
    /// In a text, or in a name while [`Scan::naming`].
    InString,
    /// Behind a backslash.
    Escaped,
    /// In the four digits of `\u`, of which so many are left.
    Digits(u8),
    InNumberOrWord,
    /// The document is over.
    Over,
    /// This is not JSON, or nests too deeply: nothing more is read of it.
    Lost,
}

/// What the name of a member says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Id,
    Model,
    Usage,
    Choices,
    Message,
    Error,
    Type,
    /// Its texts were written by the model.
    Written,
    /// Its whole value was written by the model.
    Input,
    Other,
}

impl Key {
    fn of(name: &[u8]) -> Self {
        match name {
            b"id" => Self::Id,
            b"model" => Self::Model,
            b"usage" => Self::Usage,
            b"choices" => Self::Choices,
            b"message" => Self::Message,
            b"error" => Self::Error,
            b"type" => Self::Type,
            b"content" | b"text" | b"refusal" | b"reasoning_content" | b"reasoning" | b"thinking"
            | b"arguments" | b"partial_json" | b"transcript" => Self::Written,
            b"input" => Self::Input,
            _ => Self::Other,
        }
    }
}

/// Whether an answer's `choices` are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Choices {
    /// No such member.
    #[default]
    Absent,
    /// There, with nothing in it.
    Empty,
    /// There, with something in it.
    Filled,
}

/// What is being copied while it passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Copying {
    Nothing,
    Usage,
    Model,
    Id,
    Type,
}

/// A reader of one document after another.
#[derive(Debug)]
pub(crate) struct Scan {
    state: State,
    depth: usize,
    /// Bit `d` says whether the container at depth `d` is an object.
    objects: u128,
    /// The name last read at each of the first depths; index 0 is unused.
    keys: [Key; 4],
    deep_key: Key,
    naming: bool,
    name: Short<MAX_NAME>,
    copying: Copying,
    /// Usage ends when this depth is reached again.
    usage_depth: usize,
    /// Likewise what the model wrote as JSON.
    input_depth: Option<usize>,
    /// Whether the text was written by the model.
    counting: bool,
    usage: Vec<u8>,
    kind: Short<MAX_NAME>,
    /// The model's name as JSON without quotes; the first that came in any document.
    model: Vec<u8>,
    /// Likewise the answer's identity.
    id: Vec<u8>,
    pub(crate) choices: Choices,
    /// Whether a member `error` is there and not null.
    pub(crate) error: bool,
    /// Bytes of text written by the model, over all documents.
    pub(crate) text_bytes: u64,
}

impl Scan {
    pub(crate) const fn new() -> Self {
        Self {
            state: State::Value,
            depth: 0,
            objects: 0,
            keys: [Key::Other; 4],
            deep_key: Key::Other,
            naming: false,
            name: Short::new(),
            copying: Copying::Nothing,
            usage_depth: 0,
            input_depth: None,
            counting: false,
            usage: Vec::new(),
            kind: Short::new(),
            model: Vec::new(),
            id: Vec::new(),
            choices: Choices::Absent,
            error: false,
            text_bytes: 0,
        }
    }

    /// Forgets the document, for the next one.
    pub(crate) fn begin(&mut self) {
        self.state = State::Value;
        self.depth = 0;
        self.copying = Copying::Nothing;
        self.input_depth = None;
        self.counting = false;
        self.usage.clear();
        self.kind.clear();
        self.choices = Choices::Absent;
        self.error = false;
    }

    /// Whether a whole document was read.
    pub(crate) fn complete(&self) -> bool {
        self.state == State::Over
    }

    /// The document's usage object as JSON, if it has one.
    pub(crate) fn usage(&self) -> Option<&[u8]> {
        (!self.usage.is_empty() && self.copying != Copying::Usage).then_some(&self.usage)
    }

    /// The document's `type`.
    pub(crate) fn kind(&self) -> &[u8] {
        self.kind.as_bytes()
    }

    /// The first model named.
    pub(crate) fn model(&self) -> Option<String> {
        label(&self.model)
    }

    /// The first identity named.
    pub(crate) fn id(&self) -> Option<String> {
        label(&self.id)
    }

    /// Reads the next piece.
    pub(crate) fn feed(&mut self, piece: &[u8]) {
        let mut at = 0;
        while at < piece.len() {
            match self.state {
                State::InString => {
                    let rest = &piece[at..];
                    let run = memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                    self.in_string(&rest[..run]);
                    at += run;
                    match piece.get(at) {
                        Some(b'"') => self.end_string(),
                        Some(_) => self.escape(),
                        None => break,
                    }
                }
                State::InNumberOrWord => {
                    let rest = &piece[at..];
                    let run = rest.iter().position(|byte| ends_word(*byte)).unwrap_or(rest.len());
                    self.pass(&rest[..run]);
                    at += run;
                    if run < rest.len() {
                        self.state = State::CommaOrEnd;
                    }
                    continue;
                }
                State::Escaped => self.escaped(piece[at]),
                State::Digits(left) => self.digit(piece[at], left),
                State::Lost => return,
                _ => self.structural(piece[at]),
            }
            at += 1;
        }
    }

    /// Keeps what passes, where it is wanted.
    #[inline]
    fn pass(&mut self, piece: &[u8]) {
        if self.copying != Copying::Nothing || self.input_depth.is_some() {
            self.keep(piece);
        }
    }

    fn keep(&mut self, piece: &[u8]) {
        if self.input_depth.is_some() {
            self.text_bytes = self.text_bytes.saturating_add(piece.len() as u64);
        }
        let (kept, limit) = match self.copying {
            Copying::Nothing => return,
            Copying::Type => return self.kind.push(piece),
            Copying::Usage => (&mut self.usage, MAX_USAGE),
            Copying::Model => (&mut self.model, MAX_LABEL),
            Copying::Id => (&mut self.id, MAX_LABEL),
        };
        if kept.len() + piece.len() > limit {
            kept.clear();
            self.copying = Copying::Nothing;
        } else {
            kept.extend_from_slice(piece);
        }
    }

    fn structural(&mut self, byte: u8) {
        self.pass(&[byte]);
        match (self.state, byte) {
            (State::Value | State::ValueOrEnd, b'{') => self.open(true),
            (State::Value | State::ValueOrEnd, b'[') => self.open(false),
            (State::ValueOrEnd, b']') | (State::NameOrEnd, b'}') => self.close(byte),
            (State::Value | State::ValueOrEnd, b'"') => self.begin_text(),
            (State::Value | State::ValueOrEnd, b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                self.begin_value(byte);
                // A bare number has no end that can be seen; documents are objects.
                self.state = if self.depth == 0 { State::Lost } else { State::InNumberOrWord };
            }
            (State::NameOrEnd | State::Name, b'"') => {
                self.name.clear();
                self.naming = true;
                self.state = State::InString;
            }
            (State::Colon, b':') => self.state = State::Value,
            (State::CommaOrEnd, b',') => {
                self.state = if self.in_object() { State::Name } else { State::Value };
            }
            (State::CommaOrEnd, b'}' | b']') => self.close(byte),
            (_, b' ' | b'\t' | b'\r' | b'\n') => {}
            _ => self.state = State::Lost,
        }
    }

    const fn in_object(&self) -> bool {
        self.objects & (1 << self.depth) != 0
    }

    fn key(&self) -> Key {
        self.keys.get(self.depth).copied().unwrap_or(self.deep_key)
    }

    fn set_key(&mut self, key: Key) {
        match self.keys.get_mut(self.depth) {
            Some(slot) => *slot = key,
            None => self.deep_key = key,
        }
    }

    /// Whether the value that begins is a member of the document itself, or of its `message`.
    fn at_surface(&self) -> bool {
        self.in_object() && (self.depth == 1 || (self.depth == 2 && self.keys[1] == Key::Message))
    }

    fn begin_value(&mut self, first: u8) {
        if self.depth == 1 {
            match self.key() {
                Key::Choices => self.choices = Choices::Empty,
                Key::Error => self.error = first != b'n',
                _ => {}
            }
        } else if self.depth == 2 && self.keys[1] == Key::Choices {
            self.choices = Choices::Filled;
        }
    }

    fn open(&mut self, object: bool) {
        let top = self.depth == 0;
        if self.depth == MAX_DEPTH || (top && !object) {
            self.state = State::Lost;
            return;
        }
        self.begin_value(if object { b'{' } else { b'[' });
        let key = if top { Key::Other } else { self.key() };
        if object && key == Key::Usage && self.copying == Copying::Nothing && self.at_surface() {
            self.usage.clear();
            self.usage.push(b'{');
            self.copying = Copying::Usage;
            self.usage_depth = self.depth;
        }
        if key == Key::Input && self.depth >= 2 && self.input_depth.is_none() {
            self.input_depth = Some(self.depth);
            self.text_bytes = self.text_bytes.saturating_add(1);
        }
        self.depth += 1;
        if object {
            self.objects |= 1 << self.depth;
        } else {
            self.objects &= !(1 << self.depth);
        }
        // What is in an array is under the array's name.
        self.set_key(if object { Key::Other } else { key });
        self.state = if object { State::NameOrEnd } else { State::ValueOrEnd };
    }

    fn close(&mut self, byte: u8) {
        if self.in_object() != (byte == b'}') {
            self.state = State::Lost;
            return;
        }
        self.depth -= 1;
        if self.copying == Copying::Usage && self.depth == self.usage_depth {
            self.copying = Copying::Nothing;
        }
        if self.input_depth == Some(self.depth) {
            self.input_depth = None;
        }
        self.state = if self.depth == 0 { State::Over } else { State::CommaOrEnd };
    }

    fn begin_text(&mut self) {
        if self.depth == 0 {
            self.state = State::Lost;
            return;
        }
        self.begin_value(b'"');
        let key = self.key();
        self.counting = key == Key::Written && self.depth >= 2 && self.input_depth.is_none();
        if self.copying == Copying::Nothing && self.at_surface() {
            self.copying = match key {
                Key::Model if self.model.is_empty() => Copying::Model,
                Key::Id if self.id.is_empty() => Copying::Id,
                Key::Type if self.depth == 1 => Copying::Type,
                _ => Copying::Nothing,
            };
        }
        self.naming = false;
        self.state = State::InString;
    }

    fn in_string(&mut self, run: &[u8]) {
        if self.naming {
            self.name.push(run);
        } else {
            self.count(run.len());
        }
        self.pass(run);
    }

    fn end_string(&mut self) {
        if self.copying != Copying::Usage {
            self.copying = Copying::Nothing;
        }
        self.pass(b"\"");
        if self.naming {
            self.set_key(Key::of(self.name.as_bytes()));
            self.state = State::Colon;
        } else {
            self.state = State::CommaOrEnd;
        }
    }

    fn escape(&mut self) {
        self.pass(b"\\");
        // No name that matters has an escape in it; an escaped one is not recognised.
        self.name.push(b"\\");
        self.state = State::Escaped;
    }

    fn escaped(&mut self, byte: u8) {
        self.pass(&[byte]);
        if byte == b'u' {
            // Up to three bytes of UTF-8.
            self.count(3);
            self.state = State::Digits(4);
        } else {
            self.count(1);
            self.state = State::InString;
        }
    }

    fn digit(&mut self, byte: u8, left: u8) {
        self.pass(&[byte]);
        self.state = match (byte.is_ascii_hexdigit(), left) {
            (false, _) => State::Lost,
            (true, 1) => State::InString,
            (true, _) => State::Digits(left - 1),
        };
    }

    fn count(&mut self, bytes: usize) {
        if self.counting && !self.naming {
            self.text_bytes = self.text_bytes.saturating_add(bytes as u64);
        }
    }
}

const fn ends_word(byte: u8) -> bool {
    matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n')
}

fn label(json: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(json).ok().filter(|text| !text.is_empty())?;
    serde_json::from_str(&format!("\"{text}\"")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn scan(json: &str) -> Scan {
        let mut scan = Scan::new();
        scan.feed(json.as_bytes());
        scan
    }

    #[test]
    fn the_members_that_matter_are_kept() {
        let scan = scan(
            r#"{"id":"c-1","model":"gpt\u002d4o","x":{"usage":{"no":1},"model":"no","error":1},
                "choices":[{"index":0,"message":{"role":"assistant","content":"a\u00e9\n","id":"no"}}],
                "usage": {"prompt_tokens":1,"d":{"s":"}"}} ,"error":null}"#,
        );
        assert!(scan.complete());
        assert_eq!(scan.usage(), Some(&br#"{"prompt_tokens":1,"d":{"s":"}"}}"#[..]));
        assert_eq!((scan.model().unwrap(), scan.id().unwrap()), ("gpt-4o".to_owned(), "c-1".to_owned()));
        assert_eq!((scan.choices, scan.error, scan.text_bytes), (Choices::Filled, false, 1 + 3 + 1));
    }

    #[test]
    fn what_the_model_wrote_is_counted() {
        for (json, bytes) in [
            (r#"{"choices":[{"delta":{"content":"four","role":"assistant"}}]}"#, 4),
            (r#"{"choices":[{"delta":{"tool_calls":[{"id":"x","function":{"arguments":"{}"}}]}}]}"#, 2),
            (r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"hi"}}"#, 2),
            (r#"{"type":"content_block_delta","delta":{"type":"signature_delta","signature":"EqQB"}}"#, 0),
            (
                r#"{"content":[{"type":"tool_use","id":"t","input":{"a":"b"}},{"type":"text","text":"x"}]}"#,
                10,
            ),
            (r#"{"data":[{"embedding":"AAAA","index":0}],"text":"top"}"#, 0),
            (r#"{"choices":[{"message":{"content":["a","b"]}}]}"#, 2),
        ] {
            assert_eq!(scan(json).text_bytes, bytes, "{json}");
        }
    }

    #[test]
    fn choices_are_told_apart() {
        for (json, choices) in [
            ("{}", Choices::Absent),
            (r#"{"choices":[ ]}"#, Choices::Empty),
            (r#"{"choices":null}"#, Choices::Empty),
            (r#"{"choices":[null]}"#, Choices::Filled),
            (r#"{"x":{"choices":[1]}}"#, Choices::Absent),
        ] {
            assert_eq!(scan(json).choices, choices, "{json}");
        }
    }

    #[test]
    fn what_is_no_document_is_never_complete() {
        let deep = format!(r#"{{"a":{}"#, "[".repeat(200));
        for wrong in
            ["", " ", "[DONE]", "[]", "7", "\"x\"", "{", r#"{"a":1"#, r#"{"a" 1}"#, r#"{"a":]}"#, "{]", &deep]
        {
            let mut scan = scan(wrong);
            assert!(!scan.complete(), "{wrong}");
            scan.begin();
            scan.feed(b"{}");
            assert!(scan.complete(), "a wrong document does not spoil the next");
        }
    }

    #[test]
    fn what_is_too_long_is_not_kept() {
        let long = "x".repeat(MAX_USAGE);
        let document = json!({"model": long, "id": long, "usage": {"a": long}, "b": 1}).to_string();
        let scan = scan(&document);
        assert!(scan.complete());
        assert_eq!((scan.model(), scan.id(), scan.usage()), (None, None, None));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let name = prop_oneof![
            Just("usage".to_owned()),
            Just("choices".to_owned()),
            Just("message".to_owned()),
            Just("model".to_owned()),
            Just("content".to_owned()),
            ".{0,6}",
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<i16>().prop_map(|number| Value::from(f64::from(number) / 4.0)),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((name.clone(), inner), 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_parser_that_sees_everything_agrees(members in prop::collection::vec(any_json(), 5), cut: usize, pretty: bool) {
            let [model, usage, choices, error, other] = <[Value; 5]>::try_from(members).unwrap();
            let document = json!({"model": model, "usage": usage, "choices": choices, "error": error, "z": other});
            let json = if pretty { serde_json::to_string_pretty(&document) } else { serde_json::to_string(&document) };
            let json = json.unwrap();
            let cut = cut % (json.len() + 1);
            let mut scan = Scan::new();
            scan.feed(&json.as_bytes()[..cut]);
            scan.feed(&json.as_bytes()[cut..]);
            prop_assert!(scan.complete());
            prop_assert_eq!(scan.model(), model.as_str().filter(|model| !model.is_empty()).map(str::to_owned));
            let kept = scan.usage().map(|json| serde_json::from_slice::<Value>(json).unwrap());
            prop_assert_eq!(kept, usage.is_object().then_some(usage));
            prop_assert_eq!(scan.error, !error.is_null());
            let filled = match &choices {
                Value::Array(choices) => !choices.is_empty(),
                Value::Object(choices) => !choices.is_empty(),
                _ => false,
            };
            prop_assert_eq!(scan.choices == Choices::Filled, filled);
        }

        #[test]
        fn any_bytes_are_safe(pieces: Vec<Vec<u8>>) {
            let mut scan = Scan::new();
            for piece in &pieces {
                scan.feed(piece);
            }
            prop_assert!(scan.usage.len() <= MAX_USAGE && scan.model.len() <= MAX_LABEL);
        }
    }
}
