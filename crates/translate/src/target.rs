//! What a writer is told besides what it writes, and what a stream is asked.

use bytes::Bytes;
use promptgate_providers::Capabilities;
use promptgate_usage::TokenCounts;

/// For whom a request is written.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The model, as the provider names it.
    pub model: &'a str,
    /// What it can do.
    pub capabilities: &'a Capabilities,
    /// Whether the answer is to be a stream.
    pub stream: bool,
}

/// A request that can be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The body.
    pub body: Bytes,
    /// Hints of the client's request that the target does not understand, by their path.
    pub dropped: Vec<String>,
}

/// What an answer says about itself besides what the model said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context {
    /// The id of the answer if the provider gives none.
    pub id: String,
    /// The model, as the client is to see it.
    pub model: String,
    /// When it was made, in seconds since the epoch.
    pub created: i64,
    /// Whether the client asked for usage in the stream (Chat Completions only).
    pub include_usage: bool,
}

/// Why a stream cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure<'a> {
    /// The status that it would have been.
    pub status: u16,
    /// For programs.
    pub code: &'a str,
    /// For people.
    pub message: &'a str,
}

/// What a stream has said so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// What it took, if the provider said so.
    pub usage: Option<TokenCounts>,
    /// How many bytes of text, thoughts, refusals and arguments the model wrote.
    pub output_bytes: u64,
    /// The model that answers, as the provider names it.
    pub model: Option<String>,
    /// The provider's id of the answer.
    pub response_id: Option<String>,
    /// Whether the provider said that the answer is complete.
    pub ended: bool,
}
