//! Streams of chat completions.

use super::StopReason;
use super::outline::{Document, Ends, Outline};
use super::track::{Key, Nature};
use crate::texts::Channel;
use crate::texts::literal::encode;
use crate::texts::read::Manner;
use crate::texts::tape::Kind;

/// Members of a delta that are texts.
const TEXTS: [(&str, Channel); 4] = [
    ("content", Channel::Assistant),
    ("refusal", Channel::Assistant),
    ("reasoning_content", Channel::Reasoning),
    ("reasoning", Channel::Reasoning),
];
const TRANSCRIPT: &str = "transcript";
const ARGUMENTS: &str = "arguments";
const INPUT: &str = "input";
const FUNCTION_CALL: &str = "function_call";
/// Texts of what a model thought, piece by piece: their names, and those of their members.
const DETAILS: [(&str, &str); 2] = [("reasoning.text", "text"), ("reasoning.summary", "summary")];

/// What is known of a stream.
#[derive(Debug, Default)]
pub(super) struct Chat {
    /// `id`, `created` and `model` of a chunk, as JSON.
    head: Option<[String; 3]>,
    /// The choices, and whether they are finished.
    choices: Vec<(u64, bool)>,
    /// The same before the last event.
    before: Vec<(u64, bool)>,
    /// The calls of tools by choice and index, and their ids.
    calls: Vec<(Key, String)>,
}

impl Chat {
    pub(super) fn outline(&mut self, document: Document<'_>, outline: &mut Outline) {
        if self.head.is_none() && document.get(0, "choices").is_some() {
            let raw = |name: &str| {
                document.get(0, name).map_or_else(|| "null".to_owned(), |node| document.line(node))
            };
            self.head = Some([raw("id"), raw("created"), raw("model")]);
        }
        self.before.clone_from(&self.choices);
        for choice in document.elements(0, "choices") {
            let group = document.number(choice, "index").unwrap_or(0);
            let is_over = document.says(choice, "finish_reason");
            match self.choices.iter_mut().find(|(index, _)| *index == group) {
                Some((_, finished)) => *finished |= is_over,
                None => self.choices.push((group, is_over)),
            }
            if let Some(delta) = document.get(choice, "delta") {
                self.delta(document, delta, group, outline);
            }
            outline.wholes.extend(
                document.get(choice, "message").map(|node| (node, Manner::Content(Channel::Assistant))),
            );
            if is_over {
                outline.ends.push(Ends::Group(group));
            }
        }
        for name in ["citations", "search_results"] {
            outline.wholes.extend(document.get(0, name).map(|node| (node, Manner::Citations)));
        }
        // Whatever was kept goes out before it: nothing may come behind.
        if document.says(0, "error") || document.text_of(0, "object").is_some_and(|object| object == "error")
        {
            outline.ends.push(Ends::All);
        }
    }

    fn delta(&mut self, document: Document<'_>, delta: usize, group: u64, outline: &mut Outline) {
        for (member, channel) in TEXTS {
            let Some(node) = document.get(delta, member) else { continue };
            match document.tape.node(node).kind {
                Kind::String { .. } => outline.deltas.push((node, Key { group, member, index: 0 })),
                Kind::Array | Kind::Object => outline.wholes.push((node, Manner::Content(channel))),
                _ => {}
            }
        }
        for name in ["annotations", "citations"] {
            outline.wholes.extend(document.get(delta, name).map(|node| (node, Manner::Citations)));
        }
        let details = document.get(delta, "reasoning_details");
        outline.wholes.extend(details.map(|node| (node, Manner::ReasoningDetails)));
        let mut more = |object: Option<usize>, name: &str, member, index| {
            let node = object.and_then(|object| document.literal(object, name));
            outline.deltas.extend(node.map(|node| (node, Key { group, member, index })));
        };
        more(document.get(delta, "audio"), TRANSCRIPT, TRANSCRIPT, 0);
        more(document.get(delta, FUNCTION_CALL), ARGUMENTS, FUNCTION_CALL, 0);
        for (position, detail) in document.elements(delta, "reasoning_details").enumerate() {
            let index = document.number(detail, "index").unwrap_or(position as u64);
            for (member, name) in DETAILS {
                more(Some(detail), name, member, index);
            }
        }
        for (position, call) in document.elements(delta, "tool_calls").enumerate() {
            let index = document.number(call, "index").unwrap_or(position as u64);
            more(document.get(call, "function"), ARGUMENTS, ARGUMENTS, index);
            more(document.get(call, "custom"), INPUT, INPUT, index);
            if let Some(id) = document.text_of(call, "id") {
                self.call(Key { group, member: ARGUMENTS, index }, &id, &mut outline.renewed);
            }
        }
    }

