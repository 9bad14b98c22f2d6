//! Streamed answers in no vendor's words.

use promptgate_usage::TokenCounts;

use crate::Stop;

/// What kind of block a stream begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// Words.
    Text,
    /// Thoughts.
    Thinking,
    /// Thoughts for the vendor only; complete with this event.
    RedactedThinking {
        /// Opaque.
        data: String,
    },
    /// A tool call.
    ToolCall {
        /// Ties the result to the call.
        id: String,
        /// The tool.
        name: String,
        /// What a vendor wants back with the call.
        signature: Option<String>,
    },
    /// The model declines.
    Refusal,
}

/// A piece of a streamed answer. Blocks have the index of their beginning; several may be open at a
/// time (parallel tool calls), and none is open after [`StreamEvent::Stop`].
#[derive(Debug, Clone, PartialEq)]
pub enum StreamEvent {
    /// The answer begins.
    Start {
        /// The provider's id of it.
        id: Option<String>,
        /// The model that answers.
        model: Option<String>,
    },
    /// A block begins.
    Open {
        /// Counts from zero.
        index: usize,
        /// What it is.
        opening: Opening,
    },
    /// More words of a block: text, thought, refusal or JSON of arguments, by the block's kind.
    Delta {
        /// The block.
        index: usize,
        /// The words.
        text: String,
    },
    /// The signature of a thought, or a part of it.
    Signature {
        /// The block.
        index: usize,
        /// Opaque.
        signature: String,
    },
    /// A block is complete.
    Close {
        /// The block.
        index: usize,
    },
    /// The model stopped.
    Stop(Stop),
    /// What the answer took so far; the last one counts.
    Usage(TokenCounts),
    /// The answer is complete.
    End,
    /// The provider keeps the connection alive.
    Ping,
    /// The provider failed in the middle.
    Error(ProviderError),
}

/// What a provider says when it fails or refuses, in its own words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProviderError {
    /// For people.
    pub message: String,
    /// The vendor's class of errors, such as `invalid_request_error` or `overloaded_error`.
    pub kind: Option<String>,
    /// The vendor's code, such as `context_length_exceeded`.
    pub code: Option<String>,
    /// The member of the request that is wrong.
    pub param: Option<String>,
}
