//! One stream into another.

use bytes::Bytes;
use promptgate_providers::Shape;

use crate::{
    Context, Failure, Opening, ProviderError, Seen, Stop, StreamEvent, chat, cohere, gemini, messages,
    responses, sse,
};

/// The most text that an answer may have: what is not written yet is in memory.
const MAX_TEXT_BYTES: u64 = 64 * 1024 * 1024;

/// What is said of an answer that a model broke off.
pub(crate) const BROKEN_OFF: &str = "the model's answer is broken";

/// Turns a provider's stream into the client's. It takes any split of bytes and gives whole events.
#[derive(Debug)]
pub struct StreamTranslator {
    decoder: sse::Decoder,
    reader: Reader,
    writer: Writer,
    events: Vec<StreamEvent>,
    seen: Seen,
    reported: Option<ProviderError>,
    /// The model stopped without being done.
    is_broken_off: bool,
    has_content: bool,
}

#[derive(Debug)]
enum Reader {
    Chat(chat::Reader),
    Responses(responses::Reader),
    Messages(messages::Reader),
    Gemini(gemini::Reader),
    Cohere(cohere::Reader),
    /// A shape that has no streams of chats.
    Foreign,
}

#[derive(Debug)]
enum Writer {
    Chat(chat::Writer),
    Responses(Box<responses::Writer>),
    Messages(messages::Writer),
}

