//! Writing a request for a provider. The model and whether the answer is a stream stand in the address.

use promptgate_providers::Feature;

use super::contents::Contents;
use crate::compose::{self, Object};
use crate::demands::{self, Dropped};
use crate::{ChatRequest, Number, Outgoing, OutputFormat, Reasoning, Target, ToolChoice, Untranslatable};

/// Writes a request for a provider.
pub fn write_request(request: &ChatRequest, target: &Target<'_>) -> Result<Outgoing, Untranslatable> {
    let mut dropped = Dropped::default();
    demands::check(request, target, &mut dropped)?;
    let contents = Contents::arrange(request, target, &mut dropped)?;
    note_hints(request, &mut dropped);
    let generation = Generation::of(request, target, &mut dropped);
    let mut body = Vec::new();
    compose::object(&mut body, |body| {
        contents.write(body);
        if !request.tools.is_empty() {
            write_tools(request, body);
        }
        if !generation.is_empty() {
            body.object("generationConfig", |config| generation.write(config));
        }
    });
    Ok(Outgoing { body: body.into(), dropped: dropped.names() })
}

/// What the format has no word for.
fn note_hints(request: &ChatRequest, dropped: &mut Dropped) {
    if request.tools.iter().any(|tool| tool.strict == Some(true)) {
        dropped.note("tools.strict");
    }
    if request.parallel_tool_calls == Some(false) && !request.tools.is_empty() {
        dropped.note("parallel_tool_calls");
    }
    if request.user.is_some() {
        dropped.note("user");
    }
}

fn write_tools(request: &ChatRequest, body: &mut Object<'_>) {
    body.array("tools", |tools| {
        tools.object(|tool| {
            tool.array("functionDeclarations", |functions| {
                for tool in &request.tools {
                    functions.object(|function| {
                        function.set("name", &tool.name);
                        function.maybe("description", tool.description.as_deref());
                        function.maybe("parametersJsonSchema", tool.parameters.as_ref());
                    });
                }
            });
        });
    });
    let (mode, name) = match &request.tool_choice {
        None => return,
        Some(ToolChoice::Auto) => ("AUTO", None),
        Some(ToolChoice::None) => ("NONE", None),
        Some(ToolChoice::Required) => ("ANY", None),
        Some(ToolChoice::Named(name)) => ("ANY", Some(name)),
    };
    body.object("toolConfig", |config| {
        config.object("functionCallingConfig", |choice| {
            choice.set("mode", mode);
            if let Some(name) = name {
                choice.array("allowedFunctionNames", |names| names.push(name));
            }
        });
    });
}

/// How the answer is made.
#[derive(Debug)]
struct Generation<'a> {
    numbers: Vec<(&'a str, Number)>,
    stop: &'a [String],
    output: &'a OutputFormat,
    thinking: Option<Thinking<'a>>,
}

/// How much is thought.
#[derive(Debug)]
enum Thinking<'a> {
    Off,
    Budget(u64),
    /// The model decides how much.
    Dynamic,
    Level(&'a str),
}

impl<'a> Generation<'a> {
    fn of(request: &'a ChatRequest, target: &Target<'a>, dropped: &mut Dropped) -> Self {
        let mut numbers = demands::sampling(request, target, dropped);
        if let Some(most) = request.max_output {
            match demands::wire_name(target, "max_output") {
                Some(name) => numbers.push((name, Number::from(most))),
                None => dropped.note("max_output"),
            }
        }
        let thinking =
            request.reasoning.as_ref().and_then(|reasoning| Thinking::of(reasoning, target, dropped));
        Self { numbers, stop: &request.stop, output: &request.output, thinking }
    }

    fn is_empty(&self) -> bool {
        self.numbers.is_empty()
            && self.stop.is_empty()
            && *self.output == OutputFormat::Text
            && self.thinking.is_none()
    }

    fn write(&self, config: &mut Object<'_>) {
        for (name, value) in &self.numbers {
            config.set(name, value);
        }
        if !self.stop.is_empty() {
            config.set("stopSequences", self.stop);
        }
        if *self.output != OutputFormat::Text {
            config.set("responseMimeType", "application/json");
        }
        if let OutputFormat::JsonSchema { schema, .. } = self.output {
            config.set("responseJsonSchema", schema);
        }
        let Some(thinking) = &self.thinking else { return };
        config.object("thinkingConfig", |config| match thinking {
            Thinking::Off => config.set("thinkingBudget", &0),
            Thinking::Budget(budget) => {
                config.set("thinkingBudget", budget);
                config.set("includeThoughts", &true);
            }
            Thinking::Dynamic => {
                config.set("thinkingBudget", &-1);
                config.set("includeThoughts", &true);
            }
            Thinking::Level(level) => {
                config.set("thinkingLevel", level);
                config.set("includeThoughts", &true);
            }
        });
    }
}

impl<'a> Thinking<'a> {
    fn of(reasoning: &'a Reasoning, target: &Target<'_>, dropped: &mut Dropped) -> Option<Self> {
        let capabilities = target.capabilities;
        if reasoning.is_off() {
            if capabilities.has(Feature::ReasoningOff) {
                return Some(Self::Off);
            }
            if capabilities.has(Feature::Reasoning) {
                dropped.note("reasoning");
            }
            return None;
        }
        if !capabilities.has(Feature::Reasoning) {
            dropped.note("reasoning");
            return None;
        }
        if capabilities.parameter("reasoning_budget").is_some() {
            // No model has a larger budget.
            return Some(reasoning.tokens().map_or(Self::Dynamic, |budget| Self::Budget(budget.min(24_576))));
        }
        match reasoning.words() {
            Some("minimal" | "low") => Some(Self::Level("low")),
            // Not every model has a level between the two.
            Some("medium" | "high") => Some(Self::Level("high")),
            Some(_) => {
                dropped.note("reasoning_effort");
                Some(Self::Level("high"))
            }
            None => None,
        }
    }
}
