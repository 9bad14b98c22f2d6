//! Writing a stream for a client.

use promptgate_usage::TokenCounts;

use super::answer::{kind, shown, stop_words};
use super::usage;
use crate::compose::{self, Object};
use crate::openai::status_of;
use crate::sequence::Sequence;
use crate::stream::BROKEN_OFF;
use crate::{Context, Failure, Opening, Stop, StreamEvent, ids, sse};

/// Writes a stream for a client, event by event.
#[derive(Debug)]
pub struct Writer {
    context: Context,
    id: Option<String>,
    usage: Option<TokenCounts>,
    sequence: Sequence,
    block: Option<Block>,
    /// The index of the next block on the wire.
    next: usize,
    called: bool,
    stop: Option<Stop>,
    begun: bool,
    done: bool,
}

/// The block under way.
#[derive(Debug)]
struct Block {
    opening: Opening,
    /// The client takes a signature in one piece only.
    signature: String,
    written: bool,
}

impl Writer {
    /// A writer at the beginning of a stream.
    pub fn new(context: Context) -> Self {
        Self {
            context,
            id: None,
            usage: None,
            sequence: Sequence::default(),
            block: None,
            next: 0,
            called: false,
            stop: None,
            begun: false,
            done: false,
        }
    }

    /// Writes what can be written of an event.
    pub fn write(&mut self, event: &StreamEvent, out: &mut Vec<u8>) {
        let mut sequence = std::mem::take(&mut self.sequence);
        sequence.push(event, |event| self.step(event, out));
        self.sequence = sequence;
    }

    fn step(&mut self, event: &StreamEvent, out: &mut Vec<u8>) {
        if self.done {
            return;
        }
        match event {
            // The first event of a client shows usage, so it waits for what comes next.
            StreamEvent::Start { id, .. } => self.id.clone_from(id),
            StreamEvent::Usage(counts) => self.usage = Some(*counts),
            StreamEvent::Open { opening, .. } => self.open(opening, out),
            StreamEvent::Delta { text, .. } => self.delta(text, out),
            StreamEvent::Signature { signature, .. } => {
                if let Some(block) = &mut self.block {
                    block.signature.push_str(signature);
                }
            }
            StreamEvent::Close { .. } => self.close(out),
            StreamEvent::Stop(Stop::Error) => {
                self.fail(&Failure { status: 502, code: "upstream_broken", message: BROKEN_OFF }, out);
            }
            StreamEvent::Stop(stop) => self.stop = Some(stop.clone()),
            StreamEvent::End => self.end(out),
            StreamEvent::Ping => {
                self.begin(out);
                send("ping", out, |_| {});
            }
            StreamEvent::Error(error) => {
                let code = error.code.as_deref().or(error.kind.as_deref()).unwrap_or("upstream_failed");
                let failure = Failure { status: status_of(error), code, message: &error.message };
                self.fail(&failure, out);
            }
        }
    }

    /// Ends the stream with an error.
    pub fn fail(&mut self, failure: &Failure<'_>, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.done, true) {
            return;
        }
        send("error", out, |event| {
            event.object("error", |error| {
                error.set("type", kind(failure.status));
                error.set("message", failure.message);
                error.set("code", failure.code);
            });
        });
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        // What is written so far is counted at the end.
        let counts =
            TokenCounts { output: 0, reasoning: 0, audio_output: 0, ..self.usage.unwrap_or_default() };
        send("message_start", out, |event| {
            event.object("message", |message| {
                message.set("id", self.id.as_deref().unwrap_or(&self.context.id));
                message.set("type", "message");
                message.set("role", "assistant");
                message.set("model", &self.context.model);
                message.array("content", |_| {});
                message.null("stop_reason");
                message.null("stop_sequence");
                message.object("usage", |usage| usage::write(usage, &counts));
            });
        });
    }

    fn open(&mut self, opening: &Opening, out: &mut Vec<u8>) {
        self.called |= matches!(opening, Opening::ToolCall { .. });
        self.block = Some(Block { opening: opening.clone(), signature: String::new(), written: false });
        // An empty block of text would be refused when the client sends it back, so text waits.
        if !matches!(opening, Opening::Text | Opening::Refusal) {
            self.begin_block(out);
        }
    }

    fn begin_block(&mut self, out: &mut Vec<u8>) {
        self.begin(out);
        let Some(block) = self.block.as_mut().filter(|block| !block.written) else { return };
        block.written = true;
        send("content_block_start", out, |event| {
            event.set("index", &self.next);
            event.object("content_block", |written| write_opening(&block.opening, written));
        });
    }

    fn delta(&mut self, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        self.begin_block(out);
        if let Some(block) = &self.block {
            let (kind, member) = delta_names(&block.opening);
            write_delta(self.next, kind, member, text, out);
        }
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        let Some(block) = self.block.take().filter(|block| block.written) else { return };
        if !block.signature.is_empty() {
            write_delta(self.next, "signature_delta", "signature", shown(&block.signature), out);
        }
        send("content_block_stop", out, |event| event.set("index", &self.next));
        self.next += 1;
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.begin(out);
        let stop = self.stop.take().unwrap_or(if self.called { Stop::ToolUse } else { Stop::End });
        let (reason, sequence) = stop_words(&stop);
        send("message_delta", out, |event| {
            event.object("delta", |delta| {
                delta.set("stop_reason", reason);
                match sequence {
                    Some(sequence) => delta.set("stop_sequence", sequence),
                    None => delta.null("stop_sequence"),
                }
            });
            event.object("usage", |usage| usage::write(usage, &self.usage.unwrap_or_default()));
        });
        send("message_stop", out, |_| {});
        self.done = true;
    }
}

fn send(name: &str, out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
    sse::write(out, Some(name), |out| {
        compose::object(out, |event| {
            event.set("type", name);
            fill(event);
        });
    });
}

fn write_delta(index: usize, kind: &str, member: &str, text: &str, out: &mut Vec<u8>) {
    send("content_block_delta", out, |event| {
        event.set("index", &index);
        event.object("delta", |delta| {
            delta.set("type", kind);
            delta.set(member, text);
        });
    });
}

fn write_opening(opening: &Opening, block: &mut Object<'_>) {
    match opening {
        Opening::Text | Opening::Refusal => {
            block.set("type", "text");
            block.set("text", "");
        }
        Opening::Thinking => {
            block.set("type", "thinking");
            block.set("thinking", "");
            block.set("signature", "");
        }
        Opening::RedactedThinking { data } => {
            block.set("type", "redacted_thinking");
            block.set("data", shown(data));
        }
        Opening::ToolCall { id, name, signature } => {
            block.set("type", "tool_use");
            block.set("id", &ids::join_call(id, signature.as_deref()));
            block.set("name", name);
            block.object("input", |_| {});
        }
    }
}

const fn delta_names(opening: &Opening) -> (&'static str, &'static str) {
    match opening {
        Opening::Text | Opening::Refusal | Opening::RedactedThinking { .. } => ("text_delta", "text"),
        Opening::Thinking => ("thinking_delta", "thinking"),
        Opening::ToolCall { .. } => ("input_json_delta", "partial_json"),
    }
}
