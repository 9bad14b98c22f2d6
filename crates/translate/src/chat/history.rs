//! Writing the conversation of a request.

use std::borrow::Cow;

use promptgate_providers::Feature;

use super::thought;
use crate::compose::{Array, Object};
use crate::demands::{Dropped, refuse};
use crate::{Block, Cache, Message, Role, Source, Target, Untranslatable, ids, media};

/// What the model says between the result of a tool and the words of the user, for services that
/// want it to have answered.
const READ_ON: &str = "OK.";

/// Writes messages for a target.
pub(super) struct History<'a> {
    target: &'a Target<'a>,
    dropped: &'a mut Dropped,
    /// Whether the last message is the result of a tool.
    after_tool: bool,
}

impl<'a> History<'a> {
    pub(super) fn new(target: &'a Target<'a>, dropped: &'a mut Dropped) -> Self {
        Self { target, dropped, after_tool: false }
    }

    /// Refuses what has no place in this format, though the model may take it in another.
    pub(super) fn check(&self, messages: &[Message]) -> Result<(), Untranslatable> {
        let blocks = messages.iter().flat_map(|message| &message.blocks);
        for block in blocks {
            self.check_block(block)?;
        }
        Ok(())
    }

    fn check_block(&self, block: &Block) -> Result<(), Untranslatable> {
        match block {
            Block::Image { source: Source::Id { .. }, .. } => {
                Err(refuse("image", self.target, "takes no uploaded images; send it as base64"))
            }
            Block::File { source: Source::Url { .. }, .. } => Err(refuse(
                "file",
                self.target,
                "does not fetch documents from an address; send it as base64",
            )),
            Block::ToolResult { content, .. } => content.iter().try_for_each(|inner| self.check_block(inner)),
            _ => Ok(()),
        }
    }

    /// Writes one message of the model as one or more of this format.
    pub(super) fn write(&mut self, into: &mut Array<'_>, message: &Message) {
        match message.role {
            Role::System => self.turn(into, "system", &message.blocks.iter().collect::<Vec<_>>()),
            Role::Assistant => {
                self.after_tool = false;
                self.assistant(into, &message.blocks);
            }
            Role::User => self.user(into, &message.blocks),
        }
    }

    /// Results come first, because they must follow the calls directly; then what their images show,
    /// unless the model takes images inside of results; then what the user says.
    fn user(&mut self, into: &mut Array<'_>, blocks: &[Block]) {
        let inside = self.target.capabilities.has(Feature::ToolResultImages);
        let mut said = Vec::new();
        for block in blocks {
            let Block::ToolResult { id, content, is_error, cache, .. } = block else { continue };
            if *is_error {
                self.dropped.note("is_error");
            }
            let (kept, moved): (Vec<&Block>, Vec<&Block>) =
                content.iter().partition(|block| inside || is_words(block));
            said.extend(moved);
            self.after_tool = true;
            into.object(|message| {
                message.set("role", "tool");
                message.set("tool_call_id", &*self.call_id(id));
                self.content(message, &kept);
                self.mark(message, cache.as_ref());
            });
        }
        said.extend(blocks.iter().filter(|block| !matches!(block, Block::ToolResult { .. })));
        if !said.is_empty() {
            if self.after_tool && self.target.capabilities.has(Feature::AnswerAfterTool) {
                into.object(|message| {
                    message.set("role", "assistant");
                    message.set("content", READ_ON);
                });
            }
            self.after_tool = false;
            self.turn(into, "user", &said);
        }
    }

