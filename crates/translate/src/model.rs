//! Chat requests and answers in no vendor's words.
//!
//! A message is a list of [`Block`]s, whatever the wire format: what Chat Completions spread over
//! `content`, `tool_calls` and messages of the role `tool`, Responses over items, and Gemini over
//! parts, is here one block after another. What a format cannot say is refused or reported by its
//! writer, never left out in silence.

use promptgate_usage::TokenCounts;

use crate::{Json, Number};

/// What a client asks of a model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChatRequest {
    /// The model, as the client names it.
    pub model: String,
    /// The conversation so far, instructions included, in order.
    pub messages: Vec<Message>,
    /// What the model may call.
    pub tools: Vec<Tool>,
    /// Whether it must.
    pub tool_choice: Option<ToolChoice>,
    /// Whether it may call several at once; the vendor's default unless said.
    pub parallel_tool_calls: Option<bool>,
    /// What the answer must look like.
    pub output: OutputFormat,
    /// Whether and how much it is to think first.
    pub reasoning: Option<Reasoning>,
    /// How it chooses its words.
    pub sampling: Sampling,
    /// The most tokens it may write.
    pub max_output: Option<u64>,
    /// Texts at which it stops.
    pub stop: Vec<String>,
    /// Whether the answer is to be a stream.
    pub stream: bool,
    /// Whether the client itself asked for usage in the stream (Chat Completions only).
    pub include_usage: bool,
    /// The client's name for its own end user.
    pub user: Option<String>,
    /// What of the request has no place above.
    pub extras: Vec<Extra>,
}

/// Numbers that steer the choice of words. They keep the client's spelling.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sampling {
    /// From 0 to 2 (Anthropic and Cohere: to 1).
    pub temperature: Option<Number>,
    /// From 0 to 1.
    pub top_p: Option<Number>,
    /// How many candidates are looked at.
    pub top_k: Option<Number>,
    /// From -2 to 2.
    pub frequency_penalty: Option<Number>,
    /// From -2 to 2.
    pub presence_penalty: Option<Number>,
    /// For answers that repeat.
    pub seed: Option<Number>,
}

/// A member of a request that the model of this crate has no place for.
#[derive(Debug, Clone, PartialEq)]
pub struct Extra {
    /// Its path in the request, such as `logit_bias`.
    pub name: String,
    /// Whether leaving it out changes what the answer means.
    pub weight: Weight,
    /// What it says.
    pub value: Json,
}

/// How much a part of a request matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// The answer would mean something else without it: refused where it is not understood.
    Meaning,
    /// A hint: left out and reported where it is not understood.
    Hint,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Who runs the application: `system`, `developer`, `instructions`.
    System,
    /// Who uses it. Results of tools are said by this one.
    User,
    /// The model.
    Assistant,
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub blocks: Vec<Block>,
}

/// A piece of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// Words.
    Text {
        /// The words.
        text: String,
        /// Where the cached prefix ends.
        cache: Option<Cache>,
    },
    /// A picture.
    Image {
        /// Where it is.
        source: Source,
        /// How closely it is looked at: `auto`, `low`, `high`.
        detail: Option<String>,
        /// Where the cached prefix ends.
        cache: Option<Cache>,
    },
    /// A document, such as a PDF or a plain text.
    File {
        /// Where it is.
        source: Source,
        /// Its name.
        name: Option<String>,
        /// Where the cached prefix ends.
        cache: Option<Cache>,
    },
    /// Sound.
    Audio {
        /// The bytes, as base64.
        data: String,
        /// Such as `wav` or `mp3`.
        format: String,
    },
    /// The model wants something done.
    ToolCall {
        /// Ties the result to the call.
        id: String,
        /// The tool.
        name: String,
        /// The arguments, as JSON text. Empty means none.
        arguments: String,
        /// What a vendor wants back with the call (Gemini's thought signature).
        signature: Option<String>,
        /// Where the cached prefix ends.
        cache: Option<Cache>,
    },
    /// It was done.
    ToolResult {
        /// The call.
        id: String,
        /// The tool, where the format says it.
        name: Option<String>,
        /// What came out: texts, images and files.
        content: Vec<Block>,
        /// Whether it failed.
        is_error: bool,
        /// Where the cached prefix ends.
        cache: Option<Cache>,
    },
    /// What the model thought.
    Thinking {
        /// The thought; empty when only its signature is shown.
        text: String,
        /// Proves to the vendor that it is its own thought. Opaque: it goes back byte for byte.
        signature: Option<String>,
    },
    /// What the model thought, readable for its vendor only.
    RedactedThinking {
        /// Opaque: it goes back byte for byte.
        data: String,
    },
    /// The model declines, in its own words.
    Refusal {
        /// Its words.
        text: String,
    },
}

