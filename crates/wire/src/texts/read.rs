//! Which values of a document are texts, and who speaks in them.

use std::borrow::Cow;

use promptgate_providers::Operation;

use super::literal::decoded;
use super::tape::{Kind, Node, Tape, number_length};
use super::{Channel, Form, Nested, Place, Unreadable};

/// How many texts a body may have.
const MAX_PARTS: usize = 1 << 18;
/// Shorter numbers are not worth a look.
pub(crate) const SHORTEST_NUMBER: usize = 4;
/// A plain name is not longer.
const LONGEST_NAME: usize = 64;

/// What a document is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Grammar {
    /// The request of an operation.
    Request(Operation),
    /// The call of an AI endpoint.
    Call,
    /// Items of a conversation.
    Items,
    /// The answer of an operation.
    Answer(Operation),
    /// The arguments of a tool.
    Arguments,
}

/// What a model says about how likely its words were: the words again, one by one. It goes when one of
/// these parts is changed.
#[derive(Debug, Clone)]
pub(crate) struct Logprobs {
    pub(crate) node: u32,
    pub(crate) parts: std::ops::Range<usize>,
}

/// Finds the texts of a document.
pub(crate) struct Reader<'a, 't> {
    text: &'a str,
    tape: &'t Tape,
    found: Found<'a>,
}

/// What was found.
#[derive(Default)]
pub(crate) struct Found<'a> {
    pub(super) places: Vec<Place>,
    pub(super) nested: Vec<Nested<'a>>,
    pub(super) logprobs: Vec<Logprobs>,
    is_too_much: bool,
}

impl<'a, 't> Reader<'a, 't> {
    pub(crate) fn new(text: &'a str, tape: &'t Tape) -> Self {
        Self { text, tape, found: Found::default() }
    }

    pub(crate) fn read(&mut self, grammar: Grammar) {
        use Operation::{ChatCompletions, CountTokens, Embeddings, Messages, Responses};
        match grammar {
            Grammar::Request(ChatCompletions) => self.chat_request(),
            Grammar::Request(Responses) => self.responses_request(),
            Grammar::Request(Messages | CountTokens) => self.messages_request(),
            Grammar::Request(Embeddings) => self.embeddings_request(),
            Grammar::Call => self.call(),
            Grammar::Items => self.items(),
            Grammar::Answer(ChatCompletions) => self.chat_answer(),
            Grammar::Answer(Responses) => self.responses_answer(),
            Grammar::Answer(Messages) => self.messages_answer(),
            Grammar::Answer(CountTokens | Embeddings) => {}
            Grammar::Arguments => self.leaves(None, self.tape, 0, Channel::ToolArguments),
        }
    }

    /// Reads one value, and not the whole document.
    pub(crate) fn read_piece(&mut self, node: usize, channel: Channel) {
        if channel == Channel::ToolDefinition { self.definitions(node) } else { self.content(node, channel) }
    }

