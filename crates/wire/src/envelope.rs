//! Requests.

use std::ops::Range;

use bytes::Bytes;
use promptgate_providers::Operation;

use crate::ApiProblem;

/// The body of a request is not one that the gateway passes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadRequest {
    /// The member that is wrong.
    pub field: Option<String>,
    /// What is wrong, for people.
    pub message: String,
    /// What is wrong, for programs: `invalid_json`, `ambiguous_body`, `missing_field` or
    /// `invalid_field`.
    pub code: &'static str,
}

/// A request body, read once: what the gateway needs of it, and the bytes as they came.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// What is asked for.
    pub operation: Operation,
    /// The model, as the client names it.
    pub model: String,
    /// Whether the answer is to be a stream.
    pub stream: bool,
    /// Whether the client itself wants usage at the end of an OpenAI stream.
    pub asks_usage: bool,
    /// The most tokens that the client wants written, where it says so in a usable way.
    pub max_output: Option<u64>,
    /// Bytes of text that the model will read; for estimates.
    pub prompt_bytes: u64,
    body: Bytes,
    model_span: Range<usize>,
}

impl From<BadRequest> for ApiProblem {
    fn from(bad: BadRequest) -> Self {
        Self { status: 400, code: bad.code, message: bad.message, param: bad.field, retry_after: None }
    }
}

impl Envelope {
    /// Reads a body. The one reading decides: what could be read differently elsewhere, such as two
    /// members `model`, is refused.
    pub fn parse(operation: Operation, body: Bytes) -> Result<Self, BadRequest> {
        let _ = (operation, body);
        unimplemented!()
    }

    /// The body as it came.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body for the provider: the same bytes, but for the model's name and, if `ask_usage` and
    /// this is a stream of chat completions, `stream_options.include_usage`.
    pub fn outgoing(&self, model: &str, ask_usage: bool) -> Bytes {
        let _ = (model, ask_usage, &self.model_span);
        unimplemented!()
    }
}
