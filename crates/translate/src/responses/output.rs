//! Writing answers: their items, and the object around them.

use promptgate_usage::TokenCounts;

use crate::compose::{self, Object};
use crate::maker::Maker;
use crate::openai::{RESPONSES_USAGE, write_usage};
use crate::{Block, Context, Json, ProviderError, Stop, ids};

/// What an answer is called: `resp_…`, as clients expect it.
pub(super) fn response_id(id: &str) -> String {
    if id.starts_with("resp") { id.to_owned() } else { format!("resp_{id}") }
}

/// What an item is called.
pub(super) fn item_id(kind: &str, response: &str, index: usize) -> String {
    let response = response.strip_prefix("resp_").unwrap_or(response);
    format!("{kind}_{response}_{index}")
}

/// What `encrypted_content` says of a signature: OpenAI's own as it is, others marked.
pub(super) fn encrypted(signature: &str) -> String {
    match Maker::OpenAi.own(signature) {
        Some(own) => own.to_owned(),
        None => ids::wrap_signature(signature),
    }
}

/// A block as an item.
pub(super) fn item(block: &Block, response: &str, index: usize, status: &str) -> Option<Json> {
    match block {
        Block::Text { text, .. } => {
            let part = text_part(text);
            Some(message(&item_id("msg", response, index), status, Some(&part)))
        }
        Block::Refusal { text } => {
            let part = refusal_part(text);
            Some(message(&item_id("msg", response, index), status, Some(&part)))
        }
        Block::ToolCall { id, name, arguments, signature, .. } => {
            let call = ids::join_call(id, signature.as_deref());
            let arguments = if arguments.trim().is_empty() { "{}" } else { arguments.as_str() };
            Some(function_call(&item_id("fc", response, index), status, &call, name, arguments))
        }
        Block::Thinking { text, signature } => {
            let signature = signature.as_deref().map(encrypted);
            let texts = (!text.is_empty()).then_some(text.as_str());
            Some(reasoning(&item_id("rs", response, index), texts, signature.as_deref()))
        }
        Block::RedactedThinking { data } => {
            let data = ids::wrap_redacted(data);
            Some(reasoning(&item_id("rs", response, index), None, Some(&data)))
        }
        Block::Image { .. } | Block::File { .. } | Block::Audio { .. } | Block::ToolResult { .. } => None,
    }
}

/// A message with one part, or none yet.
pub(super) fn message(id: &str, status: &str, part: Option<&Json>) -> Json {
    compose::json(|item| {
        item.set("id", id);
        item.set("type", "message");
        item.set("status", status);
        item.set("role", "assistant");
        item.array("content", |parts| {
            if let Some(part) = part {
                parts.push(part);
            }
        });
    })
}

/// Words.
pub(super) fn text_part(text: &str) -> Json {
    compose::json(|part| {
        part.set("type", "output_text");
        part.set("text", text);
        part.array("annotations", |_| {});
        part.array("logprobs", |_| {});
    })
}

/// Words that decline.
pub(super) fn refusal_part(text: &str) -> Json {
    compose::json(|part| {
        part.set("type", "refusal");
        part.set("refusal", text);
    })
}

/// A piece of a summary.
pub(super) fn summary_part(text: &str) -> Json {
    compose::json(|part| {
        part.set("type", "summary_text");
        part.set("text", text);
    })
}

/// A tool call.
pub(super) fn function_call(id: &str, status: &str, call: &str, name: &str, arguments: &str) -> Json {
    compose::json(|item| {
        item.set("id", id);
        item.set("type", "function_call");
        item.set("status", status);
        item.set("arguments", arguments);
        item.set("call_id", call);
        item.set("name", name);
    })
}

/// A thought.
pub(super) fn reasoning(id: &str, text: Option<&str>, encrypted: Option<&str>) -> Json {
    compose::json(|item| {
        item.set("id", id);
        item.set("type", "reasoning");
        item.array("summary", |summary| {
            if let Some(text) = text {
                summary.push(&summary_part(text));
            }
        });
        item.maybe("encrypted_content", encrypted);
    })
}

/// How an answer ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ending<'a> {
    /// Not yet.
    InProgress,
    /// By itself.
    Stopped(&'a Stop),
    /// By a failure.
    Failed(&'a ProviderError),
}

/// The end as this format tells it: a model that was stopped without words of refusal was filtered.
pub(super) fn told(stop: Stop, refuses: bool) -> Stop {
    if stop == Stop::Refusal && !refuses { Stop::ContentFilter } else { stop }
}

/// An answer of a model that failed without a word.
pub(super) fn unexplained() -> ProviderError {
    let message = "the model failed".to_owned();
    ProviderError { message, code: Some("server_error".to_owned()), ..ProviderError::default() }
}

/// Writes the object around the items, whole: clients read it into types without optional members.
/// What the request said is not repeated, but where the format has a neutral value it stands there.
pub(super) fn response(
    into: &mut Object<'_>,
    context: &Context,
    id: &str,
    ending: Ending<'_>,
    items: &[Json],
    usage: Option<&TokenCounts>,
) {
    let failed;
    let (status, incomplete, error) = match ending {
        Ending::InProgress => ("in_progress", None, None),
        Ending::Stopped(Stop::MaxTokens) => ("incomplete", Some("max_output_tokens"), None),
        Ending::Stopped(Stop::ContentFilter) => ("incomplete", Some("content_filter"), None),
        Ending::Stopped(Stop::Error) => {
            failed = unexplained();
            ("failed", None, Some(&failed))
        }
        Ending::Stopped(_) => ("completed", None, None),
        Ending::Failed(error) => ("failed", None, Some(error)),
    };
    into.set("id", id);
    into.set("object", "response");
    into.set("created_at", &context.created);
    into.set("status", status);
    into.set("background", &false);
    match error {
        Some(error) => into.object("error", |into| {
            into.set("code", error.code.as_deref().or(error.kind.as_deref()).unwrap_or("server_error"));
            into.set("message", &error.message);
        }),
        None => into.null("error"),
    }
    match incomplete {
        Some(reason) => into.object("incomplete_details", |details| details.set("reason", reason)),
        None => into.null("incomplete_details"),
    }
    into.null("instructions");
    into.null("max_output_tokens");
    into.set("model", &context.model);
    into.array("output", |output| items.iter().for_each(|item| output.push(item)));
    into.set("parallel_tool_calls", &true);
    into.null("previous_response_id");
    into.object("reasoning", |reasoning| {
        reasoning.null("effort");
        reasoning.null("summary");
    });
    into.set("store", &false);
    into.null("temperature");
    into.object("text", |text| text.object("format", |format| format.set("type", "text")));
    into.set("tool_choice", "auto");
    into.array("tools", |_| {});
    into.null("top_p");
    into.set("truncation", "disabled");
    match usage {
        Some(usage) => into.object("usage", |into| write_usage(into, usage, &RESPONSES_USAGE)),
        None => into.null("usage"),
    }
    into.null("user");
    into.object("metadata", |_| {});
}