/// What is heard of a stream that is only read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Heard<'a> {
    /// The data of an event, before it is read.
    Data(&'a str),
    /// What it says.
    Event(&'a StreamEvent),
}

impl StreamTranslator {
    /// A translator at the beginning of a stream. `to` is one of the clients' three shapes; others
    /// are written as Chat Completions.
    pub fn new(from: Shape, to: Shape, context: Context) -> Self {
        let reader = match from {
            Shape::ChatCompletions => Reader::Chat(chat::Reader::new()),
            Shape::Responses => Reader::Responses(responses::Reader::new()),
            Shape::Messages => Reader::Messages(messages::Reader::new()),
            Shape::GenerateContent => Reader::Gemini(gemini::Reader::new()),
            Shape::CohereChat => Reader::Cohere(cohere::Reader::new()),
            Shape::Embeddings | Shape::CohereEmbed | Shape::CountTokens => Reader::Foreign,
        };
        let writer = match to {
            Shape::Responses => Writer::Responses(Box::new(responses::Writer::new(context))),
            Shape::Messages => Writer::Messages(messages::Writer::new(context)),
            _ => Writer::Chat(chat::Writer::new(context)),
        };
        Self {
            decoder: sse::Decoder::new(),
            reader,
            writer,
            events: Vec::new(),
            seen: Seen::default(),
            reported: None,
            is_broken_off: false,
            has_content: false,
        }
    }

    /// Reads on and returns what the client gets now. May be empty.
    pub fn push(&mut self, bytes: &[u8]) -> Bytes {
        let Self { decoder, reader, events, .. } = self;
        let decoded = decoder.push(bytes, |name, data| reader.event(name, data, events));
        self.pass(decoded)
    }

    /// The provider is done: what the client gets at last. The answer is only complete if
    /// [`has_ended`](Self::has_ended).
    pub fn end(&mut self) -> Bytes {
        let Self { decoder, reader, events, .. } = self;
        let decoded = decoder.end(|name, data| reader.event(name, data, events));
        reader.end(events);
        let out = self.pass(decoded);
        if self.is_broken_off && self.reported.is_none() {
            self.reported = Some(broken_off());
        }
        out
    }

    /// What ends a stream that fails now.
    pub fn fail(&mut self, failure: &Failure<'_>) -> Bytes {
        let mut out = Vec::new();
        match &mut self.writer {
            Writer::Chat(writer) => writer.fail(failure, &mut out),
            Writer::Responses(writer) => writer.fail(failure, &mut out),
            Writer::Messages(writer) => writer.fail(failure, &mut out),
        }
        out.into()
    }

    /// Whether something of the answer was seen that a client would miss: words, thoughts, a tool
    /// call, a refusal.
    pub const fn has_content(&self) -> bool {
        self.has_content
    }

    /// Bytes of text that the model wrote so far.
    pub const fn written(&self) -> u64 {
        self.seen.output_bytes
    }

    /// Whether the provider said that the answer is complete.
    pub const fn has_ended(&self) -> bool {
        self.seen.ended
    }

    /// The error that the provider reported inside the stream; also that the model broke off its answer.
    pub const fn reported(&self) -> Option<&ProviderError> {
        self.reported.as_ref()
    }

    /// Whether the model stopped without being done. What it took by then is told like that of any answer.
    pub const fn is_broken_off(&self) -> bool {
        self.is_broken_off
    }

    /// What was seen so far.
    pub fn seen(&self) -> Seen {
        self.seen.clone()
    }

    /// Reads a stream, or the beginning of one, for what it says; nothing is written. What `take`
    /// understands of the data by itself is not read any further.
    pub(crate) fn read_all(&mut self, bytes: &[u8], mut take: impl FnMut(Heard<'_>) -> bool) {
        let Self { decoder, reader, events, .. } = self;
        // What is too long to be read is not said; the rest is.
        let _ = decoder.push(bytes, |name, data| {
            if !take(Heard::Data(data)) {
                reader.event(name, data, events);
                for event in events.drain(..) {
                    take(Heard::Event(&event));
                }
            }
        });
    }

    fn pass(&mut self, decoded: Result<(), sse::TooLong>) -> Bytes {
        let mut out = Vec::new();
        for event in std::mem::take(&mut self.events) {
            self.one(&event, &mut out);
        }
        if let Err(error) = decoded {
            self.one(&broken(error.to_string()), &mut out);
        }
        out.into()
    }

    fn one(&mut self, event: &StreamEvent, out: &mut Vec<u8>) {
        if self.reported.is_some() || self.seen.ended {
            return;
        }
        self.note(event);
        match &mut self.writer {
            Writer::Chat(writer) => writer.write(event, out),
            Writer::Responses(writer) => writer.write(event, out),
            Writer::Messages(writer) => writer.write(event, out),
        }
        if self.seen.output_bytes > MAX_TEXT_BYTES && self.reported.is_none() {
            self.one(&broken("the answer is longer than anything that a model says".to_owned()), out);
        }
    }

    fn note(&mut self, event: &StreamEvent) {
        match event {
            StreamEvent::Start { id, model } => {
                self.seen.response_id.clone_from(id);
                self.seen.model.clone_from(model);
            }
            StreamEvent::Open { opening, .. } => {
                self.has_content |=
                    matches!(opening, Opening::ToolCall { .. } | Opening::RedactedThinking { .. });
            }
            StreamEvent::Delta { text, .. } => {
                self.has_content |= !text.is_empty();
                self.seen.output_bytes += text.len() as u64;
            }
            StreamEvent::Usage(usage) => self.seen.usage = Some(*usage),
            StreamEvent::Stop(Stop::Error) => self.is_broken_off = true,
            // The writer has told it already, in the place of its end.
            StreamEvent::End if self.is_broken_off => self.reported = Some(broken_off()),
            StreamEvent::End => self.seen.ended = true,
            StreamEvent::Error(error) => self.reported = Some(error.clone()),
            StreamEvent::Signature { .. }
            | StreamEvent::Close { .. }
            | StreamEvent::Stop(_)
            | StreamEvent::Ping => {}
        }
    }
}

impl Reader {
    fn event(&mut self, name: Option<&str>, data: &str, out: &mut Vec<StreamEvent>) {
        match self {
            Self::Chat(reader) => reader.event(name, data, out),
            Self::Responses(reader) => reader.event(name, data, out),
            Self::Messages(reader) => reader.event(name, data, out),
            Self::Gemini(reader) => reader.event(name, data, out),
            Self::Cohere(reader) => reader.event(name, data, out),
            Self::Foreign => out.push(broken("this format has no streams of chats".to_owned())),
        }
    }

    fn end(&mut self, out: &mut Vec<StreamEvent>) {
        match self {
            Self::Chat(reader) => reader.end(out),
            Self::Responses(reader) => reader.end(out),
            Self::Messages(reader) => reader.end(out),
            Self::Gemini(reader) => reader.end(out),
            Self::Cohere(reader) => reader.end(out),
            Self::Foreign => {}
        }
    }
}

/// What a provider reports whose model stopped without being done, such as Gemini's with
/// `MALFORMED_FUNCTION_CALL`.
pub fn broken_off() -> ProviderError {
    ProviderError { message: BROKEN_OFF.to_owned(), ..ProviderError::default() }
}

fn broken(message: String) -> StreamEvent {
    StreamEvent::Error(ProviderError { message, ..ProviderError::default() })
}
