//! What a model of a provider can do.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::Shape;

/// The common names of parameters; the keys of [`Capabilities::parameters`].
pub const PARAMETERS: [&str; 17] = [
    "max_output",
    "temperature",
    "top_p",
    "top_k",
    "stop",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "user",
    "metadata",
    "parallel_tool_calls",
    "reasoning_effort",
    "reasoning_budget",
    "service_tier",
    "dimensions",
    "encoding_format",
    "input_type",
];

/// A kind of content besides text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Modality {
    /// Images inside the request.
    Image,
    /// Images that the provider fetches from an address.
    ImageUrl,
    /// Documents, such as PDF, inside the request.
    File,
    /// Documents that the provider fetches from an address.
    FileUrl,
    /// Documents that were uploaded to the provider before, by their id.
    FileId,
    /// Sound inside the request.
    Audio,
}

/// Something a request may use that not every service has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// Function tools.
    Tools,
    /// A tool choice that demands a tool.
    ToolChoiceRequired,
    /// A tool choice that names a tool.
    ToolChoiceNamed,
    /// Strict schemas of tools.
    StrictTools,
    /// Answers that are some JSON object.
    JsonObject,
    /// Answers that follow a JSON Schema.
    JsonSchema,
    /// Reasoning that can be asked for.
    Reasoning,
    /// Markers of what is to be cached.
    CacheMarkers,
    /// Usage at the end of a stream, on demand.
    StreamUsage,
    /// Reasoning in the history, with its signature.
    ThinkingHistory,
    /// Reasoning that is on unless it is switched off, and can be switched off.
    ReasoningOff,
    /// Tool calls in the history need their signature, or the mark that somebody else made them.
    SignedCalls,
    /// Images inside of tool results.
    ToolResultImages,
    /// Every stream ends with its end mark, so that one without it was cut off.
    StreamEndMark,
    /// Responses are stored, and can be read, deleted, cancelled and continued by their id.
    StoredResponses,
    /// Conversations are stored and can be managed by their id.
    Conversations,
    /// `temperature` and `top_p` exclude each other.
    OneOfTemperatureAndTopP,
    /// Efforts above `high`: `xhigh` and `max`.
    HighestEfforts,
    /// Ids of tool calls are nine letters or digits.
    ShortCallIds,
    /// What the user says may not follow the result of a tool directly.
    AnswerAfterTool,
}

/// What a model of a provider can do, as the capability table says it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Capabilities {
    /// The shapes its service answers, the preferred one for translation first.
    pub shapes: Vec<Shape>,
    /// Parameters by their common name, one of [`PARAMETERS`], with their name on the wire of the
    /// first shape. One that is missing is not supported.
    pub parameters: BTreeMap<String, String>,
    /// What may be in a message besides text.
    pub modalities: BTreeSet<Modality>,
    /// The largest value of a parameter, by its common name, where a service takes less than others.
    pub maximums: BTreeMap<String, u64>,
    /// What else it can do.
    pub features: BTreeSet<Feature>,
    /// What `max_output` is when the client gives none and the shape demands one.
    pub default_max_output: Option<u64>,
    /// Patterns of `anthropic-beta` values that are passed on; `*` at the end stands for anything.
    pub betas: Vec<String>,
}

impl Capabilities {
    /// Whether the service answers a shape itself.
    pub fn speaks(&self, shape: Shape) -> bool {
        self.shapes.contains(&shape)
    }

    /// The shape that conversations are translated into; `None` for services without any.
    pub fn chat_shape(&self) -> Option<Shape> {
        self.shapes.iter().copied().find(|shape| shape.is_chat())
    }

    /// The name of a parameter on the wire; `None` if it is not supported.
    pub fn parameter(&self, common: &str) -> Option<&str> {
        self.parameters.get(common).map(String::as_str)
    }

    /// The largest value of a parameter; `None` where nothing special is known.
    pub fn maximum(&self, common: &str) -> Option<u64> {
        self.maximums.get(common).copied()
    }

    /// Whether a value of `anthropic-beta` is passed on.
    pub fn takes_beta(&self, beta: &str) -> bool {
        self.betas.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(beginning) => beta.starts_with(beginning),
            None => beta == pattern,
        })
    }

    /// Whether a message may hold this.
    pub fn takes(&self, modality: Modality) -> bool {
        self.modalities.contains(&modality)
    }

    /// Whether it can do this.
    pub fn has(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }
}
