//! Writing streams: every event that the vendor sends, in its order, because official clients build
//! their own picture of the answer from them.

use promptgate_usage::TokenCounts;

use super::output::{self, Ending, item_id};
use crate::compose::{Object, object};
use crate::openai::of_failure;
use crate::sequence::Sequence;
use crate::{Block, Context, Failure, Json, Opening, ProviderError, Stop, StreamEvent, ids, sse};

/// Writes a client's stream.
#[derive(Debug)]
pub struct Writer {
    sequence: Sequence,
    state: State,
}

#[derive(Debug)]
struct State {
    context: Context,
    id: String,
    number: u64,
    started: bool,
    /// The item under way.
    current: Option<Current>,
    items: Vec<Json>,
    stop: Option<Stop>,
    refused: bool,
    usage: Option<TokenCounts>,
    over: bool,
}

#[derive(Debug)]
struct Current {
    id: String,
    opening: Opening,
    text: String,
    signature: String,
    /// Whether the part that holds its words was announced.
    announced: bool,
}

impl Writer {
    /// A writer at the beginning of a stream.
    pub fn new(context: Context) -> Self {
        let state = State {
            id: output::response_id(&context.id),
            context,
            number: 0,
            started: false,
            current: None,
            items: Vec::new(),
            stop: None,
            refused: false,
            usage: None,
            over: false,
        };
        Self { sequence: Sequence::default(), state }
    }

    /// Writes what a client gets of an event; often nothing.
    pub fn write(&mut self, event: &StreamEvent, out: &mut Vec<u8>) {
        let Self { sequence, state } = self;
        if !state.over {
            sequence.push(event, |event| state.write(event, out));
        }
    }

    /// Ends a stream that cannot go on.
    pub fn fail(&mut self, failure: &Failure<'_>, out: &mut Vec<u8>) {
        if !self.state.over {
            self.state.fail(&of_failure(failure), out);
        }
    }
}

impl State {
    fn write(&mut self, event: &StreamEvent, out: &mut Vec<u8>) {
        match event {
            StreamEvent::Start { id, .. } => {
                if let Some(id) = id.as_ref().filter(|_| !self.started) {
                    self.id = output::response_id(id);
                }
                self.start(out);
            }
            StreamEvent::Open { opening, .. } => {
                self.start(out);
                self.open(opening, out);
            }
            StreamEvent::Delta { text, .. } => self.delta(text, out),
            StreamEvent::Signature { signature, .. } => {
                if let Some(current) = &mut self.current {
                    current.signature.push_str(signature);
                }
            }
            StreamEvent::Close { .. } => self.close(out),
            StreamEvent::Stop(stop) => self.stop = Some(stop.clone()),
            StreamEvent::Usage(usage) => self.usage = Some(*usage),
            StreamEvent::End => {
                self.start(out);
                self.end(out);
            }
            StreamEvent::Ping => out.extend_from_slice(b": ping\n\n"),
            StreamEvent::Error(error) => self.fail(error, out),
        }
    }

