//! Streams of messages.

use super::StopReason;
use super::outline::{Document, Ends, Outline};
use super::track::{Key, Nature};
use crate::estimate;
use crate::texts::Channel;
use crate::texts::literal::encode;
use crate::texts::read::Manner;

/// Kinds of deltas, and the members that hold their text.
const TEXT: (&str, &str) = ("text_delta", "text");
const THINKING: (&str, &str) = ("thinking_delta", "thinking");
const JSON: (&str, &str) = ("input_json_delta", "partial_json");

/// What is known of a stream.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// The blocks that are not over.
    open: Vec<u64>,
    /// The same before the last event.
    before: Vec<u64>,
    /// Bytes of text so far.
    written: u64,
}

impl Messages {
    pub(super) fn outline(&mut self, document: Document<'_>, outline: &mut Outline) {
        let group = document.number(0, "index").unwrap_or(0);
        self.before.clone_from(&self.open);
        match document.text_of(0, "type").as_deref() {
            Some("message_start") => {
                outline.wholes.extend(
                    document.get(0, "message").map(|node| (node, Manner::Content(Channel::Assistant))),
                );
            }
            Some("content_block_start") => {
                self.open.push(group);
                if let Some(block) = document.get(0, "content_block") {
                    block_start(document, block, group, outline);
                }
            }
            Some("content_block_delta") => {
                let Some(delta) = document.get(0, "delta") else { return };
                let before = outline.deltas.len();
                for (member, name) in [TEXT, THINKING, JSON] {
                    if let Some(node) = document.literal(delta, name) {
                        self.written += document.tape.node(node).inner().len() as u64;
                        outline.deltas.push((node, Key { group, member, index: 0 }));
                    }
                }
                outline.wholes.extend(document.get(delta, "citation").map(|node| (node, Manner::Citations)));
                if outline.deltas.len() == before {
                    outline.wholes.push((delta, Manner::Content(Channel::Assistant)));
                }
            }
            Some("content_block_stop") => {
                self.open.retain(|open| *open != group);
                outline.ends.push(Ends::Group(group));
            }
            Some("message_delta" | "message_stop" | "error") => outline.ends.push(Ends::All),
            _ => {}
        }
    }

    pub(super) fn nature(key: Key) -> Nature {
        match key.member {
            "text_delta" => Nature::Text { channel: Channel::Assistant, is_signed: false },
            "thinking_delta" => Nature::Text { channel: Channel::Reasoning, is_signed: true },
            _ => Nature::Json,
        }
    }

    pub(super) fn path(key: Key) -> String {
        let member = match key.member {
            "text_delta" => "text",
            "thinking_delta" => "thinking",
            _ => "input",
        };
        format!("content[{}].{member}", key.group)
    }

    /// An event that says more of a text.
    pub(super) fn more(key: Key, text: &str, out: &mut Vec<u8>) {
        let kinds = [TEXT, THINKING, JSON];
        let Some((kind, name)) = kinds.into_iter().find(|(kind, _)| *kind == key.member) else { return };
        let mut json = String::new();
        encode(text, &mut json);
        let index = key.group;
        let event = format!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":{index},\"delta\":{{\"type\":\"{kind}\",\"{name}\":\"{json}\"}}}}\n\n"
        );
        out.extend_from_slice(event.as_bytes());
    }

    /// An event came with which no block begins or ends.
    pub(super) fn skip_event(&mut self) {
        self.before.clone_from(&self.open);
    }

    /// The last event does not go out: no block began or ended with it.
    pub(super) fn drop_event(&mut self) {
        self.open.clone_from(&self.before);
    }

    /// The end of an answer that may not go on. How much was written is estimated, where nobody says it.
    pub(super) fn stop(&mut self, reason: StopReason, usage: Option<&str>, out: &mut Vec<u8>) {
        let reason = match reason {
            StopReason::Filtered => "refusal",
            StopReason::Full => "max_tokens",
        };
        for index in std::mem::take(&mut self.open) {
            let event = format!(
                "event: content_block_stop\ndata: {{\"type\":\"content_block_stop\",\"index\":{index}}}\n\n"
            );
            out.extend_from_slice(event.as_bytes());
        }
        let tokens = estimate::tokens_of_bytes(self.written);
        let usage = usage.map_or_else(|| format!(r#"{{"output_tokens":{tokens}}}"#), str::to_owned);
        let end = format!(
            "event: message_delta\ndata: {{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"{reason}\",\"stop_sequence\":null}},\"usage\":{usage}}}\n\nevent: message_stop\ndata: {{\"type\":\"message_stop\"}}\n\n"
        );
        out.extend_from_slice(end.as_bytes());
    }
}

/// A block may have text from its beginning, or all of it.
fn block_start(document: Document<'_>, block: usize, group: u64, outline: &mut Outline) {
    let kind = document.text_of(block, "type");
    let begun = match kind.as_deref() {
        Some("text") => Some(TEXT),
        Some("thinking") => Some(THINKING),
        _ => None,
    };
    if let Some((member, name)) = begun {
        let node = document.literal(block, name);
        outline.deltas.extend(node.map(|node| (node, Key { group, member, index: 0 })));
    }
    outline.wholes.push((block, Manner::Content(Channel::Assistant)));
}
