//! The conversation, as Cohere has it: results of tools are messages of their own.

use promptgate_providers::Feature;

use crate::compose::{Array, Object};
use crate::demands::{self, Dropped};
use crate::{Block, ChatRequest, Role, Source, Target, Untranslatable, media};

/// A message.
#[derive(Debug)]
pub(super) enum Said<'a> {
    /// Instructions.
    System(Vec<&'a str>),
    /// What the user says and shows.
    User(Vec<&'a Block>),
    /// What the model said, thought and called.
    Assistant(Vec<&'a Block>),
    /// What came out of a call.
    Result { id: &'a str, text: String },
}

/// Brings a conversation into that order. Empty texts and thoughts that may not go back are left out.
pub(super) fn arrange<'a>(
    request: &'a ChatRequest,
    target: &Target<'_>,
    dropped: &mut Dropped,
) -> Result<Vec<Said<'a>>, Untranslatable> {
    let mut history = Vec::new();
    for message in &request.messages {
        let mut kept = Vec::new();
        for block in &message.blocks {
            match block {
                Block::Text { text, .. } | Block::Refusal { text } if text.is_empty() => {}
                Block::ToolResult { id, content, is_error, .. } => {
                    if *is_error {
                        dropped.note("is_error");
                    }
                    history.push(Said::Result { id, text: result(content, target)? });
                }
                Block::Thinking { .. } | Block::RedactedThinking { .. } if !is_own(block, target) => {
                    dropped.note("thinking");
                }
                Block::File {
                    source: Source::Base64 { .. } | Source::Url { .. } | Source::Id { .. },
                    ..
                } => {
                    return Err(demands::refuse("file", target, "takes only text documents"));
                }
                Block::Image { source: Source::Id { .. }, .. } | Block::Audio { .. } => {
                    return Err(demands::refuse("messages", target, "takes only text and images"));
                }
                block => kept.push(block),
            }
        }
        if kept.is_empty() {
            continue;
        }
        history.push(match message.role {
            Role::System => Said::System(kept.into_iter().filter_map(words).collect()),
            Role::User => Said::User(kept),
            Role::Assistant => Said::Assistant(kept),
        });
    }
    Ok(history)
}

fn result(content: &[Block], target: &Target<'_>) -> Result<String, Untranslatable> {
    let mut texts = Vec::new();
    for block in content {
        let refusal = || demands::refuse("tool_result", target, "takes only text as the result of a tool");
        texts.push(words(block).ok_or_else(refusal)?);
    }
    Ok(texts.join("\n"))
}

fn words(block: &Block) -> Option<&str> {
    match block {
        Block::Text { text, .. }
        | Block::Refusal { text }
        | Block::File { source: Source::Text { text }, .. } => Some(text),
        _ => None,
    }
}

/// Whether a thought may go back. Cohere signs none, so a signature is somebody else's.
fn is_own(block: &Block, target: &Target<'_>) -> bool {
    matches!(block, Block::Thinking { signature: None, .. })
        && target.capabilities.has(Feature::ThinkingHistory)
}

impl Said<'_> {
    /// Writes the members of the message.
    pub(super) fn members(&self, message: &mut Object<'_>) {
        match self {
            Self::System(texts) => {
                message.set("role", "system");
                message.set("content", &texts.join("\n\n"));
            }
            Self::User(blocks) => {
                message.set("role", "user");
                content(blocks, message);
            }
            Self::Assistant(blocks) => {
                message.set("role", "assistant");
                content(blocks, message);
                calls(blocks, message);
            }
            Self::Result { id, text } => {
                message.set("role", "tool");
                message.set("tool_call_id", id);
                message.set("content", text);
            }
        }
    }
}

fn content(blocks: &[&Block], message: &mut Object<'_>) {
    let said: Vec<_> = blocks.iter().filter(|block| !matches!(block, Block::ToolCall { .. })).collect();
    match said.as_slice() {
        [] => {}
        [block] if words(block).is_some() => message.maybe("content", words(block)),
        said => message.array("content", |parts| said.iter().for_each(|block| part(block, parts))),
    }
}

fn part(block: &Block, parts: &mut Array<'_>) {
    parts.object(|part| match block {
        Block::Thinking { text, .. } => {
            part.set("type", "thinking");
            part.set("thinking", text);
        }
        Block::Image { source, detail, .. } => {
            part.set("type", "image_url");
            part.object("image_url", |image| {
                match source {
                    Source::Base64 { media_type, data } => image.set("url", &media::to_url(media_type, data)),
                    Source::Url { url: text } | Source::Id { id: text } | Source::Text { text } => {
                        image.set("url", text);
                    }
                }
                image.maybe("detail", detail.as_deref());
            });
        }
        block => {
            part.set("type", "text");
            part.maybe("text", words(block));
        }
    });
}

fn calls(blocks: &[&Block], message: &mut Object<'_>) {
    if !blocks.iter().any(|block| matches!(block, Block::ToolCall { .. })) {
        return;
    }
    message.array("tool_calls", |calls| {
        for block in blocks {
            let Block::ToolCall { id, name, arguments, .. } = block else { continue };
            calls.object(|call| {
                call.set("id", id);
                call.set("type", "function");
                call.object("function", |function| {
                    function.set("name", name);
                    let empty = arguments.trim().is_empty();
                    function.set("arguments", if empty { "{}" } else { arguments.as_str() });
                });
            });
        }
    });
}
