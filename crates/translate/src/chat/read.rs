//! Reading requests.

use super::content::read_messages;
use crate::members::{Members, Value};
use crate::{
    Cache, ChatRequest, Extra, Json, OutputFormat, Reasoning, Sampling, Tool, ToolChoice, Untranslatable,
    Weight,
};

/// Members that have a place in the model.
const PLACED: [&str; 22] = [
    "model",
    "messages",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "reasoning_effort",
    "reasoning",
    "max_tokens",
    "max_completion_tokens",
    "stop",
    "stream",
    "stream_options",
    "user",
    "temperature",
    "top_p",
    "top_k",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "n",
    "logprobs",
];

/// Members without a place whose absence would change what the answer means.
const MEANT: [&str; 8] = [
    "functions",
    "function_call",
    "modalities",
    "audio",
    "top_logprobs",
    "web_search_options",
    "guided_json",
    "grammar",
];

/// Reads a client's request.
pub fn read_request(body: &[u8]) -> Result<ChatRequest, Untranslatable> {
    let body = Members::parse(body)?;
    let mut extras = Vec::new();
    let messages = read_messages(&body.need("messages")?, &mut extras)?;
    let stream_options = body.members("stream_options")?;
    let include_usage = match &stream_options {
        Some(options) => options.flag("include_usage")?.unwrap_or(false),
        None => false,
    };
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
            top_k: body.number("top_k")?,
            frequency_penalty: body.number("frequency_penalty")?,
            presence_penalty: body.number("presence_penalty")?,
            seed: body.number("seed")?,
        },
        max_output: match body.count("max_completion_tokens")? {
            Some(tokens) => Some(tokens),
            None => body.count("max_tokens")?,
        },
        stop: read_stop(&body)?,
        stream: body.flag("stream")?.unwrap_or(false),
        include_usage,
        user: body.text("user")?,
        extras,
    })
}

fn read_stop(body: &Members<'_>) -> Result<Vec<String>, Untranslatable> {
    match body.get("stop") {
        None => Ok(Vec::new()),
        Some(stop) if stop.is_text() => Ok(vec![stop.text()?]),
        Some(stop) => stop.items()?.iter().map(Value::text).collect(),
    }
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
    let function = tool.need("function")?.members()?;
    note_others(&tool, &["type", "function", "cache_control", "prompt_cache_breakpoint"], extras);
    note_others(&function, &["name", "description", "parameters", "strict"], extras);
    Ok(Tool {
        name: function.need_text("name")?,
        description: function.text("description")?,
        parameters: function.json("parameters"),
        strict: function.flag("strict")?,
        cache: read_cache(&tool)?,
    })
}

/// Reads a marker: `cache_control`, as OpenRouter and others have it, or OpenAI's own. What OpenAI
/// keeps for longer than Anthropic's shortest time is kept for its longest.
pub(crate) fn read_cache(members: &Members<'_>) -> Result<Option<Cache>, Untranslatable> {
    if let Some(marker) = members.members("cache_control")? {
        return Ok(Some(Cache { ttl: marker.text("ttl")? }));
    }
    let Some(marker) = members.members("prompt_cache_breakpoint")? else { return Ok(None) };
    Ok(Some(Cache { ttl: marker.text("ttl")?.map(|_| "1h".to_owned()) }))
}

/// Notes what a part of a request says besides what is read of it.
pub(crate) fn note_others(members: &Members<'_>, known: &[&str], extras: &mut Vec<Extra>) {
    for (name, value) in members.iter().filter(|(name, _)| !known.contains(name)) {
        extras.push(Extra { name: members.path_of(name), weight: Weight::Hint, value: value.json() });
    }
}

fn read_tool_choice(body: &Members<'_>, tools: &mut Vec<Tool>) -> Result<Option<ToolChoice>, Untranslatable> {
    let Some(choice) = body.get("tool_choice") else { return Ok(None) };
    if choice.is_text() {
        return read_mode(&choice).map(Some);
    }
    let choice = choice.members()?;
    match choice.need_text("type")?.as_str() {
        "function" => {
            let name = choice.need("function")?.members()?.need_text("name")?;
            Ok(Some(ToolChoice::Named(name)))
        }
        "allowed_tools" => {
            let allowed = choice.need("allowed_tools")?.members()?;
            let name = |tool: &Members<'_>| tool.need("function")?.members()?.need_text("name");
            read_allowed(&allowed, name, tools).map(Some)
        }
        kind => Err(foreign_choice(&choice, kind)),
    }
}

/// A choice that only the vendor of OpenAI's formats has.
pub(crate) fn foreign_choice(choice: &Members<'_>, kind: &str) -> Untranslatable {
    let why = format!("a choice of the type `{kind}` exists at the vendor of this format only");
    Untranslatable::unsupported(choice.path_of("type"), &why)
}