/// Where the bytes of a picture or document are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Here.
    Base64 {
        /// Such as `image/png`.
        media_type: String,
        /// The bytes, as base64.
        data: String,
    },
    /// Here, as plain text.
    Text {
        /// The text.
        text: String,
    },
    /// Where the provider fetches it. The gateway never does.
    Url {
        /// The address.
        url: String,
    },
    /// At the provider, uploaded before.
    Id {
        /// Its id there.
        id: String,
    },
}

/// A marker: what stands before it is to be cached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cache {
    /// For how long: `5m` (the default) or `1h`.
    pub ttl: Option<String>,
}

/// A function that the model may call.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// JSON Schema of its arguments; none means none are described.
    pub parameters: Option<Json>,
    /// Whether the arguments follow the schema exactly.
    pub strict: Option<bool>,
    /// Where the cached prefix ends.
    pub cache: Option<Cache>,
}

/// Whether the model must call a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    /// It decides.
    Auto,
    /// It must not.
    None,
    /// It must call one.
    Required,
    /// It must call this one.
    Named(String),
}

/// What the answer must look like.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum OutputFormat {
    /// Words.
    #[default]
    Text,
    /// Some JSON object.
    JsonObject,
    /// JSON that follows a schema.
    JsonSchema {
        /// The schema's name.
        name: String,
        /// What it is for.
        description: Option<String>,
        /// The schema.
        schema: Json,
        /// Whether it is followed exactly.
        strict: Option<bool>,
    },
}

/// How much the model is to think before it answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reasoning {
    /// `none`, `minimal`, `low`, `medium`, `high`, `xhigh`.
    pub effort: Option<String>,
    /// In tokens. Zero switches it off.
    pub budget: Option<u64>,
    /// The model decides how much (Anthropic's `adaptive`).
    pub adaptive: bool,
    /// Whether the client wants to read a summary: `auto`, `concise`, `detailed`.
    pub summary: Option<String>,
}

/// Why a model stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// It was done.
    End,
    /// It wrote as much as it may.
    MaxTokens,
    /// It came to one of the texts at which it stops.
    Sequence(Option<String>),
    /// It wants tools to be called.
    ToolUse,
    /// It declines.
    Refusal,
    /// The vendor's filter cut it off.
    ContentFilter,
    /// It makes a pause in a long turn and wants to be asked again.
    Pause,
    /// It failed.
    Error,
}

impl Stop {
    /// The reason in one word, for records.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::End => "stop",
            Self::MaxTokens => "max_tokens",
            Self::Sequence(_) => "stop_sequence",
            Self::ToolUse => "tool_calls",
            Self::Refusal => "refusal",
            Self::ContentFilter => "content_filter",
            Self::Pause => "pause",
            Self::Error => "error",
        }
    }
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatAnswer {
    /// The provider's id of it.
    pub id: Option<String>,
    /// The model that answered, as the provider names it.
    pub model: Option<String>,
    /// What it says: texts, thoughts, tool calls, refusals.
    pub blocks: Vec<Block>,
    /// Why it stopped.
    pub stop: Stop,
    /// What it took.
    pub usage: Option<TokenCounts>,
}
