//! Writing the conversation of a request as items.

use promptgate_providers::Feature;

use crate::compose::{Array, Object};
use crate::demands::Dropped;
use crate::maker::Maker;
use crate::{Block, Message, Role, Source, Target, media};

/// Writes items for a target.
pub(super) struct Items<'a> {
    target: &'a Target<'a>,
    dropped: &'a mut Dropped,
}

impl<'a> Items<'a> {
    pub(super) fn new(target: &'a Target<'a>, dropped: &'a mut Dropped) -> Self {
        Self { target, dropped }
    }

    /// Writes one message as items, in the order of its blocks.
    pub(super) fn write(&mut self, into: &mut Array<'_>, message: &Message) {
        let role = match message.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        let mut said: Vec<&Block> = Vec::new();
        let mut moved: Vec<&Block> = Vec::new();
        for block in &message.blocks {
            if matches!(
                block,
                Block::Text { .. }
                    | Block::Image { .. }
                    | Block::File { .. }
                    | Block::Audio { .. }
                    | Block::Refusal { .. }
            ) {
                said.push(block);
                continue;
            }
            turn(into, role, &std::mem::take(&mut said));
            match block {
                Block::ToolCall { id, name, arguments, .. } => into.object(|item| {
                    item.set("type", "function_call");
                    item.set("call_id", id);
                    item.set("name", name);
                    let empty = arguments.trim().is_empty();
                    item.set("arguments", if empty { "{}" } else { arguments.as_str() });
                }),
                Block::ToolResult { id, content, is_error, .. } => {
                    moved.extend(self.result(into, id, content, *is_error));
                }
                Block::Thinking { text, signature } => self.thought(into, text, signature.as_deref()),
                _ => self.dropped.note("thinking"),
            }
        }
        moved.extend(said);
        turn(into, role, &moved);
    }

    /// Writes a result. Returns what must go behind it, because the model takes no images inside.
    fn result<'b>(
        &mut self,
        into: &mut Array<'_>,
        id: &str,
        content: &'b [Block],
        is_error: bool,
    ) -> Vec<&'b Block> {
        if is_error {
            self.dropped.note("is_error");
        }
        let inside = self.target.capabilities.has(Feature::ToolResultImages);
        let (kept, moved): (Vec<&Block>, Vec<&Block>) =
            content.iter().partition(|block| inside || matches!(block, Block::Text { .. }));
        into.object(|item| {
            item.set("type", "function_call_output");
            item.set("call_id", id);
            match kept.as_slice() {
                [] => item.set("output", ""),
                [Block::Text { text, .. }] => item.set("output", text),
                _ => item.array("output", |parts| {
                    for block in &kept {
                        part(parts, block, false);
                    }
                }),
            }
        });
        moved
    }

    /// Writes a thought if it is the vendor's own: it takes no others.
    fn thought(&mut self, into: &mut Array<'_>, text: &str, signature: Option<&str>) {
        let keeps = self.target.capabilities.has(Feature::ThinkingHistory);
        let Some(encrypted) = signature.and_then(|signature| Maker::OpenAi.own(signature)).filter(|_| keeps)
        else {
            self.dropped.note("thinking");
            return;
        };
        into.object(|item| {
            item.set("type", "reasoning");
            item.array("summary", |summary| {
                if !text.is_empty() {
                    summary.object(|part| {
                        part.set("type", "summary_text");
                        part.set("text", text);
                    });
                }
            });
            item.set("encrypted_content", encrypted);
        });
    }
}

fn turn(into: &mut Array<'_>, role: &str, blocks: &[&Block]) {
    if blocks.is_empty() {
        return;
    }
    into.object(|item| {
        item.set("type", "message");
        item.set("role", role);
        item.array("content", |parts| {
            for block in blocks {
                part(parts, block, role == "assistant");
            }
        });
    });
}

fn part(parts: &mut Array<'_>, block: &Block, by_model: bool) {
    let text_kind = if by_model { "output_text" } else { "input_text" };
    match block {
        Block::Text { text, .. } | Block::File { source: Source::Text { text }, .. } => {
            parts.object(|part| {
                part.set("type", text_kind);
                part.set("text", text);
            });
        }
        Block::Refusal { text } => parts.object(|part| {
            part.set("type", "refusal");
            part.set("refusal", text);
        }),
        Block::Image { source, detail, .. } => parts.object(|part| {
            part.set("type", "input_image");
            match source {
                Source::Base64 { media_type, data } => {
                    part.set("image_url", &media::to_url(media_type, data));
                }
                Source::Url { url } => part.set("image_url", url),
                Source::Id { id } => part.set("file_id", id),
                Source::Text { .. } => {}
            }
            part.set("detail", detail.as_deref().unwrap_or("auto"));
        }),
        Block::File { source, name, .. } => parts.object(|part| {
            part.set("type", "input_file");
            write_file(part, source, name.as_deref());
        }),
        Block::Audio { data, format } => parts.object(|part| {
            part.set("type", "input_audio");
            part.object("input_audio", |audio| {
                audio.set("data", data);
                audio.set("format", format);
            });
        }),
        Block::ToolCall { .. }
        | Block::ToolResult { .. }
        | Block::Thinking { .. }
        | Block::RedactedThinking { .. } => {}
    }
}

fn write_file(part: &mut Object<'_>, source: &Source, name: Option<&str>) {
    match source {
        Source::Id { id } => part.set("file_id", id),
        Source::Url { url } => part.set("file_url", url),
        Source::Base64 { media_type, data } => {
            part.set("filename", name.unwrap_or_else(|| media::name_of_type(media_type)));
            part.set("file_data", &media::to_url(media_type, data));
        }
        Source::Text { .. } => {}
    }
}
