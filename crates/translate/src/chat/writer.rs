//! Writing streams.

use std::collections::BTreeMap;

use promptgate_usage::TokenCounts;

use super::answer::reason_of;
use super::thought;
use crate::compose::{Object, object};
use crate::openai::{CHAT_USAGE, error_members, of_failure, status_of, write_usage};
use crate::stream::broken_off;
use crate::{Context, Failure, Opening, ProviderError, Stop, StreamEvent, ids, sse};

/// An open block.
#[derive(Debug, Clone, Copy)]
enum Open {
    Text,
    Refusal,
    /// The index among the thoughts.
    Thinking(usize),
    /// The index among the calls, and whether it has arguments.
    Call(usize, bool),
}

/// Writes a client's stream.
#[derive(Debug)]
pub struct Writer {
    context: Context,
    id: Option<String>,
    started: bool,
    open: BTreeMap<usize, Open>,
    thoughts: usize,
    calls: usize,
    refused: bool,
    usage: Option<TokenCounts>,
    over: bool,
}

impl Writer {
    /// A writer at the beginning of a stream.
    pub fn new(context: Context) -> Self {
        Self {
            context,
            id: None,
            started: false,
            open: BTreeMap::new(),
            thoughts: 0,
            calls: 0,
            refused: false,
            usage: None,
            over: false,
        }
    }

    /// Writes what a client gets of an event; often nothing.
    pub fn write(&mut self, event: &StreamEvent, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        match event {
            StreamEvent::Start { id, .. } => {
                self.id.clone_from(id);
                self.start(out);
            }
            StreamEvent::Open { index, opening } => {
                self.start(out);
                self.open(*index, opening, out);
            }
            StreamEvent::Delta { index, text } => self.delta(*index, text, out),
            StreamEvent::Signature { index, signature } => {
                if let Some(Open::Thinking(thought)) = self.open.get(index).copied() {
                    self.chunk(out, None, |delta| {
                        delta.array("reasoning_details", |details| {
                            thought::write_text(details, thought, None, Some(signature));
                        });
                    });
                }
            }
            StreamEvent::Close { index } => {
                if let Some(Open::Call(call, false)) = self.open.remove(index) {
                    self.arguments(call, "{}", out);
                }
            }
            StreamEvent::Stop(Stop::Error) => {
                self.error(502, &broken_off(), out);
            }
            StreamEvent::Stop(stop) => {
                self.start(out);
                self.stop(stop, out);
            }
            StreamEvent::Usage(usage) => self.usage = Some(*usage),
            StreamEvent::End => self.end(out),
            StreamEvent::Ping => out.extend_from_slice(b": ping\n\n"),
            StreamEvent::Error(error) => self.error(status_of(error), error, out),
        }
    }

    /// Ends a stream that cannot go on.
    pub fn fail(&mut self, failure: &Failure<'_>, out: &mut Vec<u8>) {
        if !self.over {
            self.error(failure.status, &of_failure(failure), out);
        }
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.started, true) {
            self.chunk(out, None, |delta| {
                delta.set("role", "assistant");
                delta.set("content", "");
                delta.null("refusal");
            });
        }
    }

    fn open(&mut self, index: usize, opening: &Opening, out: &mut Vec<u8>) {
        let open = match opening {
            Opening::Text => Open::Text,
            Opening::Refusal => {
                self.refused = true;
                Open::Refusal
            }
            Opening::Thinking => {
                self.thoughts += 1;
                Open::Thinking(self.thoughts - 1)
            }
            Opening::RedactedThinking { data } => {
                let thought = self.thoughts;
                self.thoughts += 1;
                self.chunk(out, None, |delta| {
                    delta.array("reasoning_details", |details| {
                        thought::write_encrypted(details, thought, data);
                    });
                });
                return;
            }
            Opening::ToolCall { id, name, signature } => {
                let call = self.calls;
                self.calls += 1;
                let id = ids::join_call(id, signature.as_deref());
                self.chunk(out, None, |delta| {
                    delta.array("tool_calls", |calls| {
                        calls.object(|into| {
                            into.set("index", &call);
                            into.set("id", &id);
                            into.set("type", "function");
                            into.object("function", |function| {
                                function.set("name", name);
                                function.set("arguments", "");
                            });
                        });
                    });
                });
                Open::Call(call, false)
            }
        };
        self.open.insert(index, open);
    }

    fn delta(&mut self, index: usize, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        match self.open.get_mut(&index) {
            None => {}
            Some(Open::Text) => self.chunk(out, None, |delta| delta.set("content", text)),
            Some(Open::Refusal) => self.chunk(out, None, |delta| delta.set("refusal", text)),
            Some(Open::Thinking(thought)) => {
                let thought = *thought;
                self.chunk(out, None, |delta| {
                    delta.set("reasoning_content", text);
                    delta.array("reasoning_details", |details| {
                        thought::write_text(details, thought, Some(text), None);
                    });
                });
            }
            Some(Open::Call(call, has_arguments)) => {
                *has_arguments |= !text.trim().is_empty();
                let call = *call;
                self.arguments(call, text, out);
            }
        }
    }

    fn arguments(&self, call: usize, text: &str, out: &mut Vec<u8>) {
        self.chunk(out, None, |delta| {
            delta.array("tool_calls", |calls| {
                calls.object(|into| {
                    into.set("index", &call);
                    into.object("function", |function| function.set("arguments", text));
                });
            });
        });
    }

    fn stop(&self, stop: &Stop, out: &mut Vec<u8>) {
        self.chunk(out, Some(reason_of(stop, self.refused)), |_| {});
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.over = true;
        if let (Some(usage), true) = (self.usage, self.context.include_usage) {
            sse::write(out, None, |out| {
                object(out, |chunk| {
                    self.head(chunk);
                    chunk.array("choices", |_| {});
                    chunk.object("usage", |into| write_usage(into, &usage, &CHAT_USAGE));
                });
            });
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn error(&mut self, status: u16, error: &ProviderError, out: &mut Vec<u8>) {
        self.over = true;
        sse::write(out, None, |out| {
            object(out, |body| body.object("error", |inner| error_members(inner, status, error)));
        });
    }

    fn head(&self, chunk: &mut Object<'_>) {
        chunk.set("id", self.id.as_ref().unwrap_or(&self.context.id));
        chunk.set("object", "chat.completion.chunk");
        chunk.set("created", &self.context.created);
        chunk.set("model", &self.context.model);
    }

    fn chunk(&self, out: &mut Vec<u8>, reason: Option<&str>, fill: impl FnOnce(&mut Object<'_>)) {
        sse::write(out, None, |out| {
            object(out, |chunk| {
                self.head(chunk);
                chunk.array("choices", |choices| {
                    choices.object(|choice| {
                        choice.set("index", &0);
                        choice.object("delta", fill);
                        choice.null("logprobs");
                        choice.set("finish_reason", &reason);
                    });
                });
                if self.context.include_usage {
                    chunk.null("usage");
                }
            });
        });
    }
}
