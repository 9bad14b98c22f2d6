//! A model that can do everything, and streams through the public door.

use promptgate_providers::{Capabilities, Feature, Modality, Shape};
use promptgate_translate::{Context, StreamTranslator};

/// A model that can do everything.
pub(crate) fn able() -> Capabilities {
    let parameters = [
        ("max_output", "max_tokens"),
        ("temperature", "temperature"),
        ("top_p", "top_p"),
        ("top_k", "top_k"),
        ("stop", "stop"),
        ("seed", "seed"),
        ("frequency_penalty", "frequency_penalty"),
        ("presence_penalty", "presence_penalty"),
        ("user", "user"),
        ("metadata", "metadata"),
        ("parallel_tool_calls", "parallel_tool_calls"),
        ("reasoning_effort", "reasoning_effort"),
        ("service_tier", "service_tier"),
    ];
    Capabilities {
        shapes: Shape::ALL.into(),
        parameters: parameters.map(|(common, wire)| (common.to_owned(), wire.to_owned())).into(),
        modalities: [
            Modality::Image,
            Modality::ImageUrl,
            Modality::File,
            Modality::FileUrl,
            Modality::FileId,
            Modality::Audio,
        ]
        .into(),
        features: [
            Feature::Tools,
            Feature::ToolChoiceRequired,
            Feature::ToolChoiceNamed,
            Feature::StrictTools,
            Feature::JsonObject,
            Feature::JsonSchema,
            Feature::Reasoning,
            Feature::ReasoningOff,
            Feature::CacheMarkers,
            Feature::StreamUsage,
            Feature::ThinkingHistory,
            Feature::ToolResultImages,
        ]
        .into(),
        default_max_output: Some(4_096),
        ..Capabilities::default()
    }
}

/// A stream in the client's shape, from pieces of the provider's.
pub(crate) fn translate<'a>(from: Shape, to: Shape, pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    let context = Context {
        id: "0193-request".to_owned(),
        model: "the-model".to_owned(),
        created: 1_700_000_000,
        include_usage: true,
    };
    let mut translator = StreamTranslator::new(from, to, context);
    let mut out = Vec::new();
    for piece in pieces {
        out.extend_from_slice(&translator.push(piece));
    }
    out.extend_from_slice(&translator.end());
    String::from_utf8(out).expect("streams are text")
}
