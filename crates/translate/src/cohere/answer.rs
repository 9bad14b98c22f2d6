//! Whole answers, usage and errors.

use promptgate_usage::TokenCounts;

use crate::counts::{believed, share_of};
use crate::members::Members;
use crate::{Block, ChatAnswer, ProviderError, Stop, Unreadable};

/// Reads a provider's answer.
pub fn read_answer(body: &[u8]) -> Result<ChatAnswer, Unreadable> {
    let members = Members::parse(body).map_err(|error| Unreadable(error.message))?;
    let message =
        members.lenient_members("message").ok_or_else(|| Unreadable("it has no message".to_owned()))?;
    let mut blocks = Vec::new();
    if let Some(text) = message.lenient_text("tool_plan").filter(|plan| !plan.is_empty()) {
        blocks.push(Block::Thinking { text, signature: None });
    }
    for item in message.lenient_items("content") {
        let Ok(item) = item.members() else { continue };
        match item.lenient_text("type").as_deref() {
            Some("text") => {
                blocks.push(Block::Text { text: item.lenient_text("text").unwrap_or_default(), cache: None });
            }
            Some("thinking") => blocks.push(Block::Thinking {
                text: item.lenient_text("thinking").unwrap_or_default(),
                signature: None,
            }),
            _ => {}
        }
    }
    for call in message.lenient_items("tool_calls") {
        let Ok(call) = call.members() else { continue };
        let function = call.lenient_members("function");
        let text = |name| function.as_ref().and_then(|function| function.lenient_text(name));
        blocks.push(Block::ToolCall {
            id: call.lenient_text("id").unwrap_or_default(),
            name: text("name").unwrap_or_default(),
            arguments: text("arguments").unwrap_or_default(),
            signature: None,
            cache: None,
        });
    }
    let stop = members.lenient_text("finish_reason");
    Ok(ChatAnswer {
        id: members.lenient_text("id"),
        model: None,
        blocks,
        stop: stop.map_or(Stop::End, |reason| stop_of(&reason)),
        usage: members.lenient_members("usage").as_ref().and_then(read_usage),
    })
}

/// Why the model stopped.
pub(super) fn stop_of(reason: &str) -> Stop {
    match reason {
        "MAX_TOKENS" => Stop::MaxTokens,
        "STOP_SEQUENCE" => Stop::Sequence(None),
        "TOOL_CALL" => Stop::ToolUse,
        "ERROR" | "TIMEOUT" => Stop::Error,
        _ => Stop::End,
    }
}

/// The classes of a usage object. What is billed counts; the other numbers hold text that Cohere
/// itself puts around a conversation.
pub(super) fn read_usage(usage: &Members<'_>) -> Option<TokenCounts> {
    let counts = |name| {
        let counts = usage.lenient_members(name)?;
        let read = believed(&counts, "input_tokens").ok()?;
        let written = believed(&counts, "output_tokens").ok()?;
        (read.is_some() || written.is_some()).then(|| (read.unwrap_or(0), written.unwrap_or(0)))
    };
    let (read, output) = counts("billed_units").or_else(|| counts("tokens"))?;
    let cache_read = share_of(Some(usage), "cached_tokens", read);
    Some(TokenCounts { input: read - cache_read, cache_read, output, ..TokenCounts::default() })
}

/// Reads what a provider says when it fails.
pub fn read_error(body: &[u8]) -> Option<ProviderError> {
    let members = Members::parse(body).ok()?;
    let message = members.lenient_text("message")?;
    Some(ProviderError { message, ..ProviderError::default() })
}
