//! Writing a request for a provider.

use promptgate_providers::Feature;

use super::history::arrange;
use crate::compose::{self, Object};
use crate::demands::{self, Dropped};
use crate::{ChatRequest, Number, Outgoing, OutputFormat, Target, Tool, ToolChoice, Untranslatable};

/// Writes a request for a provider.
pub fn write_request(request: &ChatRequest, target: &Target<'_>) -> Result<Outgoing, Untranslatable> {
    let mut dropped = Dropped::default();
    demands::check(request, target, &mut dropped)?;
    let history = arrange(request, target, &mut dropped)?;
    let parameters = parameters(request, target, &mut dropped);
    let thinking = thinking(request, target, &mut dropped);
    let tools = tools(request);
    let strict = tools.iter().any(|tool| tool.strict == Some(true));
    let knows_strict = target.capabilities.has(Feature::StrictTools);
    if strict && !knows_strict {
        dropped.note("tools.strict");
    }
    if request.user.is_some() {
        dropped.note("user");
    }
    if request.parallel_tool_calls == Some(false) && !tools.is_empty() {
        dropped.note("parallel_tool_calls");
    }
    let mut body = Vec::new();
    compose::object(&mut body, |body| {
        body.set("model", target.model);
        body.array("messages", |messages| {
            for said in &history {
                messages.object(|message| said.members(message));
            }
        });
        write_tools(&tools, request.tool_choice.as_ref(), body);
        if strict && knows_strict {
            body.set("strict_tools", &true);
        }
        write_output(&request.output, body);
        for (name, value) in &parameters {
            body.set(name, value);
        }
        if !request.stop.is_empty() {
            body.set("stop_sequences", &request.stop);
        }
        match thinking {
            None => {}
            Some(0) => body.object("thinking", |thinking| thinking.set("type", "disabled")),
            Some(budget) => body.object("thinking", |thinking| {
                thinking.set("type", "enabled");
                thinking.set("token_budget", &budget);
            }),
        }
        body.set("stream", &target.stream);
    });
    Ok(Outgoing { body: body.into(), dropped: dropped.names() })
}

fn parameters<'a>(
    request: &ChatRequest,
    target: &Target<'a>,
    dropped: &mut Dropped,
) -> Vec<(&'a str, Number)> {
    let mut parameters = demands::sampling(request, target, dropped);
    if let Some(most) = request.max_output {
        match demands::wire_name(target, "max_output") {
            Some(name) => parameters.push((name, Number::from(most))),
            None => dropped.note("max_output"),
        }
    }
    parameters
}

/// The budget of thoughts, zero for none; `None` leaves it to the model.
fn thinking(request: &ChatRequest, target: &Target<'_>, dropped: &mut Dropped) -> Option<u64> {
    let reasoning = request.reasoning.as_ref()?;
    let can = target.capabilities.has(Feature::Reasoning)
        && target.capabilities.parameter("reasoning_budget").is_some();
    if can {
        return reasoning.tokens();
    }
    if !reasoning.is_off() {
        dropped.note("reasoning");
    }
    None
}

/// The tools that may be called. The format can only demand some tool, so a demand for a certain one
/// leaves the others out.
fn tools(request: &ChatRequest) -> Vec<&Tool> {
    let wanted = |tool: &&Tool| match &request.tool_choice {
        Some(ToolChoice::Named(name)) => tool.name == *name,
        _ => true,
    };
    request.tools.iter().filter(wanted).collect()
}

fn write_tools(tools: &[&Tool], choice: Option<&ToolChoice>, body: &mut Object<'_>) {
    if tools.is_empty() {
        return;
    }
    body.array("tools", |written| {
        for tool in tools {
            written.object(|written| {
                written.set("type", "function");
                written.object("function", |function| {
                    function.set("name", &tool.name);
                    function.maybe("description", tool.description.as_deref());
                    match &tool.parameters {
                        Some(schema) => function.set("parameters", schema),
                        None => function.object("parameters", |schema| {
                            schema.set("type", "object");
                            schema.object("properties", |_| {});
                        }),
                    }
                });
            });
        }
    });
    match choice {
        None | Some(ToolChoice::Auto) => {}
        Some(ToolChoice::None) => body.set("tool_choice", "NONE"),
        Some(ToolChoice::Required | ToolChoice::Named(_)) => body.set("tool_choice", "REQUIRED"),
    }
}

fn write_output(output: &OutputFormat, body: &mut Object<'_>) {
    let schema = match output {
        OutputFormat::Text => return,
        OutputFormat::JsonObject => None,
        OutputFormat::JsonSchema { schema, .. } => Some(schema),
    };
    body.object("response_format", |format| {
        format.set("type", "json_object");
        format.maybe("json_schema", schema);
    });
}
