//! Streams of responses. Their later events repeat what the earlier ones said.

use std::fmt::Write as _;

use super::StopReason;
use super::outline::{Document, Ends, Outline};
use super::track::{Key, Nature, Open};
use crate::texts::Channel;
use crate::texts::literal::encode;
use crate::texts::read::Manner;
use crate::texts::tape::Tape;

/// What comes in pieces: its name in events, the member that repeats it when it is over, and which
/// member of an event counts several of these.
const KINDS: [(&str, &str, Option<&str>); 9] = [
    (TEXT, "text", Some("content_index")),
    (REFUSAL, "refusal", Some("content_index")),
    ("reasoning_summary_text", "text", Some("summary_index")),
    ("reasoning_text", "text", Some("content_index")),
    (ARGUMENTS, "arguments", None),
    (MCP_ARGUMENTS, "arguments", None),
    ("custom_tool_call_input", "input", None),
    ("code_interpreter_call_code", "code", None),
    (TRANSCRIPT, "transcript", None),
];
/// Members of a response that are the request's.
const REPEATED: [(&str, Manner); 6] = [
    ("instructions", Manner::Content(Channel::System)),
    ("tools", Manner::Definitions),
    ("text", Manner::Definitions),
    ("user", Manner::Content(Channel::Label)),
    ("safety_identifier", Manner::Content(Channel::Label)),
    ("metadata", Manner::Metadata),
];
const TEXT: &str = "output_text";
const REFUSAL: &str = "refusal";
const TRANSCRIPT: &str = "audio.transcript";
const ARGUMENTS: &str = "function_call_arguments";
const MCP_ARGUMENTS: &str = "mcp_call_arguments";

/// What is known of a stream.
#[derive(Debug, Default)]
pub(super) struct Responses {
    /// The response as it began.
    response: Option<String>,
    /// The items, by their place, and whether they are complete.
    items: Vec<Item>,
    /// The number of the last event.
    last: u64,
    /// Whether the event that was read last has one.
    is_numbered: bool,
    /// How many events there are more than the provider sent.
    pub(super) added: u64,
}

#[derive(Debug)]
struct Item {
    place: u64,
    id: String,
    is_message: bool,
    /// The item, when it is complete.
    done: Option<String>,
}

impl Responses {
    pub(super) fn outline(&mut self, document: Document<'_>, outline: &mut Outline) {
        outline.number = document.get(0, "sequence_number");
        let number = document.number(0, "sequence_number");
        (self.last, self.is_numbered) = (number.unwrap_or(self.last), number.is_some());
        let group = document.number(0, "output_index").unwrap_or(0);
        let kind = document.text_of(0, "type").unwrap_or_default();
        if matches!(&*kind, "error" | "response.error") || (kind.is_empty() && document.says(0, "error")) {
            // Whatever was kept goes out before it: nothing may come behind.
            outline.ends.push(Ends::All);
        }
        let Some(name) = kind.strip_prefix("response.") else { return };
        outline.is_complete =
            name.rsplit('.').any(|step| matches!(step, "done" | "completed" | "incomplete" | "failed"));
        match name {
            "output_item.added" | "output_item.done" => {
                let Some(item) = document.get(0, "item") else { return };
                item_texts(document, item, group, outline);
                if name == "output_item.added" {
                    self.begin(document, item, group);
                } else {
                    outline.ends.push(Ends::Group(group));
                }
            }
            "content_part.added"
            | "content_part.done"
            | "reasoning_summary_part.added"
            | "reasoning_summary_part.done" => {
                let Some(part) = document.get(0, "part") else { return };
                let counter = if name.starts_with("content") { "content_index" } else { "summary_index" };
                let index = document.number(0, counter).unwrap_or(0);
                let key = part_key(document, part, group, index, counter == "summary_index");
                repeat(document, part, key, outline);
                outline.wholes.push((part, Manner::Content(Channel::Assistant)));
                if name.ends_with("done") {
                    outline.ends.extend(key.map(Ends::One));
                }
            }
            "created" | "queued" | "in_progress" | "completed" | "incomplete" | "failed" => {
                response_texts(document, outline);
                if matches!(name, "completed" | "incomplete" | "failed") {
                    outline.ends.push(Ends::All);
                }
            }
            _ => text_event(document, name, group, outline),
        }
    }

    fn begin(&mut self, document: Document<'_>, item: usize, place: u64) {
        let id = document.get(item, "id").map_or_else(|| "null".to_owned(), |id| document.line(id));
        let is_message = document.text_of(item, "type").is_some_and(|kind| kind == "message");
        self.items.push(Item { place, id, is_message, done: None });
    }

    /// Remembers what went on of an event, for the end of an answer that may not go on.
    pub(super) fn sent(&mut self, document: Document<'_>) {
        match document.text_of(0, "type").as_deref() {
            Some("response.created") => {
                self.response = document.get(0, "response").map(|node| document.line(node));
            }
            Some("response.output_item.done") => {
                let place = document.number(0, "output_index").unwrap_or(0);
                let item = document.get(0, "item").map(|node| document.line(node));
                if let Some(known) = self.items.iter_mut().find(|item| item.place == place) {
                    known.done = item;
                }
            }
            _ => {}
        }
    }