/// Reads whether a tool must be called.
pub(crate) fn read_mode(mode: &Value<'_>) -> Result<ToolChoice, Untranslatable> {
    match mode.text()?.as_str() {
        "auto" => Ok(ToolChoice::Auto),
        "none" => Ok(ToolChoice::None),
        "required" | "any" => Ok(ToolChoice::Required),
        _ => Err(mode.invalid("`auto`, `none`, `required` or an object that names a function")),
    }
}

/// Reads which of the tools may be called: for a model that is told of no others this is the same.
pub(crate) fn read_allowed(
    allowed: &Members<'_>,
    name: impl Fn(&Members<'_>) -> Result<String, Untranslatable>,
    tools: &mut Vec<Tool>,
) -> Result<ToolChoice, Untranslatable> {
    let names: Vec<String> = allowed
        .need("tools")?
        .items()?
        .iter()
        .map(|tool| name(&tool.members()?))
        .collect::<Result<_, _>>()?;
    tools.retain(|tool| names.contains(&tool.name));
    read_mode(&allowed.need("mode")?)
}

fn read_output(body: &Members<'_>) -> Result<OutputFormat, Untranslatable> {
    let Some(format) = body.members("response_format")? else { return Ok(OutputFormat::Text) };
    match format.need_text("type")?.as_str() {
        "text" => Ok(OutputFormat::Text),
        "json_object" => Ok(OutputFormat::JsonObject),
        "json_schema" => read_schema(&format.need("json_schema")?.members()?),
        kind => Err(Untranslatable::unsupported(
            format.path_of("type"),
            &format!("an output of the type `{kind}` exists at the vendor of this format only"),
        )),
    }
}

/// Reads the members of an output schema.
pub(crate) fn read_schema(format: &Members<'_>) -> Result<OutputFormat, Untranslatable> {
    Ok(OutputFormat::JsonSchema {
        name: format.need_text("name")?,
        description: format.text("description")?,
        schema: match format.json("schema") {
            Some(schema) => schema,
            None => Json::parse("{}").expect("an empty object is JSON"),
        },
        strict: format.flag("strict")?,
    })
}

fn read_reasoning(body: &Members<'_>) -> Result<Option<Reasoning>, Untranslatable> {
    let effort = body.text("reasoning_effort")?;
    let Some(reasoning) = body.members("reasoning")? else {
        return Ok(effort.map(|effort| Reasoning { effort: Some(effort), ..Reasoning::default() }));
    };
    let switched_off = reasoning.flag("enabled")? == Some(false);
    let effort = reasoning.text("effort")?.or(effort).or_else(|| switched_off.then(|| "none".to_owned()));
    let summary = reasoning.text("summary")?;
    Ok(Some(Reasoning { effort, budget: reasoning.count("max_tokens")?, adaptive: false, summary }))
}

fn read_extras(body: &Members<'_>, extras: &mut Vec<Extra>) -> Result<(), Untranslatable> {
    let mut keep = |name: &str, weight, value: &Value<'_>| {
        extras.push(Extra { name: name.to_owned(), weight, value: value.json() });
    };
    if let Some(choices) = body.get("n")
        && body.count("n")? != Some(1)
    {
        keep("n", Weight::Meaning, &choices);
    }
    if let Some(logprobs) = body.get("logprobs")
        && body.flag("logprobs")? == Some(true)
    {
        keep("logprobs", Weight::Meaning, &logprobs);
    }
    for (name, value) in body.iter() {
        let only_text = name == "modalities" && only_text(&value);
        let is_nothing = matches!(
            (name, value.json().as_str()),
            ("top_logprobs", "0")
                | ("functions" | "logit_bias" | "metadata", "[]" | "{}")
                | ("store", "false")
        );
        if PLACED.contains(&name) || only_text || is_nothing {
            continue;
        }
        keep(name, if MEANT.contains(&name) { Weight::Meaning } else { Weight::Hint }, &value);
    }
    if let Some(options) = body.members("stream_options")? {
        note_others(&options, &["include_usage"], extras);
    }
    if let Some(reasoning) = body.members("reasoning")? {
        note_others(&reasoning, &["effort", "max_tokens", "summary", "enabled", "exclude"], extras);
    }
    Ok(())
}

