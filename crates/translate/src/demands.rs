//! What a request demands of its target: what would change its meaning is refused by name, hints
//! are left out and reported.

use std::collections::BTreeSet;

use promptgate_providers::{Feature, Modality};

use crate::{
    Block, Cache, ChatRequest, Json, Number, OutputFormat, Role, Source, Target, ToolChoice, Untranslatable,
    Weight,
};

/// The hints that were left out, each once.
#[derive(Debug, Default)]
pub(crate) struct Dropped(BTreeSet<String>);

impl Dropped {
    /// Notes a hint. Of many messages that have the same one, one is named for all.
    pub(crate) fn note(&mut self, name: impl AsRef<str>) {
        let mut parts = name.as_ref().split('[');
        let mut noted = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            noted.push_str(part.split_once(']').map_or("", |(_, rest)| rest));
        }
        self.0.insert(noted);
    }

    /// Their names, in order.
    pub(crate) fn names(self) -> Vec<String> {
        self.0.into_iter().collect()
    }
}

/// Refuses what the target cannot do, and notes which hints it does not understand.
pub(crate) fn check(
    request: &ChatRequest,
    target: &Target<'_>,
    dropped: &mut Dropped,
) -> Result<(), Untranslatable> {
    check_placed(request, target, dropped)?;
    known_extras(request, target, dropped, &[]).map(drop)
}

/// Like [`check`], for formats that have a place for some extras: see [`known_extras`].
pub(crate) fn check_placed(
    request: &ChatRequest,
    target: &Target<'_>,
    dropped: &mut Dropped,
) -> Result<(), Untranslatable> {
    check_tools(request, target)?;
    check_output(request, target)?;
    for message in &request.messages {
        for block in &message.blocks {
            check_block(block, message.role, target)?;
        }
    }
    let cache_markers = target.capabilities.has(Feature::CacheMarkers);
    if !cache_markers && has_cache_markers(request) {
        dropped.note("cache_control");
    }
    if !request.stop.is_empty() && target.capabilities.parameter("stop").is_none() {
        return Err(refuse("stop", target, "stops at no texts"));
    }
    Ok(())
}

/// What of the client's extras the target understands: those that its format has under the same
/// name, the `known` ones, as far as the model supports them. The others are refused or
/// left out, by their weight.
pub(crate) fn known_extras<'a>(
    request: &'a ChatRequest,
    target: &Target<'a>,
    dropped: &mut Dropped,
    known: &[&str],
) -> Result<Vec<(&'a str, &'a Json)>, Untranslatable> {
    let mut kept = Vec::new();
    for extra in &request.extras {
        let name = known.iter().find(|name| **name == extra.name);
        match (name.and_then(|name| target.capabilities.parameter(name)), extra.weight) {
            (Some(wire), _) => kept.push((wire, &extra.value)),
            (None, Weight::Meaning) => return Err(refuse(&extra.name, target, "has no such thing")),
            (None, Weight::Hint) => dropped.note(&extra.name),
        }
    }
    Ok(kept)
}

/// The sampling parameters that the target knows, by their name on the wire. One that is larger than
/// the target takes becomes the largest that it takes, and is reported.
pub(crate) fn sampling<'a>(
    request: &ChatRequest,
    target: &Target<'a>,
    dropped: &mut Dropped,
) -> Vec<(&'a str, Number)> {
    let sampling = &request.sampling;
    let all = [
        ("temperature", &sampling.temperature),
        ("top_p", &sampling.top_p),
        ("top_k", &sampling.top_k),
        ("frequency_penalty", &sampling.frequency_penalty),
        ("presence_penalty", &sampling.presence_penalty),
        ("seed", &sampling.seed),
    ];
    let mut known = Vec::new();
    for (name, value) in all {
        let Some(value) = value else { continue };
        let Some(wire) = wire_name(target, name) else {
            dropped.note(name);
            continue;
        };
        match target.capabilities.maximum(name).map(Number::from) {
            Some(most) if value.as_f64() > most.as_f64() => {
                dropped.note(name);
                known.push((wire, most));
            }
            _ => known.push((wire, value.clone())),
        }
    }
    known
}

