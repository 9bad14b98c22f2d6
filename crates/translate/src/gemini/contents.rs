//! The conversation, as Gemini has it.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use promptgate_providers::Feature;

use crate::compose::{Array, Object};
use crate::demands::Dropped;
use crate::maker::Maker;
use crate::{Block, ChatRequest, Role, Source, Target, Untranslatable, arguments};

/// What stands in the place of a signature for a call that another model made, as
/// <https://ai.google.dev/gemini-api/docs/thought-signatures> says.
const NOT_SIGNED: &str = "skip_thought_signature_validator";

/// A conversation: instructions apart, one turn after the other, results of functions first.
#[derive(Debug)]
pub(super) struct Contents<'a> {
    system: Vec<&'a str>,
    turns: Vec<Turn<'a>>,
    /// The names of the functions that were called, by the id of the call.
    names: HashMap<&'a str, &'a str>,
    signed: bool,
}

#[derive(Debug)]
struct Turn<'a> {
    role: Role,
    blocks: Vec<&'a Block>,
}

impl<'a> Contents<'a> {
    /// Brings a conversation into that order. Empty texts and thoughts that are not the target's own
    /// are left out.
    pub(super) fn arrange(
        request: &'a ChatRequest,
        target: &Target<'_>,
        dropped: &mut Dropped,
    ) -> Result<Self, Untranslatable> {
        let mut contents = Self {
            system: Vec::new(),
            turns: Vec::new(),
            names: HashMap::new(),
            signed: target.capabilities.has(Feature::SignedCalls),
        };
        for message in &request.messages {
            for block in &message.blocks {
                match block {
                    Block::Text { text, .. } | Block::Refusal { text } if text.is_empty() => continue,
                    Block::Text { text, .. } if message.role == Role::System => {
                        contents.system.push(text);
                        continue;
                    }
                    _ if !is_own(block, target) => {
                        dropped.note("thinking");
                        continue;
                    }
                    Block::ToolCall { id, name, .. } => {
                        contents.names.insert(id, name);
                    }
                    Block::ToolResult { id, name, .. }
                        if name.is_none() && !contents.names.contains_key(id.as_str()) =>
                    {
                        return Err(Untranslatable::unsupported(
                            "messages",
                            "a result of a tool needs the call that it belongs to, earlier in the conversation",
                        ));
                    }
                    _ => {}
                }
                note_detail(block, dropped);
                contents.push(message.role, block);
            }
        }
        if contents.turns.is_empty() {
            return Err(Untranslatable::unsupported(
                "messages",
                "instructions alone are no conversation here; add a message of the user",
            ));
        }
        for turn in &mut contents.turns {
            turn.blocks.sort_by_key(|block| !matches!(block, Block::ToolResult { .. }));
        }
        Ok(contents)
    }

    fn push(&mut self, role: Role, block: &'a Block) {
        match self.turns.last_mut().filter(|turn| turn.role == role) {
            Some(turn) => turn.blocks.push(block),
            None => self.turns.push(Turn { role, blocks: vec![block] }),
        }
    }

    /// Writes the members of the request.
    pub(super) fn write(&self, body: &mut Object<'_>) {
        if !self.system.is_empty() {
            body.object("systemInstruction", |system| {
                system.array("parts", |parts| {
                    self.system.iter().for_each(|text| parts.object(|part| part.set("text", text)));
                });
            });
        }
        body.array("contents", |contents| {
            for turn in &self.turns {
                contents.object(|content| {
                    content.set("role", if turn.role == Role::Assistant { "model" } else { "user" });
                    content.array("parts", |parts| self.parts(turn, parts));
                });
            }
        });
    }