    /// Writes an event with its type and number.
    fn event(&mut self, out: &mut Vec<u8>, kind: &str, fill: impl FnOnce(&Self, &mut Object<'_>)) {
        sse::write(out, Some(kind), |out| {
            object(out, |event| {
                event.set("type", kind);
                event.set("sequence_number", &self.number);
                fill(self, event);
            });
        });
        self.number += 1;
    }

    /// Writes an event about the item under way.
    fn about(&mut self, out: &mut Vec<u8>, kind: &str, within: Within, fill: impl FnOnce(&mut Object<'_>)) {
        let id = self.current.as_ref().map(|current| current.id.clone());
        self.event(out, kind, |state, event| {
            event.set("item_id", &id);
            event.set("output_index", &state.items.len());
            match within {
                Within::Item => {}
                Within::Content => event.set("content_index", &0),
                Within::Summary => event.set("summary_index", &0),
            }
            fill(event);
        });
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        for kind in ["response.created", "response.in_progress"] {
            self.event(out, kind, |state, event| {
                event.object("response", |response| {
                    output::response(response, &state.context, &state.id, Ending::InProgress, &[], None);
                });
            });
        }
    }

    fn open(&mut self, opening: &Opening, out: &mut Vec<u8>) {
        let kind = match opening {
            Opening::Text | Opening::Refusal => "msg",
            Opening::Thinking | Opening::RedactedThinking { .. } => "rs",
            Opening::ToolCall { .. } => "fc",
        };
        self.refused |= *opening == Opening::Refusal;
        let id = item_id(kind, &self.id, self.items.len());
        let item = match opening {
            Opening::Text | Opening::Refusal => output::message(&id, "in_progress", None),
            Opening::Thinking => output::reasoning(&id, None, None),
            Opening::RedactedThinking { data } => {
                output::reasoning(&id, None, Some(&ids::wrap_redacted(data)))
            }
            Opening::ToolCall { id: call, name, signature } => {
                let call = ids::join_call(call, signature.as_deref());
                output::function_call(&id, "in_progress", &call, name, "")
            }
        };
        self.event(out, "response.output_item.added", |state, event| {
            event.set("output_index", &state.items.len());
            event.set("item", &item);
        });
        self.current = Some(Current {
            id,
            opening: opening.clone(),
            text: String::new(),
            signature: String::new(),
            announced: false,
        });
        if matches!(opening, Opening::Text | Opening::Refusal) {
            self.announce(out);
        }
    }

    /// Announces the part that holds the words of the item. A thought has one only if it has words.
    fn announce(&mut self, out: &mut Vec<u8>) {
        let Some(current) = &mut self.current else { return };
        if std::mem::replace(&mut current.announced, true) {
            return;
        }
        match current.opening {
            Opening::Text => self.about(out, "response.content_part.added", Within::Content, |event| {
                event.set("part", &output::text_part(""));
            }),
            Opening::Refusal => self.about(out, "response.content_part.added", Within::Content, |event| {
                event.set("part", &output::refusal_part(""));
            }),
            Opening::Thinking => {
                self.about(out, "response.reasoning_summary_part.added", Within::Summary, |event| {
                    event.set("part", &output::summary_part(""));
                });
            }
            Opening::RedactedThinking { .. } | Opening::ToolCall { .. } => {}
        }
    }

    fn delta(&mut self, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() || self.current.is_none() {
            return;
        }
        self.announce(out);
        let Some(current) = &mut self.current else { return };
        current.text.push_str(text);
        let (kind, within) = match current.opening {
            Opening::Text => ("response.output_text.delta", Within::Content),
            Opening::Refusal => ("response.refusal.delta", Within::Content),
            Opening::Thinking => ("response.reasoning_summary_text.delta", Within::Summary),
            Opening::ToolCall { .. } => ("response.function_call_arguments.delta", Within::Item),
            Opening::RedactedThinking { .. } => return,
        };
        let is_text = current.opening == Opening::Text;
        self.about(out, kind, within, |event| {
            event.set("delta", text);
            if is_text {
                event.array("logprobs", |_| {});
            }
        });
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if let Some(Current { opening: Opening::ToolCall { .. }, text, .. }) = &self.current
            && text.trim().is_empty()
        {
            self.delta("{}", out);
        }
        let Some(current) = &mut self.current else { return };
        let opening = current.opening.clone();
        let text = std::mem::take(&mut current.text);
        let signature = std::mem::take(&mut current.signature);
        let announced = current.announced;
        self.finish_part(&opening, &text, announced, out);
        let block = match opening {
            Opening::Text => Block::Text { text, cache: None },
            Opening::Refusal => Block::Refusal { text },
            Opening::Thinking => {
                Block::Thinking { text, signature: (!signature.is_empty()).then_some(signature) }
            }
            Opening::RedactedThinking { data } => Block::RedactedThinking { data },
            Opening::ToolCall { id, name, signature } => {
                Block::ToolCall { id, name, arguments: text, signature, cache: None }
            }
        };
        self.current = None;
        let item = output::item(&block, &self.id, self.items.len(), "completed");
        let Some(item) = item else { return };
        self.event(out, "response.output_item.done", |state, event| {
            event.set("output_index", &state.items.len());
            event.set("item", &item);
        });
        self.items.push(item);
    }

    fn finish_part(&mut self, opening: &Opening, text: &str, announced: bool, out: &mut Vec<u8>) {
        match opening {
            Opening::Text => {
                self.about(out, "response.output_text.done", Within::Content, |event| {
                    event.set("text", text);
                    event.array("logprobs", |_| {});
                });
                self.about(out, "response.content_part.done", Within::Content, |event| {
                    event.set("part", &output::text_part(text));
                });
            }
            Opening::Refusal => {
                self.about(out, "response.refusal.done", Within::Content, |event| event.set("refusal", text));
                self.about(out, "response.content_part.done", Within::Content, |event| {
                    event.set("part", &output::refusal_part(text));
                });
            }
            Opening::Thinking if announced => {
                self.about(out, "response.reasoning_summary_text.done", Within::Summary, |event| {
                    event.set("text", text);
                });
                self.about(out, "response.reasoning_summary_part.done", Within::Summary, |event| {
                    event.set("part", &output::summary_part(text));
                });
            }
            Opening::ToolCall { name, .. } => {
                self.about(out, "response.function_call_arguments.done", Within::Item, |event| {
                    event.set("name", name);
                    event.set("arguments", text);
                });
            }
            Opening::Thinking | Opening::RedactedThinking { .. } => {}
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.over = true;
        let stop = output::told(self.stop.take().unwrap_or(Stop::End), self.refused);
        let kind = match stop {
            Stop::MaxTokens | Stop::ContentFilter => "response.incomplete",
            Stop::Error => "response.failed",
            _ => "response.completed",
        };
        self.last(kind, Ending::Stopped(&stop), out);
    }

    fn last(&mut self, kind: &str, ending: Ending<'_>, out: &mut Vec<u8>) {
        self.event(out, kind, |state, event| {
            event.object("response", |response| {
                let usage = state.usage.as_ref();
                output::response(response, &state.context, &state.id, ending, &state.items, usage);
            });
        });
    }

    /// An answer that began fails; one that did not is an error.
    fn fail(&mut self, error: &ProviderError, out: &mut Vec<u8>) {
        self.over = true;
        if self.started {
            self.last("response.failed", Ending::Failed(error), out);
            return;
        }
        self.event(out, "error", |_, event| {
            event.set("code", &error.code.as_deref().or(error.kind.as_deref()));
            event.set("message", &error.message);
            event.set("param", &error.param);
        });
    }
}

/// What of an item an event is about.
#[derive(Debug, Clone, Copy)]
enum Within {
    Item,
    Content,
    Summary,
}
