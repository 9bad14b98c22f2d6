//! How requests and answers look on the wire of a provider.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Operation;

/// A request-and-answer format of a provider's public API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// OpenAI chat completions, <https://platform.openai.com/docs/api-reference/chat>.
    ChatCompletions,
    /// OpenAI responses, <https://platform.openai.com/docs/api-reference/responses>.
    Responses,
    /// Anthropic messages, <https://docs.anthropic.com/en/api/messages>.
    Messages,
    /// Gemini's `generateContent`, <https://ai.google.dev/api/generate-content>.
    GenerateContent,
    /// Cohere chat, version 2, <https://docs.cohere.com/reference/chat>.
    CohereChat,
    /// OpenAI embeddings, <https://platform.openai.com/docs/api-reference/embeddings>.
    Embeddings,
    /// Cohere embed, version 2, <https://docs.cohere.com/reference/embed>.
    CohereEmbed,
    /// Anthropic's token counting, <https://docs.anthropic.com/en/api/messages-count-tokens>.
    CountTokens,
}

impl Shape {
    /// Every shape.
    pub const ALL: [Self; 8] = [
        Self::ChatCompletions,
        Self::Responses,
        Self::Messages,
        Self::GenerateContent,
        Self::CohereChat,
        Self::Embeddings,
        Self::CohereEmbed,
        Self::CountTokens,
    ];

    /// The name in data, logs and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat_completions",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::GenerateContent => "generate_content",
            Self::CohereChat => "cohere_chat",
            Self::Embeddings => "embeddings",
            Self::CohereEmbed => "cohere_embed",
            Self::CountTokens => "count_tokens",
        }
    }

    /// Whether it carries a conversation with a model, so that it can be translated into any other
    /// that does.
    pub const fn is_chat(self) -> bool {
        matches!(
            self,
            Self::ChatCompletions
                | Self::Responses
                | Self::Messages
                | Self::GenerateContent
                | Self::CohereChat
        )
    }
}

impl From<Operation> for Shape {
    fn from(operation: Operation) -> Self {
        match operation {
            Operation::ChatCompletions => Self::ChatCompletions,
            Operation::Responses => Self::Responses,
            Operation::Messages => Self::Messages,
            Operation::CountTokens => Self::CountTokens,
            Operation::Embeddings => Self::Embeddings,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