    fn parts(&self, turn: &Turn<'_>, parts: &mut Array<'_>) {
        let mut first_call = true;
        for block in &turn.blocks {
            match block {
                Block::ToolCall { id, name, arguments, signature, .. } => {
                    let own = signature.as_deref().and_then(|signature| Maker::Gemini.own(signature));
                    // Only the first of parallel calls is signed.
                    let signature = own.or((self.signed && first_call).then_some(NOT_SIGNED));
                    first_call = false;
                    parts.object(|part| {
                        part.object("functionCall", |call| {
                            call.set("id", id);
                            call.set("name", name);
                            call.set("args", &arguments::object(arguments));
                        });
                        part.maybe("thoughtSignature", signature);
                    });
                }
                Block::ToolResult { id, name, content, is_error, .. } => {
                    let name = name.as_deref().or_else(|| self.names.get(id.as_str()).copied());
                    parts.object(|part| {
                        part.object("functionResponse", |response| {
                            response.set("id", id);
                            response.set("name", name.unwrap_or_default());
                            response.object("response", |response| {
                                response.set(if *is_error { "error" } else { "output" }, &text_of(content));
                            });
                        });
                    });
                }
                block => write_part(block, parts),
            }
        }
        // What a function showed follows the results: inside of them only text has a place.
        for block in &turn.blocks {
            if let Block::ToolResult { content, .. } = block {
                let shown = content.iter().filter(|inner| !matches!(inner, Block::Text { .. }));
                shown.for_each(|inner| write_part(inner, parts));
            }
        }
    }
}

/// Whether a thought, if it is one, may go back to the target.
fn is_own(block: &Block, target: &Target<'_>) -> bool {
    match block {
        Block::Thinking { signature, .. } => {
            target.capabilities.has(Feature::ThinkingHistory)
                && signature.as_deref().is_some_and(|signature| Maker::Gemini.own(signature).is_some())
        }
        Block::RedactedThinking { .. } => false,
        _ => true,
    }
}

fn note_detail(block: &Block, dropped: &mut Dropped) {
    match block {
        Block::Image { detail: Some(detail), .. } if detail != "auto" => dropped.note("detail"),
        Block::ToolResult { content, .. } => content.iter().for_each(|inner| note_detail(inner, dropped)),
        _ => {}
    }
}

fn text_of(content: &[Block]) -> String {
    let texts: Vec<_> = content
        .iter()
        .filter_map(|block| match block {
            Block::Text { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    texts.join("\n")
}

fn write_part(block: &Block, parts: &mut Array<'_>) {
    match block {
        Block::Text { text, .. } | Block::Refusal { text } => parts.object(|part| part.set("text", text)),
        Block::Image { source, .. } | Block::File { source, .. } => {
            parts.object(|part| write_source(source, part));
        }
        Block::Audio { data, format } => {
            parts.object(|part| write_bytes(&format!("audio/{format}"), data, part));
        }
        Block::Thinking { text, signature } => parts.object(|part| {
            part.set("text", text);
            if !text.is_empty() {
                part.set("thought", &true);
            }
            part.maybe("thoughtSignature", signature.as_deref().and_then(|own| Maker::Gemini.own(own)));
        }),
        Block::RedactedThinking { .. } | Block::ToolCall { .. } | Block::ToolResult { .. } => {}
    }
}

fn write_source(source: &Source, part: &mut Object<'_>) {
    match source {
        Source::Base64 { media_type, data } => write_bytes(media_type, data, part),
        Source::Text { text } => write_bytes("text/plain", &STANDARD.encode(text), part),
        Source::Url { url: uri } | Source::Id { id: uri } => part.object("fileData", |file| {
            file.maybe("mimeType", type_of(uri));
            file.set("fileUri", uri);
        }),
    }
}

fn write_bytes(media_type: &str, data: &str, part: &mut Object<'_>) {
    part.object("inlineData", |bytes| {
        bytes.set("mimeType", media_type);
        bytes.set("data", data);
    });
}

/// The type that an address ends with.
fn type_of(uri: &str) -> Option<&'static str> {
    let path = uri.split(['?', '#']).next()?;
    match path.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
        "png" => Some("image/png"),
        "jpg" | "jpeg" => Some("image/jpeg"),
        "webp" => Some("image/webp"),
        "gif" => Some("image/gif"),
        "pdf" => Some("application/pdf"),
        _ => None,
    }
}
