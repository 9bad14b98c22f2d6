//! Which values of a document are texts, and who speaks in them.

mod cited;
mod definitions;
mod leaves;

use std::borrow::Cow;

use promptgate_providers::Operation;

use super::literal::decoded;
use super::tape::{Kind, Node, Tape};
use super::{Channel, Nested, Place, Unreadable};

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
    Call {
        /// Whether the body says which endpoint is meant.
        dispatched: bool,
    },
    /// Items of a conversation.
    Items,
    /// The answer of an operation.
    Answer(Operation),
    /// The arguments of a tool.
    Arguments,
    /// Nobody knows what.
    Anything,
}

impl Grammar {
    /// Whether what a model thinks may be signed.
    const fn signs(self) -> bool {
        use Operation::{CountTokens, Messages};
        matches!(self, Self::Request(Messages | CountTokens) | Self::Answer(Messages))
    }
}

/// What a value is that is read alone, and not with its whole document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// A text, a piece or a list of such.
    Content(Channel),
    /// Tools, or the form of an answer.
    Definitions,
    /// What an answer refers to.
    Citations,
    /// What a model thought, piece by piece.
    ReasoningDetails,
    /// Labels that a client gives.
    Metadata,
}

/// What a model says about how likely its words were: the words again, one by one. It goes when one of
/// these parts is changed.
#[derive(Debug, Clone)]
pub(crate) struct Logprobs {
    pub(crate) node: u32,
    pub(crate) parts: std::ops::Range<usize>,
}

/// What is known of a piece before its texts are read.
struct Traits {
    channel: Channel,
    /// What it says a model thought is signed by the vendor.
    is_signed: bool,
    /// It is a document, which has a title.
    has_titles: bool,
    /// It may name who speaks.
    has_name: bool,
}

/// Finds the texts of a document.
pub(crate) struct Reader<'a, 't> {
    text: &'a str,
    tape: &'t Tape,
    /// Whether what a model thinks may be signed.
    signs: bool,
    /// Whether numbers are read where every leaf is.
    reads_numbers: bool,
    found: Found<'a>,
}

/// What was found.
#[derive(Default)]
pub(crate) struct Found<'a> {
    pub(super) places: Vec<Place>,
    pub(super) nested: Vec<Nested<'a>>,
    pub(super) logprobs: Vec<Logprobs>,
    pub(super) has_unreadable: bool,
    is_too_much: bool,
}

impl<'a, 't> Reader<'a, 't> {
    /// A reader of a document. `signs` says whether what a model thinks may be signed in it.
    pub(crate) fn new(text: &'a str, tape: &'t Tape, signs: bool) -> Self {
        Self { text, tape, signs, reads_numbers: true, found: Found::default() }
    }

    pub(crate) fn read(&mut self, grammar: Grammar) {
        use Operation::{ChatCompletions, CountTokens, Embeddings, Messages, Responses};
        self.signs = grammar.signs();
        match grammar {
            Grammar::Request(ChatCompletions) => self.chat_request(),
            Grammar::Request(Responses) => self.responses_request(),
            Grammar::Request(Messages | CountTokens) => self.messages_request(),
            Grammar::Request(Embeddings) => self.embeddings_request(),
            Grammar::Call { dispatched } => self.call(dispatched),
            Grammar::Items => self.items(),
            Grammar::Answer(ChatCompletions) => self.chat_answer(),
            Grammar::Answer(Responses) => self.responses_answer(),
            Grammar::Answer(Messages) => self.messages_answer(),
            Grammar::Answer(CountTokens | Embeddings) => {}
            Grammar::Arguments => self.leaves(None, self.tape, 0, Channel::ToolArguments),
            Grammar::Anything => {
                self.reads_numbers = false;
                self.anything(0, Channel::User);
            }
        }
    }

    /// Reads one value, and not the whole document.
    pub(crate) fn read_piece(&mut self, node: usize, manner: Manner) {
        match manner {
            Manner::Content(channel) => self.content(node, channel),
            Manner::Definitions => self.definitions(node),
            Manner::Citations => self.cited(node, Channel::Document),
            Manner::ReasoningDetails => self.reasoning_details(node),
            Manner::Metadata => self.metadata(node),
        }
    }