    pub(crate) fn found(self) -> Result<Found<'a>, Unreadable> {
        if self.found.is_too_much { Err(Unreadable::TooMuch) } else { Ok(self.found) }
    }

    fn chat_request(&mut self) {
        for (name, value) in self.tape.members(0) {
            match &*self.name(name) {
                "messages" => self.content(value, Channel::User),
                "prediction" => self.content(value, Channel::Assistant),
                "tools" | "functions" | "response_format" => self.definitions(value),
                _ => {}
            }
        }
    }

    fn responses_request(&mut self) {
        for (name, value) in self.tape.members(0) {
            match &*self.name(name) {
                "instructions" => self.content(value, Channel::System),
                "input" => self.content(value, Channel::User),
                "prompt" => self.variables(value),
                "tools" | "text" => self.definitions(value),
                _ => {}
            }
        }
    }

    fn messages_request(&mut self) {
        for (name, value) in self.tape.members(0) {
            match &*self.name(name) {
                "system" => self.content(value, Channel::System),
                "messages" => self.content(value, Channel::User),
                "tools" | "output_format" | "output_config" => self.definitions(value),
                _ => {}
            }
        }
    }

    fn embeddings_request(&mut self) {
        for (name, value) in self.tape.members(0) {
            if self.name(name) == "input" {
                self.content(value, Channel::User);
            }
        }
    }

    fn call(&mut self) {
        for (name, value) in self.tape.members(0) {
            match &*self.name(name) {
                "message" | "messages" => self.content(value, Channel::User),
                "tools" => self.definitions(value),
                "endpoint" | "stream" | "session_id" | "tool_choice" => {}
                _ => self.leaves(None, self.tape, value, Channel::User),
            }
        }
    }

    fn items(&mut self) {
        let lists = |name: &str| matches!(name, "data" | "items");
        let mut is_list = false;
        for (name, value) in self.tape.members(0) {
            if lists(&self.name(name)) && self.tape.node(value).kind == Kind::Array {
                is_list = true;
                self.content(value, Channel::User);
            }
        }
        if !is_list {
            self.content(0, Channel::User);
        }
    }

    fn chat_answer(&mut self) {
        for (name, value) in self.tape.members(0) {
            if self.name(name) == "choices" {
                for choice in self.tape.elements(value) {
                    self.choice(choice);
                }
            }
        }
    }

    fn choice(&mut self, choice: usize) {
        let before = self.found.places.len();
        let mut logprobs = None;
        for (name, value) in self.tape.members(choice) {
            match &*self.name(name) {
                "message" | "delta" => self.piece(value, Channel::Assistant),
                "text" => self.text(value, Channel::Assistant, false),
                "logprobs" => logprobs = Some(value),
                _ => {}
            }
        }
        self.note_logprobs(logprobs, before);
    }

    fn responses_answer(&mut self) {
        for (name, value) in self.tape.members(0) {
            match &*self.name(name) {
                "output" => self.content(value, Channel::Assistant),
                // The request, repeated.
                "instructions" => self.content(value, Channel::System),
                "prompt" => self.variables(value),
                "tools" => self.definitions(value),
                _ => {}
            }
        }
    }

    fn messages_answer(&mut self) {
        for (name, value) in self.tape.members(0) {
            if self.name(name) == "content" {
                self.content(value, Channel::Assistant);
            }
        }
    }

    /// The values that a stored prompt is given.
    fn variables(&mut self, prompt: usize) {
        for (name, value) in self.tape.members(prompt) {
            if self.name(name) == "variables" {
                for (_, variable) in self.tape.members(value) {
                    self.content(variable, Channel::User);
                }
            }
        }
    }

    /// A text, a list of such or of pieces, or a piece.
    fn content(&mut self, node: usize, channel: Channel) {
        match self.tape.node(node).kind {
            Kind::String { .. } => self.text(node, channel, false),
            Kind::Array => self.tape.elements(node).for_each(|element| self.content(element, channel)),
            Kind::Object => self.piece(node, channel),
            Kind::Numbers | Kind::Number | Kind::Word => {}
        }
    }

    /// A message, an item, a block or a part: what holds texts under names that all vendors share.
    fn piece(&mut self, node: usize, inherited: Channel) {
        let mut channel = inherited;
        let (mut is_signed, mut has_titles) = (false, false);
        for (name, value) in self.tape.members(node) {
            match &*self.name(name) {
                "role" => channel = role(&self.spelled(value), channel),
                "type" => match &*self.spelled(value) {
                    "document" | "search_result" => (channel, has_titles) = (Channel::Document, true),
                    "thinking" => (channel, is_signed) = (Channel::Reasoning, true),
                    "reasoning" => channel = Channel::Reasoning,
                    kind if kind.ends_with("tool_result") => channel = Channel::Tool,
                    kind if kind.ends_with("_call_output") => channel = Channel::Tool,
                    _ => {}
                },
                _ => {}
            }
        }
        let before = self.found.places.len();
        let mut logprobs = None;
        for (name, value) in self.tape.members(node) {
            match &*self.name(name) {
                "text" | "content" | "transcript" | "audio" => self.content(value, channel),
                "refusal" => self.text(value, channel, false),
                "reasoning_content" | "reasoning" | "summary" => self.content(value, Channel::Reasoning),
                "thinking" if self.tape.node(value).kind == Kind::Array => {
                    self.content(value, Channel::Reasoning);
                }
                "thinking" => self.text(value, Channel::Reasoning, is_signed),
                "tool_calls" | "function_call" | "function" | "custom" => {
                    self.content(value, Channel::ToolArguments);
                }
                "arguments" => self.arguments(value),
                "input" | "action" | "operation" | "queries" | "code" => {
                    self.leaves(None, self.tape, value, Channel::ToolArguments);
                }
                "output" | "outputs" | "stdout" | "stderr" | "logs" | "error" => {
                    self.content(value, Channel::Tool);
                }
                "results" => self.content(value, Channel::Document),
                "source" => self.source(value),
                "title" | "context" if has_titles => self.text(value, Channel::Document, false),
                "tools" => self.definitions(value),
                "logprobs" => logprobs = Some(value),
                _ => {}
            }
        }
        self.note_logprobs(logprobs, before);
    }

    fn note_logprobs(&mut self, node: Option<usize>, before: usize) {
        let parts = before..self.found.places.len();
        if let Some(node) = node.filter(|_| !parts.is_empty()) {
            self.found.logprobs.push(Logprobs { node: short(node), parts });
        }
    }

    /// Where a document is: in here, or elsewhere. Encoded files are no texts.
    fn source(&mut self, node: usize) {
        let is_encoded = |(name, value): (usize, usize)| {
            self.name(name) == "type" && matches!(&*self.spelled(value), "base64" | "url" | "file")
        };
        let kinds = |(name, _): &(usize, usize)| self.name(*name) == "type";
        let has_one_kind = self.tape.members(node).filter(kinds).count() == 1;
        let is_encoded = has_one_kind && self.tape.members(node).any(is_encoded);
        match self.tape.node(node).kind {
            Kind::Object => {
                for (name, value) in self.tape.members(node) {
                    match &*self.name(name) {
                        "data" if !is_encoded => self.text(value, Channel::Document, false),
                        "content" => self.content(value, Channel::Document),
                        _ => {}
                    }
                }
            }
            Kind::String { .. } => self.text(node, Channel::Document, false),
            _ => {}
        }
    }

    /// What describes tools, their arguments and the form of answers.
    fn definitions(&mut self, node: usize) {
        for element in self.tape.elements(node) {
            self.definitions(element);
        }
        for (name, value) in self.tape.members(node) {
            match self.tape.node(value).kind {
                Kind::String { .. } if self.name(name) == "description" => {
                    self.text(value, Channel::ToolDefinition, false);
                }
                Kind::Object | Kind::Array => self.definitions(value),
                _ => {}
            }
        }
    }

    /// Arguments of a tool: JSON inside of a text, as a rule.
    fn arguments(&mut self, node: usize) {
        let Node { kind: Kind::String { plain }, .. } = *self.tape.node(node) else {
            return self.leaves(None, self.tape, node, Channel::ToolArguments);
        };
        let raw = &self.text[self.tape.node(node).inner()];
        let text = if plain { Cow::Borrowed(raw) } else { decoded(raw) };
        match Tape::of(&text) {
            Ok(tape) => {
                let within = short(self.found.nested.len());
                let nested = Nested { node: short(node), text, tape: Tape::default() };
                self.found.nested.push(nested);
                self.leaves(Some(within), &tape, 0, Channel::ToolArguments);
                self.found.nested[within as usize].tape = tape;
            }
            // Its sense is the tool's alone.
            Err(_) => self.text(node, Channel::ToolArguments, false),
        }
    }

    /// Every text, number and suspicious name in a value.
    fn leaves(&mut self, within: Option<u32>, tape: &Tape, node: usize, channel: Channel) {
        let Node { kind, start, end, .. } = *tape.node(node);
        match kind {
            Kind::String { .. } => self.place(within, tape, node, channel, Form::Text),
            Kind::Number if (end - start) as usize >= SHORTEST_NUMBER => {
                self.place(within, tape, node, channel, Form::Number);
            }
            Kind::Numbers => self.numbers(within, tape, node, channel),
            Kind::Array => {
                for element in tape.elements(node) {
                    self.leaves(within, tape, element, channel);
                }
            }
            Kind::Object => {
                for (name, value) in tape.members(node) {
                    let spelled = tape.node(name).text(self.document(within));
                    if !spelled.is_some_and(|name| is_plain_name(&name)) {
                        self.place(within, tape, name, channel, Form::Name);
                    }
                    self.leaves(within, tape, value, channel);
                }
            }
            Kind::Number | Kind::Word => {}
        }
    }

    fn numbers(&mut self, within: Option<u32>, tape: &Tape, node: usize, channel: Channel) {
        let Node { start, end, .. } = *tape.node(node);
        let (mut at, mut element) = (start as usize, 0);
        while at < end as usize {
            let length = number_length(&self.document(within).as_bytes()[at..]);
            if length >= SHORTEST_NUMBER {
                self.push(Place {
                    within,
                    node: short(node),
                    element: Some(element),
                    start: short(at),
                    end: short(at + length),
                    channel,
                    form: Form::Number,
                    is_signed: false,
                    decoded: None,
                });
            }
            element += u32::from(length > 0);
            at += length.max(1);
        }
    }

    fn document(&self, within: Option<u32>) -> &str {
        within.map_or(self.text, |nested| &self.found.nested[nested as usize].text)
    }

    fn text(&mut self, node: usize, channel: Channel, is_signed: bool) {
        if matches!(self.tape.node(node).kind, Kind::String { .. }) {
            let before = self.found.places.len();
            self.place(None, self.tape, node, channel, Form::Text);
            if let Some(place) = self.found.places.get_mut(before) {
                place.is_signed = is_signed;
            }
        }
    }

    fn place(&mut self, within: Option<u32>, tape: &Tape, node: usize, channel: Channel, form: Form) {
        let &Node { kind, start, end, .. } = tape.node(node);
        let decoded = match kind {
            Kind::String { plain: false } => {
                Some(decoded(&self.document(within)[tape.node(node).inner()]).into_owned())
            }
            _ => None,
        };
        let node = short(node);
        self.push(Place {
            within,
            node,
            element: None,
            start,
            end,
            channel,
            form,
            is_signed: false,
            decoded,
        });
    }

    fn push(&mut self, place: Place) {
        if self.found.places.len() < MAX_PARTS {
            self.found.places.push(place);
        } else {
            self.found.is_too_much = true;
        }
    }

    /// The name of a member, as a reader takes it that ignores case.
    fn name(&self, node: usize) -> Cow<'a, str> {
        let name = self.spelled(node);
        let folds = |byte: u8| byte.is_ascii_uppercase() || !byte.is_ascii();
        if name.bytes().any(folds) {
            let folded = name.replace('\u{17f}', "s").replace('\u{212a}', "k").to_ascii_lowercase();
            return Cow::Owned(folded);
        }
        name
    }

    /// A text; empty if it is none.
    fn spelled(&self, node: usize) -> Cow<'a, str> {
        self.tape.node(node).text(self.text).unwrap_or_default()
    }
}

impl Node {
    /// Where it stands.
    pub(crate) fn range(&self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The text that it is, in the document that it is of.
    pub(crate) fn text<'a>(&self, document: &'a str) -> Option<Cow<'a, str>> {
        match self.kind {
            Kind::String { plain: true } => Some(Cow::Borrowed(&document[self.inner()])),
            Kind::String { plain: false } => Some(decoded(&document[self.inner()])),
            _ => None,
        }
    }

    /// What is between the quotes of a text.
    pub(crate) fn inner(&self) -> std::ops::Range<usize> {
        self.start as usize + 1..self.end as usize - 1
    }
}

/// Who speaks by the name of a role.
fn role(role: &str, otherwise: Channel) -> Channel {
    match role {
        "system" | "developer" => Channel::System,
        "user" => Channel::User,
        "assistant" | "model" => Channel::Assistant,
        "tool" | "function" => Channel::Tool,
        _ => otherwise,
    }
}

/// Whether a name in a tool's arguments is nothing but one: it holds no address, number or secret.
pub(crate) fn is_plain_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-' | b'$' | b' ');
    name.len() <= LONGEST_NAME && name.bytes().all(is_plain)
}

/// Documents with more nodes are refused.
fn short(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
