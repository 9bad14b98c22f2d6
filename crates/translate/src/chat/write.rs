//! Writing requests.

use std::borrow::Cow;

use promptgate_providers::Feature;

use super::history::{History, write_cache};
use crate::compose::{Object, object};
use crate::demands::{Dropped, check_placed, known_extras, sampling};
use crate::{
    ChatRequest, Json, Outgoing, OutputFormat, Reasoning, Target, Tool, ToolChoice, Untranslatable, ids,
    strict,
};

/// Extras that OpenAI's formats have, too.
const KNOWN: [&str; 2] = ["metadata", "service_tier"];

/// What of the client's extras goes into a request in one of OpenAI's formats.
pub(crate) fn openai_extras<'a>(
    request: &'a ChatRequest,
    target: &Target<'a>,
    dropped: &mut Dropped,
) -> Result<Vec<(&'a str, &'a Json)>, Untranslatable> {
    let mut extras = known_extras(request, target, dropped, &KNOWN)?;
    // Anthropic's word for the tier without priority is refused here.
    extras.retain(|(name, value)| {
        let foreign = value.as_str() == "\"standard_only\"";
        if foreign {
            dropped.note(*name);
        }
        !foreign
    });
    Ok(extras)
}

/// Writes a request for a provider.
pub fn write_request(request: &ChatRequest, target: &Target<'_>) -> Result<Outgoing, Untranslatable> {
    let mut dropped = Dropped::default();
    check_placed(request, target, &mut dropped)?;
    let extras = openai_extras(request, target, &mut dropped)?;
    let sampling = sampling(request, target, &mut dropped);
    History::new(target, &mut dropped).check(&request.messages)?;
    let mut body = Vec::new();
    object(&mut body, |body| {
        body.set("model", target.model);
        body.array("messages", |messages| {
            let mut history = History::new(target, &mut dropped);
            for message in &request.messages {
                history.write(messages, message);
            }
        });
        write_tools(body, request, target, &mut dropped);
        write_output(body, &request.output, &mut dropped);
        write_parameters(body, request, target, &mut dropped);
        for (name, value) in &sampling {
            set_at(body, name, value);
        }
        for (name, value) in &extras {
            set_at(body, name, value);
        }
        if target.stream {
            body.set("stream", &true);
            if target.capabilities.has(Feature::StreamUsage) {
                body.object("stream_options", |options| options.set("include_usage", &true));
            }
        }
    });
    Ok(Outgoing { body: body.into(), dropped: dropped.names() })
}

/// Sets a member by its path: some services keep theirs inside an object.
fn set_at(body: &mut Object<'_>, path: &str, value: &(impl serde::Serialize + ?Sized)) {
    match path.split_once('.') {
        Some((outer, inner)) => body.object(outer, |body| set_at(body, inner, value)),
        None => body.set(path, value),
    }
}

fn write_tools(body: &mut Object<'_>, request: &ChatRequest, target: &Target<'_>, dropped: &mut Dropped) {
    if request.tools.is_empty() {
        return;
    }
    let strict = target.capabilities.has(Feature::StrictTools);
    if !strict && request.tools.iter().any(|tool| tool.strict == Some(true)) {
        dropped.note("tools.strict");
    }
    let markers = target.capabilities.has(Feature::CacheMarkers);
    body.array("tools", |tools| {
        for tool in &request.tools {
            let promised = tool.strict.filter(|_| strict);
            let promised = strict::as_possible(promised, tool.parameters.as_ref(), "tools.strict", dropped);
            tools.object(|into| write_tool(into, tool, promised, markers));
        }
    });
    match &request.tool_choice {
        None => {}
        Some(ToolChoice::Auto) => body.set("tool_choice", "auto"),
        Some(ToolChoice::None) => body.set("tool_choice", "none"),
        Some(ToolChoice::Required) => body.set("tool_choice", "required"),
        Some(ToolChoice::Named(name)) => body.object("tool_choice", |choice| {
            choice.set("type", "function");
            choice.object("function", |function| function.set("name", name));
        }),
    }
    let parallel = request.parallel_tool_calls;
    if let (Some(name), Some(parallel)) = (hint(target, dropped, "parallel_tool_calls", parallel), parallel) {
        set_at(body, name, &parallel);
    }
}

