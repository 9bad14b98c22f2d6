//! Reading requests.

use super::input::read_input;
use crate::chat::{foreign_choice, note_others, read_allowed, read_mode, read_schema};
use crate::members::{Members, Value};
use crate::{
    Block, ChatRequest, Extra, Message, OutputFormat, Reasoning, Role, Sampling, Tool, ToolChoice,
    Untranslatable, Weight,
};

/// Members that have a place in the model.
const PLACED: [&str; 16] = [
    "model",
    "input",
    "instructions",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "text",
    "reasoning",
    "max_output_tokens",
    "stream",
    "user",
    "temperature",
    "top_p",
    // Below: read by `read_extras`.
    "include",
    "store",
    "truncation",
];

/// Members without a place whose absence would change what the answer means.
const MEANT: [&str; 3] = ["previous_response_id", "conversation", "prompt"];

/// Reads a client's request.
pub fn read_request(body: &[u8]) -> Result<ChatRequest, Untranslatable> {
    let body = Members::parse(body)?;
    let mut messages = Vec::new();
    if let Some(text) = body.text("instructions")? {
        messages.push(Message { role: Role::System, blocks: vec![Block::Text { text, cache: None }] });
    }
    let mut extras = Vec::new();
    if let Some(input) = body.get("input") {
        read_input(&input, &mut messages, &mut extras)?;
    }
    let tools = body.items("tools")?;
    let mut tools = tools.iter().map(|tool| read_tool(tool, &mut extras)).collect::<Result<_, _>>()?;
    let tool_choice = read_tool_choice(&body, &mut tools)?;
    read_extras(&body, &mut extras)?;
    Ok(ChatRequest {
        model: body.need_text("model")?,
        messages,
        tools,
        tool_choice,
        parallel_tool_calls: body.flag("parallel_tool_calls")?,
        output: read_output(&body)?,
        reasoning: read_reasoning(&body)?,
        sampling: Sampling {
            temperature: body.number("temperature")?,
            top_p: body.number("top_p")?,
            ..Sampling::default()
        },
        max_output: body.count("max_output_tokens")?,
        stop: Vec::new(),
        stream: body.flag("stream")?.unwrap_or(false),
        include_usage: false,
        user: body.text("user")?,
        extras,
    })
}

fn read_tool(tool: &Value<'_>, extras: &mut Vec<Extra>) -> Result<Tool, Untranslatable> {
    let tool = tool.members()?;
    let kind = tool.need_text("type")?;
    if kind != "function" {
        return Err(Untranslatable::unsupported(
            tool.path_of("type"),
            &format!("tools of the type `{kind}` exist at the vendor of this format only"),
        ));
    }
    note_others(&tool, &["type", "name", "description", "parameters", "strict"], extras);
    Ok(Tool {
        name: tool.need_text("name")?,
        description: tool.text("description")?,
        parameters: tool.json("parameters"),
        strict: tool.flag("strict")?,
        cache: None,
    })
}

fn read_tool_choice(body: &Members<'_>, tools: &mut Vec<Tool>) -> Result<Option<ToolChoice>, Untranslatable> {
    let Some(choice) = body.get("tool_choice") else { return Ok(None) };
    if choice.is_text() {
        return read_mode(&choice).map(Some);
    }
    let choice = choice.members()?;
    match choice.need_text("type")?.as_str() {
        "function" => Ok(Some(ToolChoice::Named(choice.need_text("name")?))),
        "allowed_tools" => read_allowed(&choice, |tool| tool.need_text("name"), tools).map(Some),
        kind => Err(foreign_choice(&choice, kind)),
    }
}

fn read_output(body: &Members<'_>) -> Result<OutputFormat, Untranslatable> {
    let Some(text) = body.members("text")? else { return Ok(OutputFormat::Text) };
    let Some(format) = text.members("format")? else { return Ok(OutputFormat::Text) };
    match format.need_text("type")?.as_str() {
        "text" => Ok(OutputFormat::Text),
        "json_object" => Ok(OutputFormat::JsonObject),
        "json_schema" => read_schema(&format),
        kind => Err(Untranslatable::unsupported(
            format.path_of("type"),
            &format!("an output of the type `{kind}` exists at the vendor of this format only"),
        )),
    }
}