    /// The event that was read last does not go out.
    pub(super) fn drop_event(&mut self) {
        self.last = self.last.saturating_sub(u64::from(self.is_numbered));
    }

    /// An event came that has no number.
    pub(super) fn skip_event(&mut self) {
        self.is_numbered = false;
    }

    pub(super) fn nature(key: Key) -> Nature {
        let channel = match key.member {
            ARGUMENTS | MCP_ARGUMENTS => return Nature::JsonText,
            TEXT | REFUSAL | TRANSCRIPT => Channel::Assistant,
            member if member.starts_with("reasoning") => Channel::Reasoning,
            _ => Channel::ToolArguments,
        };
        Nature::Text { channel, is_signed: false }
    }

    pub(super) fn path(key: Key) -> String {
        let Some((member, repeated, counter)) = KINDS.into_iter().find(|(name, ..)| *name == key.member)
        else {
            return String::new();
        };
        let place = match counter {
            None => String::new(),
            Some(_) if member == "reasoning_summary_text" => format!(".summary[{}]", key.index),
            Some(_) => format!(".content[{}]", key.index),
        };
        format!("output[{}]{place}.{repeated}", key.group)
    }

    /// An event that says more of a text. With `before` it takes the place of the event that was read
    /// last, which comes behind it.
    pub(super) fn more(&mut self, key: Key, text: &str, before: bool, out: &mut Vec<u8>) {
        let mut json = String::new();
        encode(text, &mut json);
        let (more, comma) = if key.member == TEXT { ("logprobs\":[]", ",\"") } else { ("", "") };
        let fill = format!("\"delta\":\"{json}\"{comma}{more}");
        self.event(&format!("response.{}.delta", key.member), Some(key), &fill, before, out);
    }

    fn event(&mut self, kind: &str, about: Option<Key>, fill: &str, before: bool, out: &mut Vec<u8>) {
        let number = self.last + self.added + u64::from(!(before && self.is_numbered));
        self.added += 1;
        let mut event = format!("event: {kind}\ndata: {{\"type\":\"{kind}\",\"sequence_number\":{number},");
        // Writing to a text cannot fail.
        if let Some(key) = about {
            let id = self.items.iter().rev().find(|item| item.place == key.group);
            let id = id.map_or("null", |item| &item.id);
            let _ = write!(event, "\"item_id\":{id},\"output_index\":{},", key.group);
            if let Some((.., Some(counter))) = KINDS.into_iter().find(|(name, ..)| *name == key.member) {
                let _ = write!(event, "\"{counter}\":{},", key.index);
            }
        }
        let _ = write!(event, "{fill}}}\n\n");
        out.extend_from_slice(event.as_bytes());
    }

