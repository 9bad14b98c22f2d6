//! What a model is asked, in no vendor's words.

use std::borrow::Cow;

use promptgate_endpoints::{Json, Message, Sampling};
use promptgate_providers::{Operation, Shape};
use promptgate_translate::{ChatRequest, read_request};
use promptgate_wire::{BadRequest, PromptSize};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::refusal::Refusal;

/// What an endpoint asks of a model.
pub(crate) struct Asked<'a> {
    pub(crate) model: &'a str,
    pub(crate) messages: &'a [Message],
    pub(crate) tools: Option<&'a Json>,
    pub(crate) tool_choice: Option<&'a Json>,
    pub(crate) sampling: Sampling,
    pub(crate) stream: bool,
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: &'a [Message],
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<Vec<Box<RawValue>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    max_tokens: u32,
    stream: bool,
}

impl Asked<'_> {
    /// The request, by way of the format that messages and tools are kept in, and how much is read of it.
    pub(crate) fn request(&self) -> Result<(ChatRequest, PromptSize), Refusal> {
        let body = Body {
            model: self.model,
            messages: self.messages,
            tools: self.tools.map(tools).transpose()?,
            tool_choice: self.tools.and(self.tool_choice).map(tool_choice),
            temperature: self.sampling.temperature,
            top_p: self.sampling.top_p,
            max_tokens: self.sampling.max_output_tokens,
            stream: self.stream,
        };
        let body = serde_json::to_vec(&body).map_err(|error| bad("messages", &error.to_string()))?;
        let request = read_request(Shape::ChatCompletions, &body).map_err(|wrong| {
            let (field, message, code) = (wrong.field, wrong.message, wrong.code);
            Refusal::BadRequest(BadRequest { field, message, code })
        })?;
        Ok((request, PromptSize::of(Operation::ChatCompletions, &body)))
    }

    /// How many bytes of text the model reads, for estimates.
    pub(crate) fn bytes(&self) -> u64 {
        let texts = self.messages.iter().map(|message| message.text().len()).sum::<usize>();
        let tools = self.tools.map_or(0, |tools| tools.as_str().len());
        (texts + tools) as u64
    }
}

fn bad(field: &str, what: &str) -> Refusal {
    Refusal::BadRequest(BadRequest {
        field: Some(field.to_owned()),
        message: format!("`{field}` cannot be read: {what}"),
        code: "invalid_field",
    })
}

/// A tool in any of the shapes that vendors have for functions.
#[derive(Deserialize)]
struct AnyTool<'a> {
    r#type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    function: Option<&'a RawValue>,
    name: Option<Cow<'a, str>>,
    description: Option<Cow<'a, str>>,
    #[serde(borrow)]
    input_schema: Option<&'a RawValue>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
    strict: Option<bool>,
}

#[derive(Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

/// Functions in the shape of Chat Completions. Those of Anthropic and of the Responses API become
/// such; everything else stays, to be refused by name.
fn tools(given: &Json) -> Result<Vec<Box<RawValue>>, Refusal> {
    let tools: Vec<&RawValue> =
        serde_json::from_str(given.as_str()).map_err(|error| bad("tools", &error.to_string()))?;
    Ok(tools.into_iter().map(|raw| function(raw).unwrap_or_else(|| raw.to_owned())).collect())
}

fn function(raw: &RawValue) -> Option<Box<RawValue>> {
    let tool: AnyTool<'_> = serde_json::from_str(raw.get()).ok()?;
    let kind = tool.r#type.as_deref();
    let parameters = match kind {
        Some("function") => tool.parameters,
        None | Some("custom") => Some(tool.input_schema?),
        Some(_) => return None,
    };
    if tool.function.is_some() {
        return None;
    }
    let function = Function {
        name: tool.name.as_deref()?,
        description: tool.description.as_deref(),
        parameters,
        strict: tool.strict,
    };
    to_raw_value(&Tool { r#type: "function", function }).ok()
}

/// A choice in the shape of Chat Completions.
fn tool_choice(given: &Json) -> Box<RawValue> {
    let choice = given.to_value();
    let text = |name: &str| choice.get(name).and_then(Value::as_str);
    let named = |name: &str| json!({"type": "function", "function": {"name": name}});
    let translated = match (text("type"), text("name")) {
        (Some("auto"), _) => json!("auto"),
        (Some("any"), _) => json!("required"),
        (Some("none"), _) => json!("none"),
        (Some("tool" | "function"), Some(name)) => named(name),
        _ => choice,
    };
    to_raw_value(&translated).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use promptgate_endpoints::Role;
    use promptgate_translate::ToolChoice;

    use super::*;

    fn ask(tools: &str, choice: &str) -> Result<ChatRequest, Refusal> {
        let messages = [Message::text_of(Role::User, "hi")];
        let given = |text: &str| Json::parse(text).filter(|json| json.as_str() != "null");
        let (tools, choice) = (given(tools), given(choice));
        let sampling = Sampling { temperature: Some(0.5), top_p: None, max_output_tokens: 9 };
        Asked {
            model: "m",
            messages: &messages,
            tools: tools.as_ref(),
            tool_choice: choice.as_ref(),
            sampling,
            stream: true,
        }
        .request()
        .map(|(request, _)| request)
    }

    const OPENAI: &str =
        r#"[{"type":"function","function":{"name":"f","description":"d","parameters":{"z":1,"a":1.50}}}]"#;

    #[test]
    fn functions_of_every_vendor_are_the_same_function() {
        let of_openai = ask(OPENAI, "null").unwrap();
        assert_eq!(of_openai.tools[0].parameters.as_ref().unwrap().as_str(), r#"{"z":1,"a":1.50}"#);
        for other in [
            r#"[{"name":"f","description":"d","input_schema":{"z":1,"a":1.50}}]"#,
            r#"[{"type":"custom","name":"f","description":"d","input_schema":{"z":1,"a":1.50}}]"#,
            r#"[{"type":"function","name":"f","description":"d","parameters":{"z":1,"a":1.50}}]"#,
        ] {
            assert_eq!(ask(other, "null").unwrap().tools, of_openai.tools, "{other}");
        }
    }

    #[test]
    fn tools_that_are_no_functions_are_refused_by_name() {
        let refused = ask(r#"[{"type":"web_search_20250305","name":"web_search"}]"#, "null").unwrap_err();
        assert_eq!(refused.status(), 400);
        assert!(refused.message().contains("web_search_20250305"), "{}", refused.message());
    }

    #[test]
    fn choices_of_every_vendor_are_understood() {
        for (choice, meant) in [
            (r#""auto""#, ToolChoice::Auto),
            (r#"{"type":"auto"}"#, ToolChoice::Auto),
            (r#""none""#, ToolChoice::None),
            (r#"{"type":"any"}"#, ToolChoice::Required),
            (r#""required""#, ToolChoice::Required),
            (r#"{"type":"tool","name":"f"}"#, ToolChoice::Named("f".into())),
            (r#"{"type":"function","function":{"name":"f"}}"#, ToolChoice::Named("f".into())),
        ] {
            assert_eq!(ask(OPENAI, choice).unwrap().tool_choice, Some(meant), "{choice}");
        }
    }

    #[test]
    fn sampling_is_the_endpoints() {
        let request = ask("null", r#""required""#).unwrap();
        assert_eq!((request.tools.len(), &request.tool_choice), (0, &None), "a choice of nothing");
        assert_eq!(request.sampling.temperature.unwrap().as_str(), "0.5");
        assert_eq!((request.sampling.top_p, request.max_output, request.stream), (None, Some(9), true));
    }
}