fn read_reasoning(body: &Members<'_>) -> Result<Option<Reasoning>, Untranslatable> {
    let Some(reasoning) = body.members("reasoning")? else { return Ok(None) };
    let summary = reasoning.text("summary")?;
    let summary = if summary.is_some() { summary } else { reasoning.text("generate_summary")? };
    let effort = reasoning.text("effort")?;
    if effort.is_none() && summary.is_none() {
        return Ok(None);
    }
    Ok(Some(Reasoning { effort, budget: None, adaptive: false, summary }))
}

fn read_extras(body: &Members<'_>, extras: &mut Vec<Extra>) -> Result<(), Untranslatable> {
    let mut keep = |name: &str, weight, value: &Value<'_>| {
        extras.push(Extra { name: name.to_owned(), weight, value: value.json() });
    };
    for (name, value) in body.iter() {
        let literal = value.json();
        let weight = match (name, literal.as_str()) {
            // What happens anyway: nothing is kept, nothing is cut, encrypted reasoning is told.
            ("store" | "background", "false") | ("truncation", "\"disabled\"") => continue,
            ("top_logprobs", "0") => continue,
            ("include", _) if is_told_anyway(&value) => continue,
            ("background" | "top_logprobs", _) => Weight::Meaning,
            ("include", list) if list.contains("message.output_text.logprobs") => Weight::Meaning,
            ("include" | "store" | "truncation", _) => Weight::Hint,
            (name, _) if PLACED.contains(&name) => continue,
            (name, _) if MEANT.contains(&name) => Weight::Meaning,
            _ => Weight::Hint,
        };
        keep(name, weight, &value);
    }
    if let Some(text) = body.members("text")? {
        note_others(&text, &["format"], extras);
    }
    if let Some(reasoning) = body.members("reasoning")? {
        note_others(&reasoning, &["effort", "summary", "generate_summary"], extras);
    }
    Ok(())
}

fn is_told_anyway(include: &Value<'_>) -> bool {
    include.items().is_ok_and(|items| {
        items.iter().all(|item| item.text().is_ok_and(|text| text == "reasoning.encrypted_content"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<ChatRequest, Untranslatable> {
        read_request(body.as_bytes())
    }

    #[test]
    fn what_codex_sends_is_read_without_a_hint_left_over() {
        let request = read(
            r#"{"model":"m","instructions":"be brief","input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}],
                "tools":[{"type":"function","name":"shell","description":"runs","strict":false,"parameters":{"type":"object"}}],
                "tool_choice":"auto","parallel_tool_calls":false,"reasoning":{"effort":"medium","summary":"auto"},
                "store":false,"stream":true,"include":["reasoning.encrypted_content"]}"#,
        )
        .unwrap();
        assert_eq!(request.messages[0].role, Role::System);
        assert_eq!(request.messages.len(), 2);
        assert_eq!(request.tools[0].strict, Some(false));
        assert_eq!(request.extras, []);
    }

    #[test]
    fn state_at_the_vendor_is_meaning() {
        let request = read(
            r#"{"model":"m","input":"hi","previous_response_id":"resp_1","background":true,"conversation":"c",
                "prompt":{"id":"p"},"store":true,"truncation":"auto","metadata":{},"text":{"verbosity":"low"}}"#,
        )
        .unwrap();
        let names = |weight| {
            let extras = request.extras.iter().filter(move |extra| extra.weight == weight);
            extras.map(|extra| extra.name.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(names(Weight::Meaning), ["previous_response_id", "background", "conversation", "prompt"]);
        assert_eq!(names(Weight::Hint), ["store", "truncation", "metadata", "text.verbosity"]);
    }

    #[test]
    fn what_only_the_vendor_has_is_refused_by_name() {
        for (body, field) in [
            (r#"{"model":"m","input":"x","tools":[{"type":"web_search"}]}"#, "tools[0].type"),
            (r#"{"model":"m","input":"x","tool_choice":{"type":"file_search"}}"#, "tool_choice.type"),
            (r#"{"model":"m","input":[{"type":"item_reference","id":"x"}]}"#, "input[0].type"),
            (r#"{"model":"m","input":[{"type":"web_search_call","id":"x"}]}"#, "input[0].type"),
            (
                r#"{"model":"m","input":[{"role":"user","content":[{"type":"hologram"}]}]}"#,
                "input[0].content[0].type",
            ),
            (r#"{"model":"m","input":"x","text":{"format":{"type":"grammar"}}}"#, "text.format.type"),
        ] {
            let error = read(body).unwrap_err();
            assert_eq!((error.code, error.field.as_deref()), ("unsupported_by_provider", Some(field)));
        }
    }
}