/// What a parameter is called inside the object that it belongs to.
pub(crate) fn wire_name<'a>(target: &Target<'a>, common: &str) -> Option<&'a str> {
    let path = target.capabilities.parameter(common)?;
    Some(path.rsplit('.').next().unwrap_or(path))
}

/// A refusal that names the model.
pub(crate) fn refuse(field: &str, target: &Target<'_>, why: &str) -> Untranslatable {
    Untranslatable::unsupported(field, &format!("the model `{}` {why}", target.model))
}

fn check_tools(request: &ChatRequest, target: &Target<'_>) -> Result<(), Untranslatable> {
    if request.tools.is_empty() {
        return Ok(());
    }
    let capabilities = target.capabilities;
    if !capabilities.has(Feature::Tools) {
        return Err(refuse("tools", target, "calls no tools"));
    }
    match &request.tool_choice {
        Some(ToolChoice::Required) if !capabilities.has(Feature::ToolChoiceRequired) => {
            Err(refuse("tool_choice", target, "cannot be made to call a tool"))
        }
        Some(ToolChoice::Named(_)) if !capabilities.has(Feature::ToolChoiceNamed) => {
            Err(refuse("tool_choice", target, "cannot be made to call one certain tool"))
        }
        _ => Ok(()),
    }
}

fn check_output(request: &ChatRequest, target: &Target<'_>) -> Result<(), Untranslatable> {
    let (feature, why) = match &request.output {
        OutputFormat::Text => return Ok(()),
        OutputFormat::JsonObject => (Feature::JsonObject, "has no mode for JSON objects; give a schema"),
        OutputFormat::JsonSchema { .. } => (Feature::JsonSchema, "cannot follow a schema"),
    };
    if target.capabilities.has(feature) { Ok(()) } else { Err(refuse("response_format", target, why)) }
}

fn check_block(block: &Block, role: Role, target: &Target<'_>) -> Result<(), Untranslatable> {
    if role == Role::System && !matches!(block, Block::Text { .. }) {
        return Err(Untranslatable::invalid("system", "text"));
    }
    match block {
        Block::Image { source, .. } => {
            check_source(source, "image", Modality::Image, Modality::ImageUrl, target)
        }
        Block::File { source: Source::Text { .. }, .. } => Ok(()),
        Block::File { source, .. } => check_source(source, "file", Modality::File, Modality::FileUrl, target),
        Block::Audio { .. } if !target.capabilities.takes(Modality::Audio) => {
            Err(refuse("audio", target, "takes no sound"))
        }
        Block::ToolResult { content, .. } => {
            content.iter().try_for_each(|block| check_block(block, role, target))
        }
        _ => Ok(()),
    }
}

fn check_source(
    source: &Source,
    part: &str,
    inside: Modality,
    by_address: Modality,
    target: &Target<'_>,
) -> Result<(), Untranslatable> {
    let (modality, why) = match source {
        Source::Base64 { .. } | Source::Text { .. } => (inside, "does not take it"),
        Source::Url { .. } => (by_address, "does not fetch it from an address; send it as base64"),
        Source::Id { .. } => (Modality::FileId, "does not know files that were uploaded elsewhere"),
    };
    if target.capabilities.takes(modality) { Ok(()) } else { Err(refuse(part, target, why)) }
}

/// Whether anything in a request is marked for caching.
fn has_cache_markers(request: &ChatRequest) -> bool {
    let mut blocks = request.messages.iter().flat_map(|message| &message.blocks);
    request.tools.iter().any(|tool| tool.cache.is_some())
        || blocks.any(|block| {
            cache_of(block).is_some()
                || matches!(block, Block::ToolResult { content, .. }
                    if content.iter().any(|inner| cache_of(inner).is_some()))
        })
}

/// The cache marker of a block.
pub(crate) fn cache_of(block: &Block) -> Option<&Cache> {
    match block {
        Block::Text { cache, .. }
        | Block::Image { cache, .. }
        | Block::File { cache, .. }
        | Block::ToolCall { cache, .. }
        | Block::ToolResult { cache, .. } => cache.as_ref(),
        Block::Audio { .. }
        | Block::Thinking { .. }
        | Block::RedactedThinking { .. }
        | Block::Refusal { .. } => None,
    }
}