fn write_tool(into: &mut Object<'_>, tool: &Tool, strict: Option<bool>, markers: bool) {
    into.set("type", "function");
    into.object("function", |function| {
        function.set("name", &tool.name);
        function.maybe("description", tool.description.as_ref());
        function.maybe("parameters", tool.parameters.as_ref());
        function.maybe("strict", strict.as_ref());
    });
    if let Some(cache) = tool.cache.as_ref().filter(|_| markers) {
        write_cache(into, cache);
    }
}

fn write_output(body: &mut Object<'_>, output: &OutputFormat, dropped: &mut Dropped) {
    match output {
        OutputFormat::Text => {}
        OutputFormat::JsonObject => {
            body.object("response_format", |format| format.set("type", "json_object"));
        }
        OutputFormat::JsonSchema { name, description, schema, strict } => {
            body.object("response_format", |format| {
                format.set("type", "json_schema");
                format.object("json_schema", |json| {
                    let strict =
                        strict::as_possible(*strict, Some(schema), "response_format.strict", dropped);
                    write_schema(json, name, description.as_deref(), schema, strict);
                });
            });
        }
    }
}

/// Writes the members of an output schema.
pub(crate) fn write_schema(
    into: &mut Object<'_>,
    name: &str,
    description: Option<&str>,
    schema: &Json,
    strict: Option<bool>,
) {
    into.set("name", name);
    into.maybe("description", description);
    into.set("schema", schema);
    into.maybe("strict", strict.as_ref());
}

fn write_parameters(
    body: &mut Object<'_>,
    request: &ChatRequest,
    target: &Target<'_>,
    dropped: &mut Dropped,
) {
    if let (Some(name), Some(tokens)) =
        (hint(target, dropped, "max_output", request.max_output), request.max_output)
    {
        set_at(body, name, &tokens);
    }
    if let (Some(name), false) = (target.capabilities.parameter("stop"), request.stop.is_empty()) {
        set_at(body, name, &request.stop);
    }
    if let (Some(name), Some(user)) = (hint(target, dropped, "user", request.user.as_ref()), &request.user) {
        set_at(body, name, &short_user(user, dropped));
    }
    if let Some(reasoning) = &request.reasoning {
        write_reasoning(body, reasoning, target, dropped);
    }
}

fn write_reasoning(body: &mut Object<'_>, reasoning: &Reasoning, target: &Target<'_>, dropped: &mut Dropped) {
    let budget = reasoning.budget.filter(|_| reasoning.effort.is_none());
    if let (Some(name), Some(budget)) = (target.capabilities.parameter("reasoning_budget"), budget) {
        set_at(body, name, &budget);
    } else if let Some((words, is_less)) = reasoning.openai_words() {
        let is_off = reasoning.is_off();
        let name = target.capabilities.parameter("reasoning_effort");
        match name.filter(|_| !is_off || target.capabilities.has(Feature::ReasoningOff)) {
            Some(name) => set_at(body, name, words),
            None if is_off && !target.capabilities.has(Feature::Reasoning) => {}
            None => dropped.note("reasoning_effort"),
        }
        if is_less {
            dropped.note("reasoning_effort");
        }
    } else if reasoning.adaptive && !target.capabilities.has(Feature::Reasoning) {
        dropped.note("thinking");
    }
    if reasoning.summary.is_some() {
        dropped.note("reasoning.summary");
    }
}

/// The longest name of a user that OpenAI takes.
const MAX_USER: usize = 64;

/// The name of a user. Anthropic's clients have longer ones than OpenAI takes; the same one always
/// becomes the same shorter one.
pub(crate) fn short_user<'a>(user: &'a str, dropped: &mut Dropped) -> Cow<'a, str> {
    if user.chars().count() <= MAX_USER {
        return Cow::Borrowed(user);
    }
    dropped.note("user");
    Cow::Owned(format!("user_{:016x}", ids::digest(user)))
}

/// The name of a hint's parameter on the wire. One that the client gave and the model does not know
/// is left out.
pub(crate) fn hint<'a, T>(
    target: &Target<'a>,
    dropped: &mut Dropped,
    common: &str,
    given: Option<T>,
) -> Option<&'a str> {
    given?;
    let name = target.capabilities.parameter(common);
    if name.is_none() {
        dropped.note(common);
    }
    name
}