fn only_text(modalities: &Value<'_>) -> bool {
    modalities
        .items()
        .is_ok_and(|items| items.iter().all(|item| item.text().is_ok_and(|modality| modality == "text")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<ChatRequest, Untranslatable> {
        read_request(body.as_bytes())
    }

    fn field(body: &str) -> (Option<String>, &'static str) {
        let error = read(body).unwrap_err();
        (error.field, error.code)
    }

    #[test]
    fn numbers_and_schemas_keep_their_spelling() {
        let request = read(
            r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":0.70,"seed":12345678901234567890123,
                "tools":[{"type":"function","function":{"name":"f","parameters":{"z":1,"a":1.50}}}]}"#,
        )
        .unwrap();
        assert_eq!(request.sampling.temperature.unwrap().as_str(), "0.70");
        assert_eq!(request.sampling.seed.unwrap().as_str(), "12345678901234567890123");
        assert_eq!(request.tools[0].parameters.as_ref().unwrap().as_str(), r#"{"z":1,"a":1.50}"#);
    }

    #[test]
    fn what_changes_the_answer_is_told_from_hints() {
        let request = read(
            r#"{"model":"m","messages":[],"n":2,"logprobs":true,"modalities":["text","audio"],"logit_bias":{"1":2},
                "store":true,"stream_options":{"include_usage":true,"include_obfuscation":false},"stream":true}"#,
        )
        .unwrap();
        let meant: Vec<_> = request.extras.iter().filter(|extra| extra.weight == Weight::Meaning).collect();
        assert_eq!(
            meant.iter().map(|extra| extra.name.as_str()).collect::<Vec<_>>(),
            ["n", "logprobs", "modalities"]
        );
        assert_eq!(request.extras.len(), 6);
        assert!(request.include_usage && request.stream);
        let harmless = read(
            r#"{"model":"m","messages":[],"n":1,"logprobs":false,"modalities":["text"],"top_logprobs":0,"seed":null}"#,
        );
        assert_eq!(harmless.unwrap().extras, []);
    }

    #[test]
    fn tool_choices_are_read() {
        let choice = |choice: &str| {
            read(&format!(r#"{{"model":"m","messages":[],"tool_choice":{choice}}}"#))
                .map(|request| request.tool_choice)
        };
        assert_eq!(choice("null"), Ok(None));
        assert_eq!(choice(r#""none""#), Ok(Some(ToolChoice::None)));
        let named = r#"{"type":"function","function":{"name":"f"}}"#;
        assert_eq!(choice(named), Ok(Some(ToolChoice::Named("f".to_owned()))));
        assert_eq!(choice(r#""perhaps""#).unwrap_err().code, "invalid_field");
        let custom = choice(r#"{"type":"custom","custom":{"name":"f"}}"#).unwrap_err();
        assert_eq!(
            (custom.code, custom.field.as_deref()),
            ("unsupported_by_provider", Some("tool_choice.type"))
        );
    }

    #[test]
    fn of_the_tools_only_the_allowed_ones_are_told() {
        let request = read(
            r#"{"model":"m","messages":[],"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}],
                "tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"g"}}]}}}"#,
        )
        .unwrap();
        assert_eq!(request.tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), ["g"]);
        assert_eq!(request.tool_choice, Some(ToolChoice::Required));
    }

    #[test]
    fn what_nobody_reads_is_reported() {
        let request = read(
            r#"{"model":"m","functions":[],"messages":[{"role":"user","name":"ann","mood":1,"content":[
                {"type":"text","text":"hi","colour":"red"},
                {"type":"image_url","image_url":{"url":"https://example.com/x.png","zoom":2}}]},
                {"role":"assistant","content":"x","refusal":null,"annotations":[],"audio":null,"function_call":null}]}"#,
        )
        .unwrap();
        let names: Vec<_> = request.extras.iter().map(|extra| extra.name.as_str()).collect();
        let expected = [
            "messages[0].name",
            "messages[0].mood",
            "messages[0].content[0].colour",
            "messages[0].content[1].image_url.zoom",
        ];
        assert_eq!(names, expected);
        let mut dropped = crate::demands::Dropped::default();
        for name in &names {
            dropped.note(name);
        }
        assert_eq!(dropped.names()[0], "messages.content.colour");
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(field("[]"), (None, "invalid_json"));
        assert_eq!(field(r#"{"messages":[]}"#), (Some("model".to_owned()), "missing_field"));
        assert_eq!(field(r#"{"model":"m"}"#), (Some("messages".to_owned()), "missing_field"));
        let parts = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"hologram"}]}]}"#;
        assert_eq!(field(parts), (Some("messages[0].content[0].type".to_owned()), "unsupported_by_provider"));
        let tools = r#"{"model":"m","messages":[],"tools":[{"type":"web_search"}]}"#;
        assert_eq!(field(tools), (Some("tools[0].type".to_owned()), "unsupported_by_provider"));
        let tokens = r#"{"model":"m","messages":[],"max_tokens":-1}"#;
        assert_eq!(field(tokens), (Some("max_tokens".to_owned()), "invalid_field"));
    }
}
