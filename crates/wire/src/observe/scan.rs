//! Reads JSON as it arrives, in pieces of any size, and keeps the few members that matter.
//!
//! Nothing is kept but what [`Scan`] names, so that an answer of any size takes the same memory.

use memchr::memchr2;

use super::short::Short;

/// Longest name of a member that matters.
const MAX_NAME: usize = 20;
/// Longest `type` that matters, such as `response.code_interpreter_call_code.delta`.
const MAX_KIND: usize = 48;
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
    Response,
    Output,
    Delta,
    Error,
    Type,
    /// Calls of tools, by their old or new name.
    ToolCalls,
    FinishReason,
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
            b"response" => Self::Response,
            b"output" => Self::Output,
            b"delta" => Self::Delta,
            b"tool_calls" | b"function_call" => Self::ToolCalls,
            b"finish_reason" => Self::FinishReason,
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

/// Where in a document the model's words are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Words {
    /// Wherever a member of their names is.
    Anywhere,
    /// In the deltas of events and in the output of a whole response, as the responses API has it:
    /// its other events repeat them, and the request too.
    OfResponse,
}

/// What a document was seen to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Marks {
    /// Whether a member `error` is there and not null.
    pub(crate) error: bool,
    /// Whether it calls a tool, or says why a choice is finished.
    pub(crate) acts: bool,
}

/// A reader of one document after another.
#[derive(Debug)]
pub(crate) struct Scan {
    words: Words,
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
    kind: Short<MAX_KIND>,
    /// The model's name as JSON without quotes; the first that came in any document.
    model: Vec<u8>,
    /// Likewise the answer's identity.
    id: Vec<u8>,
    pub(crate) choices: Choices,
    pub(crate) marks: Marks,
    /// Bytes of text written by the model, over all documents.
    pub(crate) text_bytes: u64,
}

impl Scan {
    pub(crate) const fn new(words: Words) -> Self {
        Self {
            words,
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
            marks: Marks { error: false, acts: false },
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
        self.marks = Marks::default();
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

    /// Whether the value that begins is a member of the document itself, or of its `message` or
    /// `response`.
    fn at_surface(&self) -> bool {
        let inner = || self.depth == 2 && matches!(self.keys[1], Key::Message | Key::Response);
        self.in_object() && (self.depth == 1 || inner())
    }

    /// Whether the text that begins was written by the model.
    fn is_written(&self, key: Key) -> bool {
        match self.words {
            Words::Anywhere => key == Key::Written && self.depth >= 2 && self.input_depth.is_none(),
            Words::OfResponse if self.depth == 1 => key == Key::Delta,
            Words::OfResponse => key == Key::Written && self.keys[1] == Key::Output,
        }
    }

    fn begin_value(&mut self, first: u8) {
        if self.depth == 1 {
            match self.key() {
                Key::Choices => self.choices = Choices::Empty,
                Key::Error => self.marks.error = first != b'n',
                _ => {}
            }
        } else if self.depth == 2 && self.keys[1] == Key::Choices {
            self.choices = Choices::Filled;
        } else if self.depth == 2 && self.keys[1] == Key::Response && self.key() == Key::Error {
            self.marks.error |= first != b'n';
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
        self.marks.acts |= object && key == Key::ToolCalls && self.depth >= 2;
        let counts_input = self.words == Words::Anywhere && key == Key::Input;
        if counts_input && self.depth >= 2 && self.input_depth.is_none() {
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
        self.counting = self.is_written(key);
        self.marks.acts |= key == Key::FinishReason && self.depth >= 2;
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
    let is_plain = |byte: u8| byte >= b' ' && byte != b'\\';
    if text.bytes().all(is_plain) {
        return Some(text.to_owned());
    }
    serde_json::from_str(&format!("\"{text}\"")).ok()
}

#[cfg(test)]
mod tests;