    /// The end of an answer that may not go on. Messages end with what went on of them; calls of tools
    /// that are not complete are not to be made.
    pub(super) fn stop(
        &mut self,
        reason: StopReason,
        usage: Option<&str>,
        texts: &[Open],
        out: &mut Vec<u8>,
    ) {
        let reason = match reason {
            StopReason::Filtered => r#"{"reason":"content_filter"}"#,
            StopReason::Full => r#"{"reason":"max_output_tokens"}"#,
        };
        let mut items = std::mem::take(&mut self.items);
        for item in items.iter_mut().filter(|item| item.done.is_none() && item.is_message) {
            let parts = self.stop_parts(item, texts, out);
            let done = format!(
                r#"{{"id":{},"type":"message","status":"incomplete","role":"assistant","content":[{parts}]}}"#,
                item.id
            );
            let fill = format!("\"output_index\":{},\"item\":{done}", item.place);
            self.event("response.output_item.done", None, &fill, false, out);
            item.done = Some(done);
        }
        items.sort_by_key(|item| item.place);
        let done: Vec<String> = items.into_iter().filter_map(|item| item.done).collect();
        let response = self.response.take().unwrap_or_else(|| r#"{"object":"response"}"#.to_owned());
        let output = format!("[{}]", done.join(","));
        let mut members =
            vec![("status", "\"incomplete\""), ("incomplete_details", reason), ("output", &output)];
        members.extend(usage.map(|usage| ("usage", usage)));
        let response = with_members(&response, &members);
        self.event("response.incomplete", None, &format!("\"response\":{response}"), false, out);
    }

    /// Ends the parts of a message, and says what they are.
    fn stop_parts(&mut self, item: &Item, texts: &[Open], out: &mut Vec<u8>) -> String {
        let mut parts = Vec::new();
        self.items.push(Item { place: item.place, id: item.id.clone(), is_message: true, done: None });
        for text in texts.iter().filter(|text| text.key.group == item.place) {
            let key = text.key;
            let mut json = String::new();
            encode(&text.passed, &mut json);
            let (part, fill) = match key.member {
                TEXT => (
                    format!(r#"{{"type":"output_text","text":"{json}","annotations":[],"logprobs":[]}}"#),
                    format!("\"text\":\"{json}\",\"logprobs\":[]"),
                ),
                REFUSAL => {
                    (format!(r#"{{"type":"refusal","refusal":"{json}"}}"#), format!("\"refusal\":\"{json}\""))
                }
                _ => continue,
            };
            if !text.is_over {
                self.event(&format!("response.{}.done", key.member), Some(key), &fill, false, out);
                let fill = format!("\"part\":{part}");
                self.event("response.content_part.done", Some(key), &fill, false, out);
            }
            parts.push(part);
        }
        self.items.pop();
        parts.join(",")
    }
}

/// The texts of a whole response, the request's that it repeats included.
fn response_texts(document: Document<'_>, outline: &mut Outline) {
    let Some(response) = document.get(0, "response") else { return };
    for (place, item) in document.elements(response, "output").enumerate() {
        item_texts(document, item, place as u64, outline);
    }
    for (name, manner) in REPEATED {
        outline.wholes.extend(document.get(response, name).map(|node| (node, manner)));
    }
    let prompt = document.get(response, "prompt").and_then(|prompt| document.get(prompt, "variables"));
    for (_, variable) in prompt.into_iter().flat_map(|variables| document.tape.members(variables)) {
        outline.wholes.push((variable, Manner::Content(Channel::User)));
    }
}

/// A delta of a text, or its end.
fn text_event(document: Document<'_>, name: &str, group: u64, outline: &mut Outline) {
    let (kind, step) = name.rsplit_once('.').unwrap_or((name, ""));
    let known = KINDS.into_iter().find(|(known, ..)| kind == *known && matches!(step, "delta" | "done"));
    match known {
        Some((member, repeated, counter)) => {
            let index = counter.and_then(|counter| document.number(0, counter)).unwrap_or(0);
            let key = Key { group, member, index };
            if step == "delta" {
                outline.deltas.extend(document.literal(0, "delta").map(|node| (node, key)));
            } else {
                outline.repeats.extend(document.literal(0, repeated).map(|node| (node, key)));
                outline.ends.push(Ends::One(key));
            }
        }
        // Sound is no text.
        None if kind == "audio" => {}
        // Whatever it is, it is looked at.
        None => {
            outline.wholes.extend(document.get(0, "annotation").map(|node| (node, Manner::Citations)));
            for member in ["delta", "text", "transcript"] {
                outline.wholes.extend(
                    document.literal(0, member).map(|node| (node, Manner::Content(Channel::Assistant))),
                );
            }
        }
    }
}

/// The texts of an item: those that came in pieces are repeated, others are there as a whole.
fn item_texts(document: Document<'_>, item: usize, group: u64, outline: &mut Outline) {
    for (list, is_summary) in [("content", false), ("summary", true)] {
        for (index, part) in document.elements(item, list).enumerate() {
            let key = part_key(document, part, group, index as u64, is_summary);
            repeat(document, part, key, outline);
        }
    }
    let kind = document.text_of(item, "type");
    let alone = match kind.as_deref() {
        Some("function_call") => Some(ARGUMENTS),
        Some("mcp_call") => Some(MCP_ARGUMENTS),
        Some("custom_tool_call") => Some("custom_tool_call_input"),
        Some("code_interpreter_call") => Some("code_interpreter_call_code"),
        _ => None,
    };
    repeat(document, item, alone.map(|member| Key { group, member, index: 0 }), outline);
    outline.wholes.push((item, Manner::Content(Channel::Assistant)));
}

fn part_key(document: Document<'_>, part: usize, group: u64, index: u64, is_summary: bool) -> Option<Key> {
    let member = match document.text_of(part, "type").as_deref() {
        Some("output_text") => TEXT,
        Some("refusal") => REFUSAL,
        Some("reasoning_text") => "reasoning_text",
        Some("summary_text") if is_summary => "reasoning_summary_text",
        _ => return None,
    };
    Some(Key { group, member, index })
}

fn repeat(document: Document<'_>, object: usize, key: Option<Key>, outline: &mut Outline) {
    let Some(key) = key else { return };
    let repeated = KINDS.into_iter().find(|(name, ..)| *name == key.member);
    let node = repeated.and_then(|(_, name, _)| document.literal(object, name));
    outline.repeats.extend(node.map(|node| (node, key)));
}

/// An object with other members, or more.
fn with_members(object: &str, members: &[(&str, &str)]) -> String {
    let Ok(tape) = Tape::of(object) else { return object.to_owned() };
    let document = Document { text: object, tape: &tape };
    let mut changes = Vec::new();
    let mut more = String::new();
    for (name, value) in members {
        match document.get(0, name) {
            Some(node) => changes.push((tape.node(node).range(), (*value).to_owned())),
            None => {
                let _ = write!(more, ",\"{name}\":{value}");
            }
        }
    }
    changes.sort_by_key(|(range, _)| range.start);
    let end = object.trim_end().len().saturating_sub(1);
    changes.push((end..end, more));
    crate::texts::rewrite::applied(object, &changes)
}
