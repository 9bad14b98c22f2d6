//! Thoughts: `reasoning_content` for people, `reasoning_details` for what goes back.

use crate::Block;
use crate::compose::{Array, Object};
use crate::maker::Maker;
use crate::members::Members;

/// An entry of `reasoning_details`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Detail {
    /// A thought, its signature, or both.
    Text { text: String, signature: Option<String> },
    /// A thought for its vendor only.
    Encrypted { data: String },
}

/// Reads `reasoning_details`. What is not understood is left out: it is another service's own.
pub(super) fn read_details(members: &Members<'_>) -> Vec<Detail> {
    let details = members.lenient_items("reasoning_details");
    details
        .iter()
        .filter_map(|detail| detail.members().ok())
        .filter_map(|detail| read_detail(&detail))
        .collect()
}

fn read_detail(detail: &Members<'_>) -> Option<Detail> {
    match detail.lenient_text("type")?.as_str() {
        "reasoning.text" => {
            let text = detail.lenient_text("text").unwrap_or_default();
            Some(Detail::Text { text, signature: detail.lenient_text("signature") })
        }
        "reasoning.summary" => {
            let text = detail.lenient_text("summary").unwrap_or_default();
            Some(Detail::Text { text, signature: None })
        }
        "reasoning.encrypted" => Some(Detail::Encrypted { data: detail.lenient_text("data")? }),
        _ => None,
    }
}

/// The plain thought, under the names that services have for it.
pub(super) fn plain(members: &Members<'_>) -> Option<String> {
    let text = members.lenient_text("reasoning_content").or_else(|| members.lenient_text("reasoning"));
    text.filter(|text| !text.is_empty())
}

/// Reads the thoughts of a whole message. A signature without a text belongs to the plain thought:
/// some clients keep only one of the two members.
pub(super) fn read(members: &Members<'_>) -> Vec<Block> {
    let mut plain = plain(members);
    let mut blocks: Vec<Block> = Vec::new();
    for detail in read_details(members) {
        match detail {
            Detail::Text { text, signature } => {
                let text = if text.is_empty() { plain.take().unwrap_or_default() } else { text };
                blocks.push(Block::Thinking { text, signature });
            }
            Detail::Encrypted { data } => blocks.push(Block::RedactedThinking { data }),
        }
    }
    let told = blocks.iter().any(|block| matches!(block, Block::Thinking { text, .. } if !text.is_empty()));
    if let Some(text) = plain.filter(|_| !told) {
        blocks.insert(0, Block::Thinking { text, signature: None });
    }
    blocks
}

/// Names the service that answers as the maker of its signatures.
pub(super) fn claim(blocks: &mut [Block]) {
    for block in blocks {
        match block {
            Block::Thinking { signature: Some(mark), .. } | Block::RedactedThinking { data: mark } => {
                *mark = Maker::Compatible.claim(mark);
            }
            _ => {}
        }
    }
}

/// The thoughts that a service of this format gets back: those that it signed, and those that nobody
/// did. Of the others it gets the words.
pub(super) fn own(blocks: &[Block]) -> Vec<Block> {
    let own = |mark: &str| Maker::Compatible.own(mark).map(str::to_owned);
    let thoughts = blocks.iter().filter_map(|block| match block {
        Block::Thinking { text, signature } => {
            Some(Block::Thinking { text: text.clone(), signature: signature.as_deref().and_then(own) })
        }
        Block::RedactedThinking { data } => own(data).map(|data| Block::RedactedThinking { data }),
        _ => None,
    });
    thoughts.collect()
}

/// Writes the thoughts of a message of the history. Members of its own a service gets only if it
/// made some: others may refuse them.
pub(super) fn write_own(into: &mut Object<'_>, blocks: &[Block]) {
    let signed = |block: &Block| !matches!(block, Block::Thinking { signature: None, .. });
    if blocks.iter().any(signed) { write(into, blocks) } else { write_plain(into, blocks) }
}

/// Writes the thoughts of a whole message, if it has any.
pub(super) fn write(into: &mut Object<'_>, blocks: &[Block]) {
    write_plain(into, blocks);
    let thoughts = || {
        blocks.iter().filter(|block| matches!(block, Block::Thinking { .. } | Block::RedactedThinking { .. }))
    };
    if thoughts().next().is_some() {
        into.array("reasoning_details", |details| {
            for (index, block) in thoughts().enumerate() {
                match block {
                    Block::Thinking { text, signature } => {
                        write_text(details, index, Some(text), signature.as_deref());
                    }
                    Block::RedactedThinking { data } => write_encrypted(details, index, data),
                    _ => {}
                }
            }
        });
    }
}

fn write_plain(into: &mut Object<'_>, blocks: &[Block]) {
    let texts = blocks.iter().filter_map(|block| match block {
        Block::Thinking { text, .. } if !text.is_empty() => Some(text.as_str()),
        _ => None,
    });
    let texts: Vec<&str> = texts.collect();
    if !texts.is_empty() {
        into.set("reasoning_content", &texts.join("\n\n"));
    }
}

/// Writes an entry with a thought or its signature.
pub(super) fn write_text(details: &mut Array<'_>, index: usize, text: Option<&str>, signature: Option<&str>) {
    details.object(|detail| {
        detail.set("type", "reasoning.text");
        detail.maybe("text", text);
        detail.maybe("signature", signature);
        detail.set("index", &index);
    });
}

/// Writes an entry with a thought for its vendor only.
pub(super) fn write_encrypted(details: &mut Array<'_>, index: usize, data: &str) {
    details.object(|detail| {
        detail.set("type", "reasoning.encrypted");
        detail.set("data", data);
        detail.set("index", &index);
    });
}
