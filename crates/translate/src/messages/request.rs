//! Reading a client's request.

use super::blocks;
use crate::members::{Members, Value};
use crate::{
    ChatRequest, Extra, Message, OutputFormat, Reasoning, Role, Sampling, Tool, ToolChoice, Untranslatable,
    Weight,
};

/// What [`read_request`] has a place for.
const KNOWN: [&str; 15] = [
    "model",
    "messages",
    "system",
    "max_tokens",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "tools",
    "tool_choice",
    "thinking",
    "metadata",
    "output_config",
    "output_format",
];

/// What has no place, and without which the answer would mean something else, or be made where the
/// client does not want it to be.
const MEANING: [&str; 3] = ["mcp_servers", "container", "inference_geo"];

const TOOL_MEMBERS: [&str; 6] = ["type", "name", "description", "input_schema", "strict", "cache_control"];

/// Reads a client's request.
pub fn read_request(body: &[u8]) -> Result<ChatRequest, Untranslatable> {
    let members = Members::parse(body)?;
    let mut extras = Vec::new();
    let mut messages = Vec::new();
    if let Some(system) = members.get("system") {
        messages.push(Message { role: Role::System, blocks: blocks::content(&system, &mut extras)? });
    }
    for item in members.need("messages")?.items()? {
        messages.push(read_message(&item, &mut extras)?);
    }
    let mut tools = Vec::new();
    for item in members.items("tools")? {
        tools.push(read_tool(&item.members()?, &mut extras)?);
    }
    let (tool_choice, parallel_tool_calls) = read_tool_choice(&members)?;
    let stop = members.items("stop_sequences")?.iter().map(Value::text).collect::<Result<_, _>>()?;
    let user = read_metadata(&members, &mut extras)?;
    let reasoning = read_reasoning(&members, &mut extras)?;
    let output = read_output(&members)?;
    read_rest(&members, &mut extras);
    note_prefill(&messages, &members, &mut extras);
    let max_output = members.count("max_tokens")?;
    if max_output == Some(0) {
        let why = "without any, only the cache of Anthropic's models is filled";
        return Err(Untranslatable::unsupported("max_tokens", why));
    }
    Ok(ChatRequest {
        model: members.need_text("model")?,
        messages,
        tools,
        tool_choice,
        parallel_tool_calls,
        output,
        reasoning,
        sampling: Sampling {
            temperature: members.number("temperature")?,
            top_p: members.number("top_p")?,
            top_k: members.number("top_k")?,
            ..Sampling::default()
        },
        max_output,
        stop,
        stream: members.flag("stream")?.unwrap_or(false),
        include_usage: false,
        user,
        extras,
    })
}

fn read_message(item: &Value<'_>, extras: &mut Vec<Extra>) -> Result<Message, Untranslatable> {
    let members = item.members()?;
    let role = match members.need_text("role")?.as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        _ => return Err(members.need("role")?.invalid("`user`, `assistant` or `system`")),
    };
    Ok(Message { role, blocks: blocks::content(&members.need("content")?, extras)? })
}

/// Notes an answer that the client began: other vendors' models begin a new one behind it.
fn note_prefill(messages: &[Message], members: &Members<'_>, extras: &mut Vec<Extra>) {
    if messages.last().is_some_and(|last| last.role == Role::Assistant)
        && let Some(value) = members.get("messages")
    {
        extras.push(hint("messages.prefill", &value));
    }
}

fn read_tool(members: &Members<'_>, extras: &mut Vec<Extra>) -> Result<Tool, Untranslatable> {
    if let Some(kind) = members.text("type")?
        && kind != "custom"
    {
        let why = format!("tools of the type `{kind}` run at Anthropic and exist for its models only");
        return Err(Untranslatable::unsupported(members.path_of("type"), &why));
    }
    for (name, value) in members.iter().filter(|(name, _)| !TOOL_MEMBERS.contains(name)) {
        extras.push(hint(&format!("tools.{name}"), &value));
    }
    Ok(Tool {
        name: members.need_text("name")?,
        description: members.text("description")?,
        parameters: members.json("input_schema"),
        strict: members.flag("strict")?,
        cache: blocks::cache(members)?,
    })
}

