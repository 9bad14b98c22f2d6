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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// OpenAI itself.
    #[serde(rename = "openai")]
    OpenAi,
    /// Anthropic itself.
    Anthropic,
    /// Google's Gemini API.
    Google,
    /// Mistral.
    Mistral,
    /// Groq.
    Groq,
    /// Together.
    Together,
    /// Cohere.
    Cohere,
    /// A local Ollama.
    Ollama,
    /// OpenAI's models at Microsoft Azure.
    #[serde(rename = "azure_openai")]
    AzureOpenAi,
    /// Anything that speaks OpenAI's API: vLLM, LM Studio, OpenRouter and many more.
    #[serde(rename = "openai_compatible")]
    OpenAiCompatible,
    /// Built in: answers every shape with what was asked, without a network.
    Echo,
}

/// A text that names no kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "type must be one of openai, anthropic, google, mistral, groq, together, cohere, ollama, azure_openai, \
     openai_compatible, echo"
)]
pub struct UnknownKind;

/// How a service wants to be told who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthStyle {
    /// `Authorization: Bearer …`.
    Bearer,
    /// `x-api-key: …`, Anthropic's.
    XApiKey,
    /// `x-goog-api-key: …`, Google's; never in the address, which is logged on the way.
    XGoogApiKey,
    /// `api-key: …`, Azure's.
    ApiKey,
    /// Nobody needs to know.
    None,
}

impl AuthStyle {
    /// The header's name in lower case, and what stands before the secret; nothing without a header.
    pub const fn header(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Bearer => Some(("authorization", "Bearer ")),
            Self::XApiKey => Some(("x-api-key", "")),
            Self::XGoogApiKey => Some(("x-goog-api-key", "")),
            Self::ApiKey => Some(("api-key", "")),
            Self::None => None,
        }
    }
}

