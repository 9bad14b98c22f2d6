//! One door to all formats.

use bytes::Bytes;
use promptgate_providers::Shape;

use crate::{
    ChatAnswer, ChatRequest, Context, Outgoing, ProviderError, Target, Unreadable, Untranslatable, chat,
    cohere, gemini, messages, responses,
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
    match shape {
        Shape::ChatCompletions => chat::write_request(request, target),
        Shape::Responses => responses::write_request(request, target),
        Shape::Messages => messages::write_request(request, target),
        Shape::GenerateContent => gemini::write_request(request, target),
        Shape::CohereChat => cohere::write_request(request, target),
        Shape::Embeddings | Shape::CohereEmbed | Shape::CountTokens => Err(foreign(shape)),
    }
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

fn foreign(shape: Shape) -> Untranslatable {
    let message = format!("`{shape}` cannot be translated");
    Untranslatable { field: None, message, code: "unsupported_by_provider" }
}
