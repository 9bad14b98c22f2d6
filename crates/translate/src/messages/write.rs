//! Writing a request for a provider.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use promptgate_providers::Feature;

use super::thinking::Thinking;
use super::turns::{Turn, arrange};
use crate::compose::{self, Array, Object};
use crate::demands::{self, Dropped, cache_of};
use crate::maker::Maker;
use crate::{
    Block, Cache, ChatRequest, Number, Outgoing, OutputFormat, Role, Source, Target, Tool, ToolChoice,
    Untranslatable, arguments,
};

/// Writes a request for a provider.
pub fn write_request(request: &ChatRequest, target: &Target<'_>) -> Result<Outgoing, Untranslatable> {
    let mut dropped = Dropped::default();
    demands::check(request, target, &mut dropped)?;
    refuse_images_in_results(request, target)?;
    let conversation = arrange(request, target, &mut dropped)?;
    let max_output = request.max_output.or(target.capabilities.default_max_output);
    let max_output = max_output.ok_or_else(|| Untranslatable::missing("max_tokens"))?;
    if max_output == 0 {
        // Anthropic takes it for an order to fill the cache and to write nothing.
        return Err(Untranslatable::invalid("max_tokens", "at least 1"));
    }
    let thinking = Thinking::of(request, target, &conversation, max_output, &mut dropped);
    let sampling = sampling(request, target, &thinking, &mut dropped);
    let user = request.user.as_deref().filter(|_| {
        let known = target.capabilities.parameter("user").is_some();
        if !known {
            dropped.note("user");
        }
        known
    });
    let strict = target.capabilities.has(Feature::StrictTools);
    if !strict && request.tools.iter().any(|tool| tool.strict == Some(true)) {
        dropped.note("tools.strict");
    }
    let choice = choice(request, target, &mut dropped);
    let writing = Writing { cache: target.capabilities.has(Feature::CacheMarkers), strict };
    let mut body = Vec::new();
    compose::object(&mut body, |body| {
        body.set("model", target.model);
        body.set(demands::wire_name(target, "max_output").unwrap_or("max_tokens"), &max_output);
        writing.system(&conversation.system, body);
        body.array("messages", |messages| {
            let last = conversation.turns.len() - 1;
            for (position, turn) in conversation.turns.iter().enumerate() {
                writing.turn(turn, position == last, messages);
            }
        });
        if !request.tools.is_empty() {
            body.array("tools", |tools| request.tools.iter().for_each(|tool| writing.tool(tool, tools)));
        }
        choice.write(body);
        thinking.write(body);
        output_config(request, &thinking, body);
        for (name, value) in &sampling {
            body.set(name, value);
        }
        if !request.stop.is_empty() {
            body.set(demands::wire_name(target, "stop").unwrap_or("stop_sequences"), &request.stop);
        }
        if let Some(user) = user {
            body.object("metadata", |metadata| metadata.set("user_id", user));
        }
        if target.stream {
            body.set("stream", &true);
        }
    });
    Ok(Outgoing { body: body.into(), dropped: dropped.names() })
}

fn refuse_images_in_results(request: &ChatRequest, target: &Target<'_>) -> Result<(), Untranslatable> {
    let has_images = |block: &Block| {
        matches!(block, Block::ToolResult { content, .. }
            if content.iter().any(|inner| matches!(inner, Block::Image { .. } | Block::File { .. })))
    };
    let mut blocks = request.messages.iter().flat_map(|message| &message.blocks);
    if !target.capabilities.has(Feature::ToolResultImages) && blocks.any(has_images) {
        return Err(demands::refuse("tool_result", target, "takes only text as the result of a tool"));
    }
    Ok(())
}

