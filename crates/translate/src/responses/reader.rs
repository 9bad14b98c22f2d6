//! Reading streams.

use super::answer::read_stop;
use crate::maker::Maker;
use crate::members::Members;
use crate::openai::{RESPONSES_USAGE, error_of, read_usage};
use crate::{Opening, ProviderError, StreamEvent};

/// The most blocks that one answer may have open. More are an attack on the memory of the gateway.
const MAX_OPEN: usize = 1_024;

/// Where a block stands in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    output: u64,
    /// The part of a message; always zero for other items.
    content: u64,
}

/// An open block.
#[derive(Debug)]
struct Open {
    place: Place,
    index: usize,
    /// Whether it has words.
    told: bool,
    /// The part of the summary that the last words were of.
    part: u64,
}

/// Reads a provider's stream.
#[derive(Debug, Default)]
pub struct Reader {
    started: bool,
    blocks: usize,
    open: Vec<Open>,
    said: Said,
    over: bool,
}

/// What decides on why the model stopped.
#[derive(Debug, Default)]
struct Said {
    calls: bool,
    refuses: bool,
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
        let Some(event) = Members::of(data) else {
            self.fail("an event of the stream is not JSON", out);
            return;
        };
        let kind = event.lenient_text("type").or_else(|| name.map(str::to_owned)).unwrap_or_default();
        if let Some(response) = event.lenient_members("response") {
            self.start(&response, out);
            self.response(&kind, &response, out);
            return;
        }
        match kind.as_str() {
            "error" => {
                self.over = true;
                let error = event.get("error").map(|error| error_of(&error));
                out.push(StreamEvent::Error(error.unwrap_or_else(|| ProviderError {
                    message: event.lenient_text("message").unwrap_or_default(),
                    kind: None,
                    code: event.lenient_text("code"),
                    param: event.lenient_text("param"),
                })));
            }
            "response.output_item.added" => self.item_added(&event, out),
            "response.output_item.done" => self.item_done(&event, out),
            "response.output_text.delta" => self.delta(&event, &Opening::Text, out),
            "response.refusal.delta" => self.delta(&event, &Opening::Refusal, out),
            "response.reasoning_summary_text.delta"
            | "response.reasoning_text.delta"
            | "response.reasoning_summary.delta" => self.delta(&event, &Opening::Thinking, out),
            "response.function_call_arguments.delta" => self.arguments(&event, "delta", out),
            "response.function_call_arguments.done" => self.arguments(&event, "arguments", out),
            "response.content_part.done" => self.close(place(&event), out),
            "keepalive" | "ping" => out.push(StreamEvent::Ping),
            _ if event.get("error").is_some() => {
                self.over = true;
                out.extend(event.get("error").map(|error| StreamEvent::Error(error_of(&error))));
            }
            _ => {}
        }
    }

    /// The stream is over. This format has an end mark, so nothing is made up for it.
    pub fn end(&mut self, _out: &mut Vec<StreamEvent>) {}

    fn start(&mut self, response: &Members<'_>, out: &mut Vec<StreamEvent>) {
        if !std::mem::replace(&mut self.started, true) {
            let (id, model) = (response.lenient_text("id"), response.lenient_text("model"));
            out.push(StreamEvent::Start { id, model });
        }
    }

    fn response(&mut self, kind: &str, response: &Members<'_>, out: &mut Vec<StreamEvent>) {
        match kind {
            "response.completed" | "response.incomplete" => {
                self.over = true;
                for open in self.open.drain(..) {
                    out.push(StreamEvent::Close { index: open.index });
                }
                let usage = response.lenient_members("usage");
                let usage = usage.and_then(|usage| read_usage(&usage, &RESPONSES_USAGE));
                out.extend(usage.map(StreamEvent::Usage));
                out.push(StreamEvent::Stop(read_stop(response, self.said.calls, self.said.refuses)));
                out.push(StreamEvent::End);
            }
            "response.failed" | "response.cancelled" => {
                self.over = true;
                let usage = response.lenient_members("usage");
                let usage = usage.and_then(|usage| read_usage(&usage, &RESPONSES_USAGE));
                out.extend(usage.map(StreamEvent::Usage));
                let error = response.get("error").map(|error| error_of(&error));
                out.push(StreamEvent::Error(error.unwrap_or_else(super::output::unexplained)));
            }
            _ => {}
        }
    }

    fn item_added(&mut self, event: &Members<'_>, out: &mut Vec<StreamEvent>) {
        let Some(item) = event.lenient_members("item") else { return };
        if item.lenient_text("type").as_deref() == Some("function_call")
            && let Some(opening) = call(&item)
        {
            self.opened(Place { content: 0, ..place(event) }, &opening, out);
        }
    }

    /// What the item says is taken from here only as far as no earlier event said it.
    fn item_done(&mut self, event: &Members<'_>, out: &mut Vec<StreamEvent>) {
        let Some(item) = event.lenient_members("item") else { return };
        let place = Place { content: 0, ..place(event) };
        match item.lenient_text("type").as_deref() {
            Some("function_call") => {
                let Some(opening) = call(&item) else { return };
                if let Some(at) = self.opened(place, &opening, out) {
                    self.say_once(at, item.lenient_text("arguments"), out);
                }
            }
            Some("reasoning") => self.reasoning_done(&item, place, out),
            _ => {}
        }
        let output = place.output;
        let (done, open): (Vec<Open>, Vec<Open>) =
            std::mem::take(&mut self.open).into_iter().partition(|open| open.place.output == output);
        self.open = open;
        out.extend(done.into_iter().map(|open| StreamEvent::Close { index: open.index }));
    }

    fn reasoning_done(&mut self, item: &Members<'_>, place: Place, out: &mut Vec<StreamEvent>) {
        let encrypted = item.lenient_text("encrypted_content").filter(|encrypted| !encrypted.is_empty());
        let thought = super::input::read_reasoning(item);
        let text = thought.into_iter().find_map(|block| match block {
            crate::Block::Thinking { text, .. } if !text.is_empty() => Some(text),
            _ => None,
        });
        if encrypted.is_none() && text.is_none() && self.find(place).is_none() {
            return;
        }
        let Some(at) = self.opened(place, &Opening::Thinking, out) else { return };
        self.say_once(at, text, out);
        let index = self.open[at].index;
        let signature = encrypted.map(|encrypted| Maker::OpenAi.sign(&encrypted));
        out.extend(signature.map(|signature| StreamEvent::Signature { index, signature }));
    }

    /// Says a text if the block has none yet.
    fn say_once(&mut self, at: usize, text: Option<String>, out: &mut Vec<StreamEvent>) {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return };
        let open = &mut self.open[at];
        if !std::mem::replace(&mut open.told, true) {
            out.push(StreamEvent::Delta { index: open.index, text });
        }
    }

    fn delta(&mut self, event: &Members<'_>, opening: &Opening, out: &mut Vec<StreamEvent>) {
        let Some(text) = event.lenient_text("delta").filter(|text| !text.is_empty()) else { return };
        let mut place = place(event);
        let mut part = 0;
        if *opening == Opening::Thinking {
            // Several parts of a summary are one thought.
            part = number(event, "summary_index").max(place.content);
            place.content = 0;
        }
        let Some(at) = self.opened(place, opening, out) else { return };
        let open = &mut self.open[at];
        let next_part = open.told && open.part != part;
        (open.told, open.part) = (true, part);
        let text = if next_part { format!("\n\n{text}") } else { text };
        out.push(StreamEvent::Delta { index: open.index, text });
    }

    fn arguments(&mut self, event: &Members<'_>, member: &str, out: &mut Vec<StreamEvent>) {
        let Some(at) = self.find(Place { content: 0, ..place(event) }) else { return };
        let text = event.lenient_text(member);
        if member == "arguments" {
            self.say_once(at, text, out);
        } else if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.open[at].told = true;
            out.push(StreamEvent::Delta { index: self.open[at].index, text });
        }
    }

    fn find(&self, place: Place) -> Option<usize> {
        self.open.iter().position(|open| open.place == place)
    }

    /// The block at a place, opened if it is not yet; `None` if too many are.
    fn opened(&mut self, place: Place, opening: &Opening, out: &mut Vec<StreamEvent>) -> Option<usize> {
        if let Some(at) = self.find(place) {
            return Some(at);
        }
        if self.open.len() == MAX_OPEN {
            self.fail("the answer has too many parts at once", out);
            return None;
        }
        self.said.calls |= matches!(opening, Opening::ToolCall { .. });
        self.said.refuses |= *opening == Opening::Refusal;
        let index = self.blocks;
        self.blocks += 1;
        self.open.push(Open { place, index, told: false, part: 0 });
        out.push(StreamEvent::Open { index, opening: opening.clone() });
        Some(self.open.len() - 1)
    }

    fn close(&mut self, place: Place, out: &mut Vec<StreamEvent>) {
        if let Some(at) = self.find(place) {
            let index = self.open.remove(at).index;
            out.push(StreamEvent::Close { index });
        }
    }

    fn fail(&mut self, message: &str, out: &mut Vec<StreamEvent>) {
        self.over = true;
        let message = message.to_owned();
        out.push(StreamEvent::Error(ProviderError { message, ..ProviderError::default() }));
    }
}

fn number(event: &Members<'_>, name: &str) -> u64 {
    event.count(name).ok().flatten().unwrap_or(0)
}

fn place(event: &Members<'_>) -> Place {
    Place { output: number(event, "output_index"), content: number(event, "content_index") }
}

fn call(item: &Members<'_>) -> Option<Opening> {
    let (id, name) = (item.lenient_text("call_id")?, item.lenient_text("name")?);
    Some(Opening::ToolCall { id, name, signature: None })
}