    fn call_id<'b>(&self, id: &'b str) -> Cow<'b, str> {
        if self.target.capabilities.has(Feature::ShortCallIds) {
            return Cow::Owned(ids::short_call(id));
        }
        Cow::Borrowed(id)
    }

    fn turn(&mut self, into: &mut Array<'_>, role: &str, blocks: &[&Block]) {
        into.object(|message| {
            message.set("role", role);
            self.content(message, blocks);
        });
    }

    fn assistant(&mut self, into: &mut Array<'_>, blocks: &[Block]) {
        let keeps_thoughts = self.target.capabilities.has(Feature::ThinkingHistory);
        let thoughts = if keeps_thoughts { thought::own(blocks) } else { Vec::new() };
        if thoughts.len() < blocks.iter().filter(|block| is_thought(block)).count() {
            self.dropped.note("thinking");
        }
        // A refusal is said as a text: only OpenAI's own models have a member for it, and others
        // refuse members that they do not know.
        let said: Vec<&Block> = blocks
            .iter()
            .filter(|block| {
                let is_said =
                    matches!(block, Block::Image { .. } | Block::File { .. } | Block::Refusal { .. });
                is_said || matches!(block, Block::Text { .. })
            })
            .collect();
        let has_calls = blocks.iter().any(|block| matches!(block, Block::ToolCall { .. }));
        if said.is_empty() && !has_calls {
            return;
        }
        into.object(|message| {
            message.set("role", "assistant");
            if said.is_empty() {
                message.null("content");
            } else {
                self.content(message, &said);
            }
            thought::write_own(message, &thoughts);
            if has_calls {
                message.array("tool_calls", |calls| {
                    for block in blocks {
                        self.tool_call(calls, block);
                    }
                });
            }
        });
    }

    fn tool_call(&mut self, calls: &mut Array<'_>, block: &Block) {
        let Block::ToolCall { id, name, arguments, cache, .. } = block else { return };
        calls.object(|call| {
            call.set("id", &*self.call_id(id));
            call.set("type", "function");
            call.object("function", |function| {
                function.set("name", name);
                let empty = arguments.trim().is_empty();
                function.set("arguments", if empty { "{}" } else { arguments.as_str() });
            });
            self.mark(call, cache.as_ref());
        });
    }

    /// Writes one text as a text, anything else as parts.
    fn content(&mut self, into: &mut Object<'_>, blocks: &[&Block]) {
        match blocks {
            [] => into.set("content", ""),
            [Block::Text { text, cache }] if cache.is_none() || !self.keeps_markers() => {
                into.set("content", text);
            }
            [Block::Refusal { text }] => into.set("content", text),
            _ => into.array("content", |parts| {
                for block in blocks {
                    self.part(parts, block);
                }
            }),
        }
    }

    fn part(&mut self, parts: &mut Array<'_>, block: &Block) {
        match block {
            Block::Text { text, cache } => self.text_part(parts, text, cache.as_ref()),
            Block::Refusal { text } => self.text_part(parts, text, None),
            Block::Image { source, detail, cache } => {
                let url = match source {
                    Source::Base64 { media_type, data } => media::to_url(media_type, data),
                    Source::Url { url } => url.clone(),
                    Source::Text { .. } | Source::Id { .. } => return,
                };
                parts.object(|part| {
                    part.set("type", "image_url");
                    part.object("image_url", |image| {
                        image.set("url", &url);
                        image.maybe("detail", detail.as_ref());
                    });
                    self.mark(part, cache.as_ref());
                });
            }
            Block::File { source: Source::Text { text }, cache, .. } => {
                self.text_part(parts, text, cache.as_ref());
            }
            Block::File { source, name, cache } => parts.object(|part| {
                part.set("type", "file");
                part.object("file", |file| match source {
                    Source::Id { id } => file.set("file_id", id),
                    Source::Base64 { media_type, data } => {
                        let name = name.as_deref().unwrap_or_else(|| media::name_of_type(media_type));
                        file.set("filename", name);
                        file.set("file_data", &media::to_url(media_type, data));
                    }
                    Source::Url { .. } | Source::Text { .. } => {}
                });
                self.mark(part, cache.as_ref());
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

    fn text_part(&mut self, parts: &mut Array<'_>, text: &str, cache: Option<&Cache>) {
        parts.object(|part| {
            part.set("type", "text");
            part.set("text", text);
            self.mark(part, cache);
        });
    }

    fn keeps_markers(&self) -> bool {
        self.target.capabilities.has(Feature::CacheMarkers)
    }

    fn mark(&self, into: &mut Object<'_>, cache: Option<&Cache>) {
        if let Some(cache) = cache.filter(|_| self.keeps_markers()) {
            write_cache(into, cache);
        }
    }
}

/// Writes a marker.
pub(super) fn write_cache(into: &mut Object<'_>, cache: &Cache) {
    into.object("cache_control", |marker| {
        marker.set("type", "ephemeral");
        marker.maybe("ttl", cache.ttl.as_ref());
    });
}

fn is_words(block: &Block) -> bool {
    matches!(block, Block::Text { .. } | Block::File { source: Source::Text { .. }, .. })
}

fn is_thought(block: &Block) -> bool {
    matches!(block, Block::Thinking { .. } | Block::RedactedThinking { .. })
}
