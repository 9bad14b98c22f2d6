//! Whole answers and errors.

use bytes::Bytes;

use super::blocks;
use super::usage::{self, Told};
use crate::compose::{self, Array};
use crate::maker::Maker;
use crate::members::{Members, Value};
use crate::{Block, ChatAnswer, Context, ProviderError, Stop, Unreadable, arguments, ids};

/// Reads a provider's answer.
pub fn read_answer(body: &[u8]) -> Result<ChatAnswer, Unreadable> {
    let members = Members::parse(body).map_err(|error| Unreadable(error.message))?;
    if members.lenient_text("type").as_deref() == Some("error") {
        let said = read_error(body).unwrap_or_default();
        return Err(Unreadable(format!("it is an error: {}", said.message)));
    }
    let content = members.items("content").map_err(|error| Unreadable(error.message))?;
    let read = |item: &Value<'_>| item.members().ok().as_ref().and_then(blocks::answered);
    let mut told = Told::default();
    if let Some(usage) = members.lenient_members("usage") {
        told.take(&usage);
    }
    Ok(ChatAnswer {
        id: members.lenient_text("id"),
        model: members.lenient_text("model"),
        blocks: content.iter().filter_map(read).collect(),
        stop: read_stop(&members).unwrap_or(Stop::End),
        usage: told.counts(),
    })
}

/// Why the model stopped, of an answer or of the end of a stream.
pub(super) fn read_stop(members: &Members<'_>) -> Option<Stop> {
    Some(match members.lenient_text("stop_reason")?.as_str() {
        "max_tokens" | "model_context_window_exceeded" => Stop::MaxTokens,
        "stop_sequence" => Stop::Sequence(members.lenient_text("stop_sequence")),
        "tool_use" => Stop::ToolUse,
        "refusal" => Stop::Refusal,
        "pause_turn" => Stop::Pause,
        _ => Stop::End,
    })
}

/// Why the model stopped, in Anthropic's words, and the text at which it did. An answer that failed
/// is none that a client may go on with, and `refusal` is the word for that.
pub(super) fn stop_words(stop: &Stop) -> (&'static str, Option<&str>) {
    match stop {
        Stop::End => ("end_turn", None),
        Stop::MaxTokens => ("max_tokens", None),
        Stop::Sequence(text) => ("stop_sequence", text.as_deref()),
        Stop::ToolUse => ("tool_use", None),
        Stop::Refusal | Stop::ContentFilter | Stop::Error => ("refusal", None),
        Stop::Pause => ("pause_turn", None),
    }
}

/// Writes an answer for a client.
pub fn write_answer(answer: &ChatAnswer, context: &Context) -> Bytes {
    let (reason, sequence) = stop_words(&answer.stop);
    let mut body = Vec::new();
    compose::object(&mut body, |message| {
        message.set("id", answer.id.as_deref().unwrap_or(&context.id));
        message.set("type", "message");
        message.set("role", "assistant");
        message.set("model", &context.model);
        message
            .array("content", |content| answer.blocks.iter().for_each(|block| write_block(block, content)));
        message.set("stop_reason", reason);
        match sequence {
            Some(sequence) => message.set("stop_sequence", sequence),
            None => message.null("stop_sequence"),
        }
        message.object("usage", |usage| usage::write(usage, &answer.usage.unwrap_or_default()));
    });
    body.into()
}

fn write_block(block: &Block, content: &mut Array<'_>) {
    match block {
        Block::Text { text, .. } | Block::Refusal { text } => {
            if !text.is_empty() {
                content.object(|written| {
                    written.set("type", "text");
                    written.set("text", text);
                });
            }
        }
        Block::Thinking { text, signature } => content.object(|written| {
            written.set("type", "thinking");
            written.set("thinking", text);
            written.set("signature", shown(signature.as_deref().unwrap_or_default()));
        }),
        Block::RedactedThinking { data } => content.object(|written| {
            written.set("type", "redacted_thinking");
            written.set("data", shown(data));
        }),
        Block::ToolCall { id, name, arguments, signature, .. } => content.object(|written| {
            written.set("type", "tool_use");
            written.set("id", &ids::join_call(id, signature.as_deref()));
            written.set("name", name);
            written.set("input", &arguments::object(arguments));
        }),
        // Models do not answer with these.
        Block::Image { .. } | Block::File { .. } | Block::Audio { .. } | Block::ToolResult { .. } => {}
    }
}

/// A signature as a client of Anthropic's sees it: Anthropic's own has no name on it.
pub(super) fn shown(signature: &str) -> &str {
    Maker::Anthropic.own(signature).unwrap_or(signature)
}

/// Reads what a provider says when it fails, in an answer or in a stream.
pub fn read_error(body: &[u8]) -> Option<ProviderError> {
    let members = Members::parse(body).ok()?;
    let error = members.lenient_members("error")?;
    Some(ProviderError {
        message: error.lenient_text("message")?,
        kind: error.lenient_text("type"),
        code: error.lenient_text("code"),
        param: None,
    })
}

/// Writes an error for a client.
pub fn write_error(status: u16, error: &ProviderError, request_id: &str) -> Bytes {
    let mut body = Vec::new();
    compose::object(&mut body, |problem| {
        problem.set("type", "error");
        problem.object("error", |written| {
            written.set("type", kind(status));
            written.set("message", &error.message);
            written.maybe("code", error.code.as_deref());
        });
        problem.set("request_id", request_id);
    });
    body.into()
}

/// Anthropic's class of errors with a status.
pub(super) const fn kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        408 | 504 => "timeout_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    }
}
