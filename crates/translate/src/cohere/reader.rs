//! Reading a provider's stream.

use std::collections::BTreeMap;

use super::answer::{read_usage, stop_of};
use crate::members::Members;
use crate::{Opening, ProviderError, Stop, StreamEvent};

/// The most blocks that an answer may have open: each takes memory.
const MAX_OPEN: usize = 1_024;

/// Reads a provider's stream, event by event.
#[derive(Debug, Default)]
pub struct Reader {
    /// The open blocks: what Cohere numbers, and our index. Contents and calls are numbered apart.
    open: BTreeMap<Numbered, usize>,
    next: usize,
    over: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Numbered {
    Plan,
    Content(u64),
    Call(u64),
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
            self.fail("an event of the stream is not JSON".to_owned(), out);
            return;
        };
        let number = members.count("index").ok().flatten().unwrap_or(0);
        let delta = members.lenient_members("delta");
        let message = delta.as_ref().and_then(|delta| delta.lenient_members("message"));
        match members.lenient_text("type").as_deref().or(name) {
            Some("message-start") => {
                out.push(StreamEvent::Start { id: members.lenient_text("id"), model: None });
            }
            Some("content-start") => self.content(number, message.as_ref(), true, out),
            Some("content-delta") => self.content(number, message.as_ref(), false, out),
            Some("content-end") => self.close(Numbered::Content(number), out),
            Some("tool-plan-delta") => {
                let plan = message.and_then(|message| message.lenient_text("tool_plan"));
                self.say(Numbered::Plan, || Opening::Thinking, plan, out);
            }
            Some("tool-call-start") => self.call(number, message.as_ref(), true, out),
            Some("tool-call-delta") => self.call(number, message.as_ref(), false, out),
            Some("tool-call-end") => self.close(Numbered::Call(number), out),
            Some("message-end") => self.finish(delta.as_ref(), out),
            _ => {
                // An error has no type.
                if let Some(message) = members.lenient_text("message") {
                    self.fail(message, out);
                }
            }
        }
    }

    /// The stream is over. One without its last event is incomplete, so this adds nothing.
    pub fn end(&mut self, _out: &mut Vec<StreamEvent>) {}

    fn fail(&mut self, message: String, out: &mut Vec<StreamEvent>) {
        self.over = true;
        out.push(StreamEvent::Error(ProviderError { message, ..ProviderError::default() }));
    }

    fn content(
        &mut self,
        number: u64,
        message: Option<&Members<'_>>,
        begins: bool,
        out: &mut Vec<StreamEvent>,
    ) {
        let Some(content) = message.and_then(|message| message.lenient_members("content")) else { return };
        let key = Numbered::Content(number);
        self.close(Numbered::Plan, out);
        if begins {
            self.close(key, out);
        }
        let thought = content.lenient_text("thinking");
        let is_thought = thought.is_some() || content.lenient_text("type").as_deref() == Some("thinking");
        let opening = || if is_thought { Opening::Thinking } else { Opening::Text };
        self.say(key, opening, thought.or_else(|| content.lenient_text("text")), out);
    }

    fn call(&mut self, number: u64, message: Option<&Members<'_>>, begins: bool, out: &mut Vec<StreamEvent>) {
        // Early versions of the API had an array here.
        let calls = message.and_then(|message| message.get("tool_calls"));
        let call = calls.and_then(|calls| {
            if calls.is_array() { calls.items().ok()?.first()?.members().ok() } else { calls.members().ok() }
        });
        let Some(call) = call else { return };
        let function = call.lenient_members("function");
        let text = |name| function.as_ref().and_then(|function| function.lenient_text(name));
        let key = Numbered::Call(number);
        if begins {
            self.close(Numbered::Plan, out);
            self.close(key, out);
            let opening = || Opening::ToolCall {
                id: call.lenient_text("id").unwrap_or_default(),
                name: text("name").unwrap_or_default(),
                signature: None,
            };
            self.say(key, opening, text("arguments"), out);
        } else if let (Some(&index), Some(text)) = (self.open.get(&key), text("arguments"))
            && !text.is_empty()
        {
            out.push(StreamEvent::Delta { index, text });
        }
    }

    /// Opens a block unless it is open, and adds to it.
    fn say(
        &mut self,
        key: Numbered,
        opening: impl FnOnce() -> Opening,
        text: Option<String>,
        out: &mut Vec<StreamEvent>,
    ) {
        if self.open.len() >= MAX_OPEN {
            self.fail("the answer has too many open blocks".to_owned(), out);
            return;
        }
        let index = *self.open.entry(key).or_insert_with(|| {
            let index = self.next;
            self.next += 1;
            out.push(StreamEvent::Open { index, opening: opening() });
            index
        });
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            out.push(StreamEvent::Delta { index, text });
        }
    }

    fn close(&mut self, key: Numbered, out: &mut Vec<StreamEvent>) {
        if let Some(index) = self.open.remove(&key) {
            out.push(StreamEvent::Close { index });
        }
    }

    fn finish(&mut self, delta: Option<&Members<'_>>, out: &mut Vec<StreamEvent>) {
        for index in std::mem::take(&mut self.open).into_values() {
            out.push(StreamEvent::Close { index });
        }
        let usage = delta.and_then(|delta| delta.lenient_members("usage"));
        out.extend(usage.as_ref().and_then(read_usage).map(StreamEvent::Usage));
        let text = |name| delta.and_then(|delta| delta.lenient_text(name));
        if let Some(message) = text("error") {
            self.fail(message, out);
            return;
        }
        self.over = true;
        out.push(StreamEvent::Stop(text("finish_reason").map_or(Stop::End, |reason| stop_of(&reason))));
        out.push(StreamEvent::End);
    }
}