fn read_tool_choice(members: &Members<'_>) -> Result<(Option<ToolChoice>, Option<bool>), Untranslatable> {
    let Some(choice) = members.members("tool_choice")? else { return Ok((None, None)) };
    let kind = match choice.need_text("type")?.as_str() {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Named(choice.need_text("name")?),
        _ => return Err(choice.need("type")?.invalid("`auto`, `any`, `tool` or `none`")),
    };
    let parallel = choice.flag("disable_parallel_tool_use")?.map(|disabled| !disabled);
    Ok((Some(kind), parallel))
}

fn read_metadata(members: &Members<'_>, extras: &mut Vec<Extra>) -> Result<Option<String>, Untranslatable> {
    let Some(metadata) = members.members("metadata")? else { return Ok(None) };
    for (name, value) in metadata.iter().filter(|(name, _)| *name != "user_id") {
        extras.push(hint(&format!("metadata.{name}"), &value));
    }
    metadata.text("user_id")
}

fn read_reasoning(
    members: &Members<'_>,
    extras: &mut Vec<Extra>,
) -> Result<Option<Reasoning>, Untranslatable> {
    let effort = match members.members("output_config")? {
        Some(output) => output.text("effort")?,
        None => None,
    };
    let Some(thinking) = members.members("thinking")? else {
        return Ok(effort.map(|effort| Reasoning { effort: Some(effort), ..Reasoning::default() }));
    };
    let summary = match thinking.text("display")?.as_deref() {
        Some("summarized") => Some("auto".to_owned()),
        Some(_) => {
            extras.push(hint("thinking.display", &thinking.need("display")?));
            None
        }
        None => None,
    };
    let reasoning = match thinking.need_text("type")?.as_str() {
        "enabled" => {
            let budget = thinking.count("budget_tokens")?;
            let budget = budget.ok_or_else(|| Untranslatable::missing(thinking.path_of("budget_tokens")))?;
            Reasoning { effort, budget: Some(budget), adaptive: false, summary }
        }
        "adaptive" => Reasoning { effort, budget: None, adaptive: true, summary },
        "between_tools" => {
            extras.push(hint("thinking.type", &thinking.need("type")?));
            Reasoning { effort, budget: None, adaptive: true, summary }
        }
        "disabled" => {
            if let Some(effort) = members.members("output_config")?.and_then(|output| output.get("effort")) {
                extras.push(hint("output_config.effort", &effort));
            }
            Reasoning { budget: Some(0), ..Reasoning::default() }
        }
        _ => {
            let expected = "`enabled`, `adaptive`, `between_tools` or `disabled`";
            return Err(thinking.need("type")?.invalid(expected));
        }
    };
    Ok(Some(reasoning))
}

fn read_output(members: &Members<'_>) -> Result<OutputFormat, Untranslatable> {
    let format = match members.members("output_config")? {
        Some(output) => output.members("format")?,
        None => None,
    };
    let Some(format) = format.map_or_else(|| members.members("output_format"), |format| Ok(Some(format)))?
    else {
        return Ok(OutputFormat::Text);
    };
    if format.need_text("type")? != "json_schema" {
        return Err(format.need("type")?.invalid("`json_schema`"));
    }
    Ok(OutputFormat::JsonSchema {
        name: "answer".to_owned(),
        description: None,
        schema: format.need("schema")?.json(),
        strict: Some(true),
    })
}

fn read_rest(members: &Members<'_>, extras: &mut Vec<Extra>) {
    for (name, value) in members.iter().filter(|(name, _)| !KNOWN.contains(name)) {
        let empty = matches!(value.json().as_str(), "[]" | "{}" | "\"\"");
        let weight = if MEANING.contains(&name) && !empty { Weight::Meaning } else { Weight::Hint };
        extras.push(Extra { name: name.to_owned(), weight, value: value.json() });
    }
    if let Ok(Some(output)) = members.members("output_config") {
        for (name, value) in output.iter().filter(|(name, _)| !["effort", "format"].contains(name)) {
            extras.push(hint(&format!("output_config.{name}"), &value));
        }
    }
}

/// A member that is left out where it is not understood.
pub(super) fn hint(name: &str, value: &Value<'_>) -> Extra {
    Extra { name: name.to_owned(), weight: Weight::Hint, value: value.json() }
}