    /// Some services give all calls the same index; another id is another call.
    fn call(&mut self, key: Key, id: &str, renewed: &mut Vec<Key>) {
        match self.calls.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) if known == id => {}
            Some((_, known)) => {
                id.clone_into(known);
                renewed.extend([key, Key { member: INPUT, ..key }]);
            }
            None => self.calls.push((key, id.to_owned())),
        }
    }

    pub(super) fn nature(key: Key) -> Nature {
        if matches!(key.member, ARGUMENTS | FUNCTION_CALL) {
            return Nature::JsonText;
        }
        let details = DETAILS.map(|(name, _)| (name, Channel::Reasoning));
        let told =
            TEXTS.iter().chain(&details).find(|(name, _)| *name == key.member).map(|(_, channel)| *channel);
        let otherwise = if key.member == INPUT { Channel::ToolArguments } else { Channel::Assistant };
        Nature::Text { channel: told.unwrap_or(otherwise), is_signed: false }
    }

    pub(super) fn path(key: Key) -> String {
        let Key { group, index, .. } = key;
        let message = format!("choices[{group}].message");
        match key.member {
            ARGUMENTS => format!("{message}.tool_calls[{index}].function.arguments"),
            INPUT => format!("{message}.tool_calls[{index}].custom.input"),
            FUNCTION_CALL => format!("{message}.function_call.arguments"),
            TRANSCRIPT => format!("{message}.audio.transcript"),
            member if let Some(name) = detail(member) => {
                format!("{message}.reasoning_details[{index}].{name}")
            }
            member => format!("{message}.{member}"),
        }
    }

    /// A chunk that says more of a text.
    pub(super) fn more(&self, key: Key, text: &str, out: &mut Vec<u8>) {
        let mut json = String::from('"');
        encode(text, &mut json);
        json.push('"');
        let index = key.index;
        let delta = match key.member {
            ARGUMENTS => format!(r#""tool_calls":[{{"index":{index},"function":{{"arguments":{json}}}}}]"#),
            INPUT => format!(r#""tool_calls":[{{"index":{index},"custom":{{"input":{json}}}}}]"#),
            FUNCTION_CALL => format!(r#""function_call":{{"arguments":{json}}}"#),
            TRANSCRIPT => format!(r#""audio":{{"transcript":{json}}}"#),
            member if let Some(name) = detail(member) => {
                format!(r#""reasoning_details":[{{"type":"{member}","{name}":{json},"index":{index}}}]"#)
            }
            member => format!(r#""{member}":{json}"#),
        };
        self.chunk(key.group, &delta, "null", out);
    }

    /// An event came that finishes nothing.
    pub(super) fn skip_event(&mut self) {
        self.before.clone_from(&self.choices);
    }

    /// The last event does not go out: nothing was finished by it.
    pub(super) fn drop_event(&mut self) {
        self.choices.clone_from(&self.before);
    }

    /// The end of an answer that may not go on: every choice is finished, and then usage has a chunk of its own.
    pub(super) fn stop(&mut self, reason: StopReason, usage: Option<&str>, out: &mut Vec<u8>) {
        let reason = match reason {
            StopReason::Filtered => "\"content_filter\"",
            StopReason::Full => "\"length\"",
        };
        if self.choices.is_empty() {
            self.choices.push((0, false));
        }
        for (choice, _) in self.choices.iter().filter(|(_, finished)| !finished) {
            self.chunk(*choice, "", reason, out);
        }
        if let Some(usage) = usage {
            let head = self.head();
            let chunk = format!(
                "data: {{{head}\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":{usage}}}\n\n"
            );
            out.extend_from_slice(chunk.as_bytes());
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn chunk(&self, choice: u64, delta: &str, reason: &str, out: &mut Vec<u8>) {
        let head = self.head();
        let chunk = format!(
            "data: {{{head}\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":{choice},\"delta\":{{{delta}}},\"finish_reason\":{reason}}}]}}\n\n"
        );
        out.extend_from_slice(chunk.as_bytes());
    }

    /// What all chunks begin with.
    fn head(&self) -> String {
        let Some([id, created, model]) = &self.head else { return String::new() };
        format!(r#""id":{id},"created":{created},"model":{model},"#)
    }
}

/// The member that holds a piece of what a model thought.
fn detail(kind: &str) -> Option<&'static str> {
    DETAILS.into_iter().find(|(known, _)| *known == kind).map(|(_, name)| name)
}
