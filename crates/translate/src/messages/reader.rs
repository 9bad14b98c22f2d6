//! Reading a provider's stream.

use std::collections::BTreeMap;

use super::answer::{read_error, read_stop};
use super::usage::Told;
use crate::maker::Maker;
use crate::members::Members;
use crate::{Opening, ProviderError, StreamEvent};

/// The most blocks that an answer may have open: each takes memory.
const MAX_OPEN: usize = 1_024;

/// Reads a provider's stream, event by event.
#[derive(Debug, Default)]
pub struct Reader {
    /// The open blocks: the provider's index and ours.
    open: BTreeMap<u64, Open>,
    next: usize,
    told: Told,
    over: bool,
}

#[derive(Debug)]
struct Open {
    index: usize,
    is_signed: bool,
}

impl Reader {
    /// A reader at the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads an event.
    pub fn event(&mut self, name: Option<&str>, data: &str, out: &mut Vec<StreamEvent>) {
        if self.over || data.trim() == "[DONE]" {
            return;
        }
        let Some(members) = Members::of(data) else {
            self.fail("an event of the stream is not JSON", out);
            return;
        };
        let kind = members.lenient_text("type");
        match kind.as_deref().or(name) {
            Some("message_start") => self.start(&members, out),
            Some("content_block_start") => self.open(&members, out),
            Some("content_block_delta") => self.delta(&members, out),
            Some("content_block_stop") => {
                if let Some(block) = index(&members).and_then(|index| self.open.remove(&index)) {
                    out.push(StreamEvent::Close { index: block.index });
                }
            }
            Some("message_delta") => {
                self.usage(&members, out);
                let stop = members.lenient_members("delta").as_ref().and_then(read_stop);
                if let Some(stop) = stop {
                    self.close_all(out);
                    out.push(StreamEvent::Stop(stop));
                }
            }
            Some("message_stop") => {
                self.close_all(out);
                out.push(StreamEvent::End);
                self.over = true;
            }
            Some("ping") => out.push(StreamEvent::Ping),
            Some("error") => {
                self.over = true;
                out.push(StreamEvent::Error(read_error(data.as_bytes()).unwrap_or_default()));
            }
            _ => {}
        }
    }

    /// The stream is over. One without its last event is incomplete, so this adds nothing.
    pub fn end(&mut self, _out: &mut Vec<StreamEvent>) {}

    fn fail(&mut self, why: &str, out: &mut Vec<StreamEvent>) {
        self.over = true;
        out.push(StreamEvent::Error(ProviderError { message: why.to_owned(), ..ProviderError::default() }));
    }

    fn start(&mut self, members: &Members<'_>, out: &mut Vec<StreamEvent>) {
        let message = members.lenient_members("message");
        let text = |name| message.as_ref().and_then(|message| message.lenient_text(name));
        out.push(StreamEvent::Start { id: text("id"), model: text("model") });
        if let Some(message) = &message {
            self.usage(message, out);
        }
    }

    fn usage(&mut self, members: &Members<'_>, out: &mut Vec<StreamEvent>) {
        let Some(usage) = members.lenient_members("usage") else { return };
        self.told.take(&usage);
        out.extend(self.told.counts().map(StreamEvent::Usage));
    }

    fn open(&mut self, members: &Members<'_>, out: &mut Vec<StreamEvent>) {
        let (Some(number), Some(block)) = (index(members), members.lenient_members("content_block")) else {
            return;
        };
        let text = |name| block.lenient_text(name).unwrap_or_default();
        let (opening, said) = match text("type").as_str() {
            "text" => (Opening::Text, text("text")),
            "thinking" => (Opening::Thinking, text("thinking")),
            "redacted_thinking" => {
                (Opening::RedactedThinking { data: Maker::Anthropic.claim(&text("data")) }, String::new())
            }
            "tool_use" => {
                let input = block.json("input").filter(|input| !is_empty_object(input.as_str()));
                let said = input.map_or_else(String::new, |input| input.as_str().to_owned());
                (Opening::ToolCall { id: text("id"), name: text("name"), signature: None }, said)
            }
            _ => return,
        };
        if let Some(block) = self.open.remove(&number) {
            out.push(StreamEvent::Close { index: block.index });
        }
        if self.open.len() >= MAX_OPEN {
            self.fail("the answer has too many open blocks", out);
            return;
        }
        let index = self.next;
        self.next += 1;
        self.open.insert(number, Open { index, is_signed: false });
        out.push(StreamEvent::Open { index, opening });
        if !said.is_empty() {
            out.push(StreamEvent::Delta { index, text: said });
        }
        self.sign(number, &text("signature"), out);
    }

    fn delta(&mut self, members: &Members<'_>, out: &mut Vec<StreamEvent>) {
        let (Some(number), Some(delta)) = (index(members), members.lenient_members("delta")) else { return };
        let Some(index) = self.open.get(&number).map(|block| block.index) else { return };
        let said = match delta.lenient_text("type").as_deref() {
            Some("text_delta") => delta.lenient_text("text"),
            Some("thinking_delta") => delta.lenient_text("thinking"),
            Some("input_json_delta") => delta.lenient_text("partial_json"),
            Some("signature_delta") => {
                self.sign(number, &delta.lenient_text("signature").unwrap_or_default(), out);
                None
            }
            _ => None,
        };
        if let Some(text) = said.filter(|text| !text.is_empty()) {
            out.push(StreamEvent::Delta { index, text });
        }
    }

    /// Hands a signature over. Its first piece names the maker.
    fn sign(&mut self, number: u64, signature: &str, out: &mut Vec<StreamEvent>) {
        let Some(block) = self.open.get_mut(&number).filter(|_| !signature.is_empty()) else { return };
        let signature = if std::mem::replace(&mut block.is_signed, true) {
            signature.to_owned()
        } else {
            Maker::Anthropic.claim(signature)
        };
        out.push(StreamEvent::Signature { index: block.index, signature });
    }

    fn close_all(&mut self, out: &mut Vec<StreamEvent>) {
        for block in std::mem::take(&mut self.open).into_values() {
            out.push(StreamEvent::Close { index: block.index });
        }
    }
}

fn index(members: &Members<'_>) -> Option<u64> {
    members.count("index").ok().flatten()
}

fn is_empty_object(json: &str) -> bool {
    json.bytes().all(|byte| matches!(byte, b'{' | b'}' | b' ' | b'\n' | b'\r' | b'\t'))
}