/// The sampling parameters that go together with thinking.
fn sampling<'a>(
    request: &ChatRequest,
    target: &Target<'a>,
    thinking: &Thinking,
    dropped: &mut Dropped,
) -> Vec<(&'a str, Number)> {
    let mut kept = demands::sampling(request, target, dropped);
    let one_of_both = target.capabilities.has(Feature::OneOfTemperatureAndTopP);
    if one_of_both && kept.iter().any(|(name, _)| *name == "temperature") {
        let before = kept.len();
        kept.retain(|(name, _)| *name != "top_p");
        if kept.len() < before {
            dropped.note("top_p");
        }
    }
    kept.retain(|(name, value)| {
        let allowed = thinking.allows(name, value.as_f64());
        if !allowed {
            dropped.note(*name);
        }
        allowed
    });
    kept
}

/// The tool choice as it is written.
#[derive(Debug, Default)]
struct Choice<'a> {
    kind: Option<&'static str>,
    name: Option<&'a str>,
    one_at_a_time: bool,
}

fn choice<'a>(request: &'a ChatRequest, target: &Target<'_>, dropped: &mut Dropped) -> Choice<'a> {
    if request.tools.is_empty() {
        return Choice::default();
    }
    let (mut kind, name) = match &request.tool_choice {
        None => (None, None),
        Some(ToolChoice::Auto) => (Some("auto"), None),
        Some(ToolChoice::None) => (Some("none"), None),
        Some(ToolChoice::Required) => (Some("any"), None),
        Some(ToolChoice::Named(name)) => (Some("tool"), Some(name.as_str())),
    };
    let mut one_at_a_time = request.parallel_tool_calls == Some(false) && kind != Some("none");
    if one_at_a_time && target.capabilities.parameter("parallel_tool_calls").is_none() {
        dropped.note("parallel_tool_calls");
        one_at_a_time = false;
    }
    if one_at_a_time {
        kind = kind.or(Some("auto"));
    }
    Choice { kind, name, one_at_a_time }
}

impl Choice<'_> {
    fn write(&self, body: &mut Object<'_>) {
        let Some(kind) = self.kind else { return };
        body.object("tool_choice", |choice| {
            choice.set("type", kind);
            choice.maybe("name", self.name);
            if self.one_at_a_time {
                choice.set("disable_parallel_tool_use", &true);
            }
        });
    }
}

fn output_config(request: &ChatRequest, thinking: &Thinking, body: &mut Object<'_>) {
    let effort = match thinking {
        Thinking::Adaptive { effort, .. } => *effort,
        _ => None,
    };
    let schema = match &request.output {
        OutputFormat::JsonSchema { schema, .. } => Some(schema),
        _ => None,
    };
    if effort.is_none() && schema.is_none() {
        return;
    }
    body.object("output_config", |config| {
        config.maybe("effort", effort);
        if let Some(schema) = schema {
            config.object("format", |format| {
                format.set("type", "json_schema");
                format.set("schema", schema);
            });
        }
    });
}

/// Which optional members the target understands.
#[derive(Debug, Clone, Copy)]
struct Writing {
    cache: bool,
    strict: bool,
}

impl Writing {
    fn system(self, blocks: &[&Block], body: &mut Object<'_>) {
        match blocks {
            [] => {}
            [Block::Text { text, cache }] if cache.is_none() || !self.cache => body.set("system", text),
            blocks => body.array("system", |system| {
                for block in blocks {
                    self.block(block, false, system);
                }
            }),
        }
    }

    fn turn(self, turn: &Turn<'_>, is_last: bool, messages: &mut Array<'_>) {
        messages.object(|message| {
            message.set("role", if turn.role == Role::Assistant { "assistant" } else { "user" });
            // What the model is to go on with may not end with white space.
            let begun = is_last && turn.role == Role::Assistant;
            match turn.blocks.as_slice() {
                [Block::Text { text, cache }] if cache.is_none() || !self.cache => {
                    message.set("content", if begun { text.trim_end() } else { text });
                }
                blocks => message.array("content", |content| {
                    for (position, block) in blocks.iter().enumerate() {
                        self.block(block, begun && position + 1 == blocks.len(), content);
                    }
                }),
            }
        });
    }

