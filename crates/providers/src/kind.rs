//! Kinds of providers and what they speak.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How requests and answers look on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WireFormat {
    /// OpenAI's API, <https://platform.openai.com/docs/api-reference>.
    OpenAi,
    /// Anthropic's Messages API, <https://docs.anthropic.com/en/api/messages>.
    Anthropic,
}

/// What a client asks a model for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// OpenAI chat completions.
    ChatCompletions,
    /// OpenAI responses.
    Responses,
    /// Anthropic messages.
    Messages,
    /// Anthropic's count of a request's tokens.
    CountTokens,
    /// OpenAI embeddings.
    Embeddings,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 5] =
        [Self::ChatCompletions, Self::Responses, Self::Messages, Self::CountTokens, Self::Embeddings];

    /// The name in logs and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat_completions",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::CountTokens => "count_tokens",
            Self::Embeddings => "embeddings",
        }
    }

    /// The wire format of its requests and answers.
    pub const fn wire_format(self) -> WireFormat {
        match self {
            Self::ChatCompletions | Self::Responses | Self::Embeddings => WireFormat::OpenAi,
            Self::Messages | Self::CountTokens => WireFormat::Anthropic,
        }
    }

    /// The route below `/api/{uuid}` that carries it.
    pub const fn path(self) -> &'static str {
        match self {
            Self::ChatCompletions => "/v1/chat/completions",
            Self::Responses => "/v1/responses",
            Self::Messages => "/v1/messages",
            Self::CountTokens => "/v1/messages/count_tokens",
            Self::Embeddings => "/v1/embeddings",
        }
    }
}

impl std::str::FromStr for Operation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|operation| operation.as_str() == text)
            .ok_or_else(|| format!("unknown operation `{text}`"))
    }
}

/// What kind of service a provider is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// OpenAI itself.
    #[serde(rename = "openai")]
    OpenAi,
    /// Anthropic itself.
    Anthropic,
    /// A local Ollama.
    Ollama,
    /// Anything that speaks OpenAI's API: vLLM, LM Studio, OpenRouter and many more.
    #[serde(rename = "openai_compatible")]
    OpenAiCompatible,
    /// Built in: answers every shape with what was asked, without a network.
    Echo,
}

/// A text that names no kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("type must be one of openai, anthropic, ollama, openai_compatible, echo")]
pub struct UnknownKind;

impl ProviderKind {
    /// Every kind, in the order they are shown.
    pub const ALL: [Self; 5] =
        [Self::OpenAi, Self::Anthropic, Self::Ollama, Self::OpenAiCompatible, Self::Echo];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Ollama => "ollama",
            Self::OpenAiCompatible => "openai_compatible",
            Self::Echo => "echo",
        }
    }

    /// Whether providers of this kind answer an operation in its own wire format.
    pub const fn serves(self, operation: Operation) -> bool {
        match self {
            Self::Echo => true,
            Self::Anthropic => matches!(operation, Operation::Messages),
            Self::OpenAi | Self::Ollama | Self::OpenAiCompatible => {
                matches!(operation, Operation::ChatCompletions | Operation::Embeddings)
            }
        }
    }

    /// Where the vendor's own service is; `None` where the operator must say it.
    pub const fn default_base_url(self) -> Option<&'static str> {
        match self {
            Self::OpenAi => Some("https://api.openai.com/v1"),
            Self::Anthropic => Some("https://api.anthropic.com"),
            Self::Ollama => Some("http://127.0.0.1:11434/v1"),
            Self::OpenAiCompatible => None,
            Self::Echo => Some("http://echo.invalid"),
        }
    }

    /// The credential that is sent when none is stored. Ollama ignores it but wants one.
    pub const fn default_secret(self) -> Option<&'static str> {
        match self {
            Self::Ollama => Some("ollama"),
            _ => None,
        }
    }

    /// The kind whose vendor names models like this, such as `claude-…`.
    pub fn of_family(model: &str) -> Option<Self> {
        const FAMILIES: [(&str, ProviderKind); 8] = [
            ("claude-", ProviderKind::Anthropic),
            ("gpt-", ProviderKind::OpenAi),
            ("chatgpt-", ProviderKind::OpenAi),
            ("o1", ProviderKind::OpenAi),
            ("o3", ProviderKind::OpenAi),
            ("o4", ProviderKind::OpenAi),
            ("text-embedding-", ProviderKind::OpenAi),
            ("codex-", ProviderKind::OpenAi),
        ];
        FAMILIES.into_iter().find(|(prefix, _)| model.starts_with(prefix)).map(|(_, kind)| kind)
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for ProviderKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownKind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_on_the_wire_are_the_serialised_ones() {
        for kind in ProviderKind::ALL {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
    }

    #[test]
    fn a_kind_serves_its_own_wire_format() {
        assert!(ProviderKind::Anthropic.serves(Operation::Messages));
        assert!(!ProviderKind::Anthropic.serves(Operation::ChatCompletions));
        assert!(!ProviderKind::OpenAi.serves(Operation::Messages));
        assert!(ProviderKind::Echo.serves(Operation::Embeddings));
    }
}
