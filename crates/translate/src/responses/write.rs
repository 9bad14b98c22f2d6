//! Writing requests.

use promptgate_providers::Feature;

use super::items::Items;
use crate::chat::{hint, openai_extras, short_user, write_schema};
use crate::compose::{Object, object};
use crate::demands::{Dropped, check_placed, refuse};
use crate::{
    Block, ChatRequest, Message, Outgoing, OutputFormat, Reasoning, Role, Target, ToolChoice, Untranslatable,
    strict,
};

/// Writes a request for a provider. The answer is kept nowhere: what the next turn needs of it is in
/// the answer itself.
pub fn write_request(request: &ChatRequest, target: &Target<'_>) -> Result<Outgoing, Untranslatable> {
    let mut dropped = Dropped::default();
    check_placed(request, target, &mut dropped)?;
    if !request.stop.is_empty() {
        return Err(refuse("stop", target, "is asked in a format that has no stop texts"));
    }
    let extras = openai_extras(request, target, &mut dropped)?;
    let (instructions, messages) = split_instructions(&request.messages);
    let mut body = Vec::new();
    object(&mut body, |body| {
        body.set("model", target.model);
        body.maybe("instructions", instructions);
        body.array("input", |items| {
            let mut writer = Items::new(target, &mut dropped);
            for message in messages {
                writer.write(items, message);
            }
        });
        write_tools(body, request, target, &mut dropped);
        if request.output != OutputFormat::Text {
            body.object("text", |text| write_output(text, &request.output, &mut dropped));
        }
        if let Some(reasoning) = &request.reasoning {
            write_reasoning(body, reasoning, target, &mut dropped);
        }
        write_parameters(body, request, target, &mut dropped);
        for (name, value) in &extras {
            body.set(name, value);
        }
        body.set("store", &false);
        if target.capabilities.has(Feature::Reasoning) {
            body.array("include", |include| include.push("reasoning.encrypted_content"));
        }
        if target.stream {
            body.set("stream", &true);
        }
    });
    Ok(Outgoing { body: body.into(), dropped: dropped.names() })
}

/// One text at the beginning is instructions; anything else stays where it is.
fn split_instructions(messages: &[Message]) -> (Option<&str>, &[Message]) {
    if let [Message { role: Role::System, blocks }, rest @ ..] = messages
        && let [Block::Text { text, .. }] = blocks.as_slice()
    {
        return (Some(text), rest);
    }
    (None, messages)
}

fn write_tools(body: &mut Object<'_>, request: &ChatRequest, target: &Target<'_>, dropped: &mut Dropped) {
    if request.tools.is_empty() {
        return;
    }
    let strict = target.capabilities.has(Feature::StrictTools);
    if !strict && request.tools.iter().any(|tool| tool.strict == Some(true)) {
        dropped.note("tools.strict");
    }
    body.array("tools", |tools| {
        for tool in &request.tools {
            tools.object(|into| {
                into.set("type", "function");
                into.set("name", &tool.name);
                into.maybe("description", tool.description.as_ref());
                match &tool.parameters {
                    Some(parameters) => into.set("parameters", parameters),
                    None => into.null("parameters"),
                }
                // Missing means strict in this format, and only there.
                let promised = tool.strict.filter(|_| strict);
                let promised =
                    strict::as_possible(promised, tool.parameters.as_ref(), "tools.strict", dropped);
                into.set("strict", &(promised == Some(true)));
            });
        }
    });
    match &request.tool_choice {
        None => {}
        Some(ToolChoice::Auto) => body.set("tool_choice", "auto"),
        Some(ToolChoice::None) => body.set("tool_choice", "none"),
        Some(ToolChoice::Required) => body.set("tool_choice", "required"),
        Some(ToolChoice::Named(name)) => body.object("tool_choice", |choice| {
            choice.set("type", "function");
            choice.set("name", name);
        }),
    }
    if let (Some(_), Some(parallel)) = (
        hint(target, dropped, "parallel_tool_calls", request.parallel_tool_calls),
        request.parallel_tool_calls,
    ) {
        body.set("parallel_tool_calls", &parallel);
    }
}

fn write_output(text: &mut Object<'_>, output: &OutputFormat, dropped: &mut Dropped) {
    match output {
        OutputFormat::Text => {}
        OutputFormat::JsonObject => text.object("format", |format| format.set("type", "json_object")),
        OutputFormat::JsonSchema { name, description, schema, strict } => text.object("format", |format| {
            format.set("type", "json_schema");
            let strict = strict::as_possible(*strict, Some(schema), "response_format.strict", dropped);
            write_schema(format, name, description.as_deref(), schema, strict);
        }),
    }
}

/// A client that set a budget wants to see thoughts: this format shows them only on demand.
fn write_reasoning(body: &mut Object<'_>, reasoning: &Reasoning, target: &Target<'_>, dropped: &mut Dropped) {
    if !target.capabilities.has(Feature::Reasoning) {
        if !reasoning.is_off() {
            dropped.note("reasoning_effort");
        }
        return;
    }
    let off = reasoning.is_off() && !target.capabilities.has(Feature::ReasoningOff);
    let words = reasoning.openai_words().filter(|_| !off);
    let words = words.filter(|_| hint(target, dropped, "reasoning_effort", Some(())).is_some());
    if off || words.is_some_and(|(_, is_less)| is_less) {
        dropped.note("reasoning_effort");
    }
    let words = words.map(|(words, _)| words);
    let sees = reasoning.adaptive || reasoning.budget.is_some_and(|budget| budget > 0);
    let summary = reasoning.summary.as_deref().or_else(|| sees.then_some("auto"));
    if words.is_some() || summary.is_some() {
        body.object("reasoning", |into| {
            into.maybe("effort", words);
            into.maybe("summary", summary);
        });
    }
}

fn write_parameters(
    body: &mut Object<'_>,
    request: &ChatRequest,
    target: &Target<'_>,
    dropped: &mut Dropped,
) {
    if let (Some(_), Some(tokens)) =
        (hint(target, dropped, "max_output", request.max_output), request.max_output)
    {
        body.set("max_output_tokens", &tokens);
    }
    let sampling = &request.sampling;
    for (name, number) in [("temperature", &sampling.temperature), ("top_p", &sampling.top_p)] {
        if let (Some(_), Some(number)) = (hint(target, dropped, name, number.as_ref()), number) {
            body.set(name, number);
        }
    }
    for (name, number) in [
        ("top_k", &sampling.top_k),
        ("frequency_penalty", &sampling.frequency_penalty),
        ("presence_penalty", &sampling.presence_penalty),
        ("seed", &sampling.seed),
    ] {
        if number.is_some() {
            dropped.note(name);
        }
    }
    if let (Some(_), Some(user)) = (hint(target, dropped, "user", request.user.as_ref()), &request.user) {
        body.set("user", &short_user(user, dropped));
    }
}