impl ProviderKind {
    /// Every kind, in the order they are shown.
    pub const ALL: [Self; 11] = [
        Self::OpenAi,
        Self::Anthropic,
        Self::Google,
        Self::Mistral,
        Self::Groq,
        Self::Together,
        Self::Cohere,
        Self::Ollama,
        Self::AzureOpenAi,
        Self::OpenAiCompatible,
        Self::Echo,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Google => "google",
            Self::Mistral => "mistral",
            Self::Groq => "groq",
            Self::Together => "together",
            Self::Cohere => "cohere",
            Self::Ollama => "ollama",
            Self::AzureOpenAi => "azure_openai",
            Self::OpenAiCompatible => "openai_compatible",
            Self::Echo => "echo",
        }
    }

    /// The name for people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::OpenAi => "OpenAI",
            Self::Anthropic => "Anthropic",
            Self::Google => "Google Gemini",
            Self::Mistral => "Mistral",
            Self::Groq => "Groq",
            Self::Together => "Together AI",
            Self::Cohere => "Cohere",
            Self::Ollama => "Ollama",
            Self::AzureOpenAi => "Azure OpenAI",
            Self::OpenAiCompatible => "OpenAI-compatible",
            Self::Echo => "Echo",
        }
    }

    /// Where the vendor's own service is; `None` where the operator must say it.
    pub const fn default_base_url(self) -> Option<&'static str> {
        match self {
            Self::OpenAi => Some("https://api.openai.com/v1"),
            Self::Anthropic => Some("https://api.anthropic.com"),
            Self::Google => Some("https://generativelanguage.googleapis.com/v1beta"),
            Self::Mistral => Some("https://api.mistral.ai/v1"),
            Self::Groq => Some("https://api.groq.com/openai/v1"),
            Self::Together => Some("https://api.together.xyz/v1"),
            Self::Cohere => Some("https://api.cohere.com/v2"),
            Self::Ollama => Some("http://127.0.0.1:11434/v1"),
            Self::AzureOpenAi | Self::OpenAiCompatible => None,
            Self::Echo => Some("http://echo.invalid"),
        }
    }

    /// The wire format of its own API, as clients find it below the provider's name.
    pub const fn wire_format(self) -> WireFormat {
        match self {
            Self::Anthropic => WireFormat::Anthropic,
            _ => WireFormat::OpenAi,
        }
    }

    /// Whether clients find an operation below the provider's name: those of its wire format, by
    /// translation where need be. Ollama's API is shown without responses.
    pub fn shows(self, operation: Operation) -> bool {
        operation.wire_format() == self.wire_format()
            && !(self == Self::Ollama && operation == Operation::Responses)
    }

    /// Whether its answers are made here, without a network.
    pub const fn is_built_in(self) -> bool {
        matches!(self, Self::Echo)
    }

    /// Whether its services list the models that can be called, in their wire format. Azure's list what
    /// could be deployed.
    pub const fn lists_models(self) -> bool {
        !matches!(self, Self::Google | Self::Cohere | Self::AzureOpenAi | Self::Echo)
    }

    /// What a model of its services is called in rules, prices and capabilities, whichever of its names
    /// is given. Gemini's names are paths, and `models/x` is `x`; a tuned model is another one than the
    /// model of the same name, and stays `tunedModels/x`.
    pub fn model_name(self, given: &str) -> &str {
        match self {
            Self::Google => given.trim_start_matches("models/"),
            _ => given,
        }
    }

    /// How its services want to be told who calls.
    pub const fn auth_style(self) -> AuthStyle {
        match self {
            Self::OpenAi
            | Self::Mistral
            | Self::Groq
            | Self::Together
            | Self::Cohere
            | Self::Ollama
            | Self::OpenAiCompatible => AuthStyle::Bearer,
            Self::Anthropic => AuthStyle::XApiKey,
            Self::Google => AuthStyle::XGoogApiKey,
            Self::AzureOpenAi => AuthStyle::ApiKey,
            Self::Echo => AuthStyle::None,
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
        const FAMILIES: [(ProviderKind, &[&str]); 5] = [
            (ProviderKind::Anthropic, &["claude-"]),
            (ProviderKind::OpenAi, &["gpt-", "chatgpt-", "o1", "o3", "o4", "text-embedding-", "codex-"]),
            (ProviderKind::Google, &["gemini-"]),
            (
                ProviderKind::Mistral,
                &[
                    "mistral-",
                    "ministral-",
                    "magistral-",
                    "codestral-",
                    "devstral-",
                    "pixtral-",
                    "open-mistral-",
                    "open-mixtral-",
                ],
            ),
            (ProviderKind::Cohere, &["command-", "embed-"]),
        ];
        let of = |prefixes: &[&str]| prefixes.iter().any(|prefix| model.starts_with(prefix));
        FAMILIES.into_iter().find(|(_, prefixes)| of(prefixes)).map(|(kind, _)| kind)
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
            assert!(UnknownKind.to_string().contains(kind.as_str()), "{kind} is named");
        }
    }

    #[test]
    fn families_have_their_vendor() {
        for (model, kind) in [
            ("claude-opus-4-5", Some(ProviderKind::Anthropic)),
            ("gpt-5.1", Some(ProviderKind::OpenAi)),
            ("o3-mini", Some(ProviderKind::OpenAi)),
            ("gemini-2.5-pro", Some(ProviderKind::Google)),
            ("codestral-latest", Some(ProviderKind::Mistral)),
            ("embed-v4.0", Some(ProviderKind::Cohere)),
            ("llama3", None),
            ("", None),
        ] {
            assert_eq!(ProviderKind::of_family(model), kind, "{model}");
        }
    }

    #[test]
    fn an_api_has_what_its_wire_format_has() {
        for kind in ProviderKind::ALL {
            for operation in Operation::ALL {
                let is_anthropic = matches!(operation, Operation::Messages | Operation::CountTokens);
                let hidden = (kind, operation) == (ProviderKind::Ollama, Operation::Responses);
                let shown = is_anthropic == (kind == ProviderKind::Anthropic) && !hidden;
                assert_eq!(kind.shows(operation), shown, "{kind} {operation:?}");
            }
        }
    }

    #[test]
    fn who_has_no_address_says_so() {
        for kind in ProviderKind::ALL {
            let known = kind.default_base_url().is_some();
            let custom = [ProviderKind::AzureOpenAi, ProviderKind::OpenAiCompatible].contains(&kind);
            assert!(known != custom, "{kind}");
        }
    }
}
