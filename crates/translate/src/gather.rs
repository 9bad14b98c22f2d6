//! A whole answer from the events of a stream.

use std::collections::BTreeMap;

use crate::{Block, ChatAnswer, Opening, Stop, StreamEvent};

/// What the events of a stream say together.
pub(crate) fn gather(events: impl IntoIterator<Item = StreamEvent>) -> ChatAnswer {
    let mut answer = ChatAnswer { id: None, model: None, blocks: Vec::new(), stop: Stop::End, usage: None };
    let mut blocks = BTreeMap::new();
    for event in events {
        match event {
            StreamEvent::Start { id, model } => (answer.id, answer.model) = (id, model),
            StreamEvent::Open { index, opening } => {
                blocks.insert(index, begun(opening));
            }
            StreamEvent::Delta { index, text } => {
                if let Some(block) = blocks.get_mut(&index) {
                    extend(block, &text);
                }
            }
            StreamEvent::Signature { index, signature: piece } => {
                if let Some(Block::Thinking { signature, .. }) = blocks.get_mut(&index) {
                    signature.get_or_insert_default().push_str(&piece);
                }
            }
            StreamEvent::Stop(stop) => answer.stop = stop,
            StreamEvent::Usage(counts) => answer.usage = Some(counts),
            StreamEvent::Close { .. } | StreamEvent::End | StreamEvent::Ping | StreamEvent::Error(_) => {}
        }
    }
    answer.blocks = blocks.into_values().collect();
    answer
}

fn begun(opening: Opening) -> Block {
    match opening {
        Opening::Text => Block::Text { text: String::new(), cache: None },
        Opening::Thinking => Block::Thinking { text: String::new(), signature: None },
        Opening::RedactedThinking { data } => Block::RedactedThinking { data },
        Opening::ToolCall { id, name, signature } => {
            Block::ToolCall { id, name, arguments: String::new(), signature, cache: None }
        }
        Opening::Refusal => Block::Refusal { text: String::new() },
    }
}

fn extend(block: &mut Block, more: &str) {
    match block {
        Block::Text { text, .. }
        | Block::Thinking { text, .. }
        | Block::Refusal { text }
        | Block::ToolCall { arguments: text, .. } => text.push_str(more),
        _ => {}
    }
}
