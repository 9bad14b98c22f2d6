//! One door to all formats.

use bytes::Bytes;
use promptgate_providers::{Feature, Shape};
use promptgate_usage::TokenCounts;

use crate::compose::object;
use crate::openai::{self, CHAT_USAGE, RESPONSES_USAGE};
use crate::{
    ChatAnswer, ChatRequest, Context, Outgoing, ProviderError, Target, ToolChoice, Unreadable,
    Untranslatable, chat, cohere, gemini, messages, responses,
};

/// Reads a client's request.
pub fn read_request(shape: Shape, body: &[u8]) -> Result<ChatRequest, Untranslatable> {
    match shape {
        Shape::ChatCompletions => chat::read_request(body),
        Shape::Responses => responses::read_request(body),
        Shape::Messages => messages::read_request(body),
        Shape::GenerateContent
        | Shape::CohereChat
        | Shape::Embeddings
        | Shape::CohereEmbed
        | Shape::CountTokens => Err(foreign(shape)),
    }
}

/// Writes a request for a provider.
pub fn write_request(
    shape: Shape,
    request: &ChatRequest,
    target: &Target<'_>,
) -> Result<Outgoing, Untranslatable> {
    let narrowed = narrowed(request, target);
    let request = narrowed.as_ref().unwrap_or(request);
    match shape {
        Shape::ChatCompletions => chat::write_request(request, target),
        Shape::Responses => responses::write_request(request, target),
        Shape::Messages => messages::write_request(request, target),
        Shape::GenerateContent => gemini::write_request(request, target),
        Shape::CohereChat => cohere::write_request(request, target),
        Shape::Embeddings | Shape::CohereEmbed | Shape::CountTokens => Err(foreign(shape)),
    }
}

/// The same request for a target that can be made to call a tool, but no certain one: it is shown no
/// other.
fn narrowed(request: &ChatRequest, target: &Target<'_>) -> Option<ChatRequest> {
    let Some(ToolChoice::Named(name)) = &request.tool_choice else { return None };
    let has = |feature| target.capabilities.has(feature);
    if has(Feature::ToolChoiceNamed) || !has(Feature::ToolChoiceRequired) {
        return None;
    }
    let tools: Vec<_> = request.tools.iter().filter(|tool| tool.name == *name).cloned().collect();
    let choice = Some(ToolChoice::Required);
    (!tools.is_empty()).then(|| ChatRequest { tools, tool_choice: choice, ..request.clone() })
}

/// Reads a provider's answer.
pub fn read_answer(shape: Shape, body: &[u8]) -> Result<ChatAnswer, Unreadable> {
    match shape {
        Shape::ChatCompletions => chat::read_answer(body),
        Shape::Responses => responses::read_answer(body),
        Shape::Messages => messages::read_answer(body),
        Shape::GenerateContent => gemini::read_answer(body),
        Shape::CohereChat => cohere::read_answer(body),
        Shape::Embeddings | Shape::CohereEmbed | Shape::CountTokens => {
            Err(Unreadable(format!("`{shape}` is no chat")))
        }
    }
}

/// Writes an answer for a client. Shapes that no client asks in are written as Chat Completions.
pub fn write_answer(shape: Shape, answer: &ChatAnswer, context: &Context) -> Bytes {
    match shape {
        Shape::Responses => responses::write_answer(answer, context),
        Shape::Messages => messages::write_answer(answer, context),
        _ => chat::write_answer(answer, context),
    }
}

/// Reads the error that a provider answered, whole or as the data of an event; `None` if it is none.
pub fn read_error(shape: Shape, body: &[u8]) -> Option<ProviderError> {
    match shape {
        Shape::ChatCompletions | Shape::Embeddings => chat::read_error(body),
        Shape::Responses => responses::read_error(body),
        Shape::Messages | Shape::CountTokens => messages::read_error(body),
        Shape::GenerateContent => gemini::read_error(body),
        Shape::CohereChat | Shape::CohereEmbed => cohere::read_error(body),
    }
}

/// Writes an error for a client.
pub fn write_error(shape: Shape, status: u16, error: &ProviderError, request_id: &str) -> Bytes {
    match shape {
        Shape::Messages | Shape::CountTokens => messages::write_error(status, error, request_id),
        Shape::Responses => responses::write_error(status, error, request_id),
        _ => chat::write_error(status, error, request_id),
    }
}

/// Writes what an answer took, as JSON for a client.
pub fn write_usage(shape: Shape, usage: &TokenCounts) -> String {
    let mut out = Vec::new();
    object(&mut out, |into| match shape {
        Shape::Messages | Shape::CountTokens => messages::write_usage(into, usage),
        Shape::Responses => openai::write_usage(into, usage, &RESPONSES_USAGE),
        _ => openai::write_usage(into, usage, &CHAT_USAGE),
    });
    String::from_utf8(out).expect("JSON is UTF-8")
}

fn foreign(shape: Shape) -> Untranslatable {
    let message = format!("`{shape}` cannot be translated");
    Untranslatable { field: None, message, code: "unsupported_by_provider" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promptgate_providers::{CapabilityTable, ProviderKind};

    #[test]
    fn a_tool_that_cannot_be_named_is_the_only_one_shown() {
        let body = br#"{"model":"m","messages":[{"role":"user","content":"x"}],
            "tools":[{"type":"function","function":{"name":"a"}},{"type":"function","function":{"name":"b"}}],
            "tool_choice":{"type":"function","function":{"name":"b"}}}"#;
        let request = read_request(Shape::ChatCompletions, body).unwrap();
        let capabilities = CapabilityTable::bundled().of(ProviderKind::Cohere, "command-a-03-2025");
        let target = Target { model: "command-a-03-2025", capabilities: &capabilities, stream: false };
        let written = write_request(Shape::CohereChat, &request, &target).unwrap();
        let sent: serde_json::Value = serde_json::from_slice(&written.body).unwrap();
        assert_eq!(sent["tool_choice"], "REQUIRED");
        assert_eq!(sent["tools"].as_array().unwrap().len(), 1);
        assert_eq!(sent["tools"][0]["function"]["name"], "b");
    }
}
