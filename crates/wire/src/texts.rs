//! The texts in requests and answers: reading every one of them, and changing some.
//!
//! [`Texts`] is a body in which every text has a place: what a client wrote, what a model answered,
//! what a tool gave back. [`Texts::rewrite`] changes spans of them and copies everything else byte for
//! byte: unknown members, their order, the spelling of numbers, escapes. Arguments of tools that are
//! JSON inside of a text are read as JSON, so that they stay JSON when a value in them changes.
//!
//! Texts are found by the names of members, and not by declared types alone: a part of an unknown
//! type that has a `text` is read, a member that stands twice is read twice, and one in another case
//! is read, too, because some reader may take it. What a provider gets of a client's user is read as
//! well: `user`, `metadata`, names of people. Images, audio and encoded files are no texts, and neither
//! are ids and plain names of functions.

mod literal;
mod path;
mod read;
mod rewrite;
mod stream;
mod tape;

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use promptgate_firewall::guardrails::Channel;
use promptgate_providers::Operation;

use crate::BadRequest;
use read::{Found, Grammar, Logprobs, Manner, Reader};
pub use stream::{StopReason, StreamTexts, TextFilter, Track};
use tape::Tape;

/// What a text is in its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// A text.
    Text,
    /// The name of a member in the arguments of a tool or of a call's own, or a name in the definition of a
    /// tool. Plain names are not read: those of nothing but letters, blanks, `_`, `-` and `$`.
    Name,
    /// A number in the arguments of a tool, as it is spelled. One that is changed becomes a text.
    Number,
}

/// One text of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<'t> {
    /// Its place among the parts of the body.
    pub index: usize,
    /// Who speaks.
    pub channel: Channel,
    /// What it is.
    pub form: Form,
    /// Whether it stays as it is and may only be read: its vendor has signed it, or it is a name in the
    /// definition of a tool, which calls must repeat.
    pub is_signed: bool,
    /// Where it stands in the body, quotes included. Of a text inside of arguments that are a text
    /// themselves, where the arguments stand.
    pub literal: Range<usize>,
    /// The text, escapes resolved.
    pub text: &'t str,
}

/// A change of a part's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Which part.
    pub part: usize,
    /// What of its text goes, in bytes.
    pub span: Range<usize>,
    /// What takes its place.
    pub text: String,
}

/// A body in which texts cannot be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is no JSON, or not in UTF-8.
    #[error("the body is not valid JSON")]
    NotJson,
    /// It is nested too deeply.
    #[error("the body is nested too deeply")]
    TooDeep,
    /// It has too many values.
    #[error("the body has too many values")]
    TooMuch,
}

impl From<Unreadable> for BadRequest {
    fn from(unreadable: Unreadable) -> Self {
        let code = match unreadable {
            Unreadable::NotJson => "invalid_json",
            Unreadable::TooDeep | Unreadable::TooMuch => "too_complex",
        };
        Self { field: None, message: unreadable.to_string(), code }
    }
}

/// The texts of a body, in the order in which they stand in it.
///
/// ```
/// use bytes::Bytes;
/// use promptgate_providers::Operation;
/// use promptgate_wire::{Channel, TextEdit, Texts};
///
/// let body = Bytes::from(
///     r#"{"messages":[{"role":"assistant","tool_calls":[{"function":
///         {"name":"send","arguments":"{\"to\":\"a@b.c\",\"n\": 1.0}"}}]}], "seed":1e3}"#,
/// );
/// let texts = Texts::of_request(Operation::ChatCompletions, &body)?;
/// let part = texts.parts().next().unwrap();
/// assert_eq!((part.channel, part.text), (Channel::ToolArguments, "a@b.c"));
/// assert_eq!(texts.path(0), "messages[0].tool_calls[0].function.arguments.$.to");
///
/// let edit = TextEdit { part: 0, span: 0..5, text: "\"E\"".to_owned() };
/// let changed = texts.rewrite(&[edit]);
/// let expected = std::str::from_utf8(&body)?.replace("a@b.c", r#"\\\"E\\\""#);
/// assert_eq!(changed, expected);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Texts<'a> {
    body: &'a Bytes,
    text: &'a str,
    tape: Tape,
    places: Vec<Place>,
    nested: Vec<Nested<'a>>,
    logprobs: Vec<Logprobs>,
    has_unreadable: bool,
}

/// Where a part stands.
#[derive(Debug, Clone)]
struct Place {
    /// The document inside of a text that it stands in.
    within: Option<u32>,
    /// Its node; that of the list for one of its numbers.
    node: u32,
    /// Which number of a list of numbers it is.
    element: Option<u32>,
    start: u32,
    end: u32,
    channel: Channel,
    form: Form,
    is_signed: bool,
    /// Its text, where that is not what is written.
    decoded: Option<String>,
}

/// A document inside of a text.
#[derive(Debug, Clone)]
struct Nested<'a> {
    /// The text.
    node: u32,
    text: Cow<'a, str>,
    tape: Tape,
}

impl<'a> Texts<'a> {
    /// What a client wrote in a request.
    pub fn of_request(operation: Operation, body: &'a Bytes) -> Result<Self, Unreadable> {
        Self::read(Grammar::Request(operation), body)
    }