    fn tool(self, tool: &Tool, tools: &mut Array<'_>) {
        tools.object(|written| {
            written.set("name", &tool.name);
            written.maybe("description", tool.description.as_deref());
            match &tool.parameters {
                Some(schema) => written.set("input_schema", schema),
                None => written.object("input_schema", |schema| {
                    schema.set("type", "object");
                    schema.object("properties", |_| {});
                }),
            }
            if self.strict {
                written.maybe("strict", tool.strict.as_ref());
            }
            self.cache(tool.cache.as_ref(), written);
        });
    }

    fn block(self, block: &Block, trimmed: bool, content: &mut Array<'_>) {
        content.object(|written| {
            match block {
                Block::Text { text, .. } | Block::Refusal { text } => {
                    written.set("type", "text");
                    written.set("text", if trimmed { text.trim_end() } else { text });
                }
                Block::Image { source, .. } => {
                    written.set("type", "image");
                    write_source(source, written);
                }
                Block::File { source, name, .. } => {
                    written.set("type", "document");
                    write_source(source, written);
                    written.maybe("title", name.as_deref());
                }
                Block::ToolCall { id, name, arguments, .. } => {
                    written.set("type", "tool_use");
                    written.set("id", &plain(id));
                    written.set("name", name);
                    written.set("input", &arguments::object(arguments));
                }
                Block::ToolResult { id, content, is_error, .. } => {
                    written.set("type", "tool_result");
                    written.set("tool_use_id", &plain(id));
                    self.result(content, written);
                    if *is_error {
                        written.set("is_error", &true);
                    }
                }
                Block::Thinking { text, signature } => {
                    written.set("type", "thinking");
                    written.set("thinking", text);
                    written.maybe("signature", signature.as_deref().and_then(|s| Maker::Anthropic.own(s)));
                }
                Block::RedactedThinking { data } => {
                    written.set("type", "redacted_thinking");
                    written.maybe("data", Maker::Anthropic.own(data));
                }
                Block::Audio { .. } => {}
            }
            self.cache(cache_of(block), written);
        });
    }

    fn result(self, content: &[Block], written: &mut Object<'_>) {
        let said: Vec<_> = content
            .iter()
            .filter(|block| !matches!(block, Block::Text { text, .. } if text.trim().is_empty()))
            .collect();
        match said.as_slice() {
            [] => {}
            [Block::Text { text, cache }] if cache.is_none() || !self.cache => written.set("content", text),
            said => written.array("content", |inner| {
                for block in said {
                    self.block(block, false, inner);
                }
            }),
        }
    }

    fn cache(self, cache: Option<&Cache>, written: &mut Object<'_>) {
        let Some(cache) = cache.filter(|_| self.cache) else { return };
        written.object("cache_control", |marker| {
            marker.set("type", "ephemeral");
            marker.maybe("ttl", cache.ttl.as_deref());
        });
    }
}

fn write_source(source: &Source, block: &mut Object<'_>) {
    block.object("source", |written| match source {
        Source::Base64 { media_type, data } if media_type.starts_with("text/") => {
            let text = STANDARD.decode(data).unwrap_or_default();
            write_text(&String::from_utf8_lossy(&text), written);
        }
        Source::Base64 { media_type, data } => {
            written.set("type", "base64");
            written.set("media_type", media_type);
            written.set("data", data);
        }
        Source::Text { text } => write_text(text, written),
        Source::Url { url } => {
            written.set("type", "url");
            written.set("url", url);
        }
        Source::Id { id } => {
            written.set("type", "file");
            written.set("file_id", id);
        }
    });
}

fn write_text(text: &str, source: &mut Object<'_>) {
    source.set("type", "text");
    source.set("media_type", "text/plain");
    source.set("data", text);
}

/// The id of a call in the letters that are accepted.
fn plain(id: &str) -> String {
    id.chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' })
        .collect()
}