    pub(crate) fn found(self) -> Result<Found<'a>, Unreadable> {
        if self.found.is_too_much { Err(Unreadable::TooMuch) } else { Ok(self.found) }
    }

    fn chat_request(&mut self) {
        for (name, value) in self.tape.members(0) {
            match &*self.name(name) {
                "messages" => self.content(value, Channel::User),
                "prediction" => self.content(value, Channel::Label),
                "tools" | "functions" | "response_format" => self.definitions(value),
                "stop" => self.content(value, Channel::Label),
                "web_search_options" => self.cited(value, Channel::Aside),
                name => self.client_member(name, value),
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
                name => self.client_member(name, value),
            }
        }
    }

    fn messages_request(&mut self) {
        for (name, value) in self.tape.members(0) {
            match &*self.name(name) {
                "system" => self.content(value, Channel::System),
                "messages" => self.content(value, Channel::User),
                "tools" | "output_format" | "output_config" => self.definitions(value),
                "stop_sequences" => self.content(value, Channel::Label),
                name => self.client_member(name, value),
            }
        }
    }

    fn embeddings_request(&mut self) {
        for (name, value) in self.tape.members(0) {
            match &*self.name(name) {
                "input" => {
                    let is_number = |node| matches!(self.tape.node(node).kind, Kind::Number | Kind::Numbers);
                    let has_tokens = is_number(value) || self.tape.elements(value).any(is_number);
                    self.found.has_unreadable |= has_tokens;
                    self.content(value, Channel::User);
                }
                name => self.client_member(name, value),
            }
        }
    }

    /// What clients say of themselves and of their users. No model reads it, and its provider does.
    fn client_member(&mut self, name: &str, value: usize) {
        match name {
            "user" | "safety_identifier" => self.text(value, Channel::Label, false),
            "metadata" => self.metadata(value),
            _ => {}
        }
    }

    fn metadata(&mut self, node: usize) {
        self.leaves(None, self.tape, node, Channel::Label);
    }

    fn call(&mut self, dispatched: bool) {
        let is_message = |(name, value): (usize, usize)| {
            let is_null = &self.text[self.tape.node(value).range()] == "null";
            !is_null && matches!(&*self.name(name), "message" | "messages")
        };
        // Where there is none, the members of its own are the message, with their names.
        let has_message = self.tape.members(0).any(is_message);
        let own = if has_message { Channel::Aside } else { Channel::User };
        for (name, value) in self.tape.members(0) {
            match &*self.name(name) {
                "message" | "messages" => self.content(value, Channel::User),
                "tools" => self.definitions(value),
                "stream" | "session_id" | "tool_choice" => {}
                _ if dispatched && self.spelled(name) == "endpoint" => {}
                _ => {
                    self.member_name(name, own);
                    self.leaves(None, self.tape, value, own);
                }
            }
        }
    }

    fn items(&mut self) {
        let is_list = |(name, value): &(usize, usize)| {
            matches!(&*self.name(*name), "data" | "items") && self.tape.node(*value).kind == Kind::Array
        };
        if !self.tape.members(0).any(|member| is_list(&member)) {
            return self.content(0, Channel::User);
        }
        for (name, value) in self.tape.members(0) {
            match &*self.name(name) {
                "data" | "items" => self.content(value, Channel::User),
                name => self.client_member(name, value),
            }
        }
    }

    fn chat_answer(&mut self) {
        for (name, value) in self.tape.members(0) {
            match &*self.name(name) {
                "choices" => self.tape.elements(value).for_each(|choice| self.choice(choice)),
                "citations" | "search_results" => self.cited(value, Channel::Document),
                _ => {}
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
                "tools" | "text" => self.definitions(value),
                name => self.client_member(name, value),
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

    /// Who speaks in a piece, and what it is.
    fn traits(&self, node: usize, inherited: Channel) -> Traits {
        let mut traits = Traits { channel: inherited, is_signed: false, has_titles: false, has_name: false };
        let mut is_thinking = false;
        for (name, value) in self.tape.members(node) {
            match &*self.name(name) {
                "role" => {
                    let value = self.spelled(value);
                    traits.channel = role(&value, traits.channel);
                    // Tools have names that must stay theirs.
                    traits.has_name |= !matches!(&*value, "" | "tool" | "function");
                }
                "type" => match &*self.spelled(value) {
                    "document" | "search_result" | "web_search_result" => {
                        (traits.channel, traits.has_titles) = (Channel::Document, true);
                    }
                    "thinking" => (traits.channel, is_thinking) = (Channel::Reasoning, true),
                    "reasoning" => traits.channel = Channel::Reasoning,
                    kind if kind.ends_with("tool_result") => traits.channel = Channel::Tool,
                    kind if kind.ends_with("_call_output") => traits.channel = Channel::Tool,
                    _ => {}
                },
                // One in another case would be none for the vendor.
                "signature" => {
                    let is_signed = !self.spelled(value).is_empty() && self.spelled(name) == "signature";
                    traits.is_signed |= self.signs && is_signed;
                }
                _ => {}
            }
        }
        traits.is_signed &= is_thinking;
        traits
    }

    /// A message, an item, a block or a part: what holds texts under names that all vendors share.
    fn piece(&mut self, node: usize, inherited: Channel) {
        let Traits { channel, is_signed, has_titles, has_name } = self.traits(node, inherited);
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
                "arguments" => self.arguments(value, Channel::ToolArguments),
                "input" | "action" | "operation" | "queries" | "code" => {
                    self.leaves(None, self.tape, value, Channel::ToolArguments);
                }
                "output" | "outputs" | "stdout" | "stderr" | "logs" | "error" => {
                    self.content(value, Channel::Tool);
                }
                "results" => self.content(value, Channel::Document),
                "source" => self.source(value),
                "title" | "context" | "url" if has_titles => self.text(value, Channel::Document, false),
                "citations" | "annotations" => self.cited(value, Channel::Document),
                "reasoning_details" => self.reasoning_details(value),
                "name" if has_name => self.text(value, Channel::Aside, false),
                "metadata" => self.metadata(value),
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