    /// What a caller of an AI endpoint wrote: its messages and its own members. Where it has no messages,
    /// the members are one.
    pub fn of_call(body: &'a Bytes) -> Result<Self, Unreadable> {
        Self::read(Grammar::Call { dispatched: false }, body)
    }

    /// The same, of a call whose `endpoint` is no member of its own, but says which endpoint is meant.
    pub fn of_dispatched(body: &'a Bytes) -> Result<Self, Unreadable> {
        Self::read(Grammar::Call { dispatched: true }, body)
    }

    /// What is in a conversation or in a list of its items, written or read.
    pub fn of_items(body: &'a Bytes) -> Result<Self, Unreadable> {
        Self::read(Grammar::Items, body)
    }

    /// What a model answered, when the answer is there as a whole.
    pub fn of_answer(operation: Operation, body: &'a Bytes) -> Result<Self, Unreadable> {
        Self::read(Grammar::Answer(operation), body)
    }

    /// What is in the arguments of a tool, where they stand alone. Those that are no JSON are one text.
    pub fn of_arguments(arguments: &'a Bytes) -> Result<Self, Unreadable> {
        Self::read(Grammar::Arguments, arguments)
    }

    /// What is in a body whose form nobody knows: every text, and every name that is not a plain one.
    /// Numbers are not read, because a text in their place may be refused.
    pub fn of_anything(body: &'a Bytes) -> Result<Self, Unreadable> {
        Self::read(Grammar::Anything, body)
    }

    fn read(grammar: Grammar, body: &'a Bytes) -> Result<Self, Unreadable> {
        let text = std::str::from_utf8(body).map_err(|_| Unreadable::NotJson)?;
        let tape = Tape::of(text)?;
        let mut reader = Reader::new(text, &tape, false);
        reader.read(grammar);
        let found = reader.found()?;
        Ok(Self::new(body, text, tape, found))
    }

    /// The texts in some values of a document, by what they are. `signs` says whether what a model thinks
    /// may be signed.
    fn of_pieces(
        body: &'a Bytes,
        text: &'a str,
        tape: Tape,
        pieces: &[(usize, Manner)],
        signs: bool,
    ) -> Result<Self, Unreadable> {
        let mut reader = Reader::new(text, &tape, signs);
        for (node, manner) in pieces {
            reader.read_piece(*node, *manner);
        }
        let found = reader.found()?;
        Ok(Self::new(body, text, tape, found))
    }

    fn new(body: &'a Bytes, text: &'a str, tape: Tape, found: Found<'a>) -> Self {
        let Found { places, nested, logprobs, has_unreadable, .. } = found;
        Self { body, text, tape, places, nested, logprobs, has_unreadable }
    }

    /// The node of the body that a part stands in.
    fn literal_node(&self, index: usize) -> usize {
        let place = &self.places[index];
        place.within.map_or(place.node, |nested| self.nested[nested as usize].node) as usize
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether the body also says something to its model that is no text and cannot be read as one: the
    /// numbers of tokens, in place of words to embed.
    pub fn has_unreadable(&self) -> bool {
        self.has_unreadable
    }

    /// All of them.
    pub fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        (0..self.places.len()).map(|index| self.part(index))
    }

    /// The part of an index that [`parts`](Self::parts) gave.
    pub fn part(&self, index: usize) -> Part<'_> {
        let place = &self.places[index];
        let literal = match place.within {
            Some(_) => self.tape.node(self.literal_node(index)).range(),
            None => place.start as usize..place.end as usize,
        };
        Part {
            index,
            channel: place.channel,
            form: place.form,
            is_signed: place.is_signed,
            literal,
            text: self.text_of(place),
        }
    }

    fn text_of<'t>(&'t self, place: &'t Place) -> &'t str {
        if let Some(decoded) = &place.decoded {
            return decoded;
        }
        &self.written(place)[place.inner()]
    }

    /// The document that a part stands in.
    fn written(&self, place: &Place) -> &str {
        place.within.map_or(self.text, |nested| &self.nested[nested as usize].text)
    }

    /// Where a part is, for people: `messages[4].tool_calls[0].function.arguments.$.email`. What comes
    /// behind `$` is inside of a text. A member whose name may be a secret itself has its number in
    /// braces instead, and `#` says that the name itself is meant.
    pub fn path(&self, index: usize) -> String {
        let place = &self.places[index];
        let mut path = String::new();
        let text = self.written(place);
        if let Some(nested) = place.within {
            let nested = &self.nested[nested as usize];
            path::write(self.text, &self.tape, nested.node as usize, None, &mut path);
            path.push_str(".$");
            path::write(text, &nested.tape, place.node as usize, place.element, &mut path);
        } else {
            path::write(text, &self.tape, place.node as usize, place.element, &mut path);
        }
        path
    }
}

impl Place {
    /// What is inside of the quotes, if it has some.
    fn inner(&self) -> Range<usize> {
        let quote = usize::from(self.form != Form::Number);
        self.start as usize + quote..self.end as usize - quote
    }
}

#[cfg(test)]
mod tests;
