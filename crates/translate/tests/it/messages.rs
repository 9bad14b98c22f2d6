//! Requests and answers of Anthropic's format.

use promptgate_providers::{ProviderKind, Shape};
use promptgate_translate::{
    Block, Cache, ChatAnswer, OutputFormat, ProviderError, Reasoning, Role, Source, Stop, ToolChoice,
    messages,
};
use promptgate_usage::TokenCounts;
use serde_json::json;

use crate::support::{Provider, context};

fn anthropic(model: &'static str) -> Provider {
    Provider::new(Shape::Messages, ProviderKind::Anthropic, model)
}

fn claude() -> Provider {
    anthropic("claude-sonnet-4-5")
}

#[test]
fn a_conversation_of_chat_completions_becomes_turns() {
    let sent = claude().sends(
        Shape::ChatCompletions,
        r#"{"model":"x","max_completion_tokens":100,"stop":["END"],"user":"u1","stream":true,"messages":[
            {"role":"system","content":"be brief"},
            {"role":"user","content":[{"type":"text","text":"what is it?"},
                {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},
                {"type":"image_url","image_url":{"url":"https://example.com/a.png"}},
                {"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,JVBE"}}]},
            {"role":"assistant","content":null,"tool_calls":[
                {"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"b\": 1.0,\"a\":[]}"}},
                {"id":"call_2","type":"function","function":{"name":"g","arguments":""}}]},
            {"role":"tool","tool_call_id":"call_1","content":"one"},
            {"role":"tool","tool_call_id":"call_2","content":[{"type":"text","text":"two"}]},
            {"role":"user","content":"and?"},{"role":"assistant","content":"so "}],
            "tools":[{"type":"function","function":{"name":"f","description":"d","strict":true,
                "parameters":{"type":"object","properties":{"b":{"type":"number"}}}}},
                {"type":"function","function":{"name":"g"}}],
            "tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":false}"#,
    );
    let expected = json!({
        "model": "claude-sonnet-4-5", "max_tokens": 100, "system": "be brief", "stop_sequences": ["END"],
        "metadata": {"user_id": "u1"}, "stream": true,
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "what is it?"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
                {"type": "document", "title": "a.pdf",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}}]},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "call_1", "name": "f", "input": {"b": 1.0, "a": []}},
                {"type": "tool_use", "id": "call_2", "name": "g", "input": {}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": "one"},
                {"type": "tool_result", "tool_use_id": "call_2", "content": "two"},
                {"type": "text", "text": "and?"}]},
            {"role": "assistant", "content": "so"}],
        "tools": [
            {"name": "f", "description": "d", "strict": true,
                "input_schema": {"type": "object", "properties": {"b": {"type": "number"}}}},
            {"name": "g", "input_schema": {"type": "object", "properties": {}}}],
        "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": true},
    });
    assert_eq!(sent, expected);
}

#[test]
fn arguments_keep_their_spelling() {
    let body = r#"{"model":"x","messages":[{"role":"user","content":"q"},{"role":"assistant","tool_calls":[
        {"id":"functions.f:0","type":"function","function":{"name":"f","arguments":"{\"n\": 1.50, \"n2\":10000000000000000000001}"}}]},
        {"role":"tool","tool_call_id":"functions.f:0","content":"r"}]}"#;
    let request = promptgate_translate::read_request(Shape::ChatCompletions, body.as_bytes()).unwrap();
    let sent = claude().write(&request).unwrap().body;
    let sent = std::str::from_utf8(&sent).unwrap();
    assert!(sent.contains(r#""input":{"n": 1.50, "n2":10000000000000000000001}"#), "{sent}");
    // Ids are written in the letters that Anthropic accepts, on both sides alike.
    assert!(
        sent.contains(r#""id":"functions_f_0""#) && sent.contains(r#""tool_use_id":"functions_f_0""#),
        "{sent}"
    );
    assert!(sent.contains(r#""max_tokens":8192"#), "{sent}");
}

#[test]
fn hints_are_left_out_and_reported() {
    let (sent, dropped) = claude()
        .translate(
            Shape::ChatCompletions,
            r#"{"model":"x","temperature":1.7,"seed":1,"frequency_penalty":0.5,"presence_penalty":0.1,
                "messages":[{"role":"user","content":"q"}]}"#,
        )
        .unwrap();
    assert_eq!(dropped, ["frequency_penalty", "presence_penalty", "seed", "temperature"]);
    assert_eq!(sent["temperature"], 1);
    assert_eq!(sent.as_object().unwrap().len(), 4);
}

#[test]
fn what_has_no_word_is_refused_by_name() {
    let refuses = |part: &str| {
        let body = format!(r#"{{"model":"x","messages":[{{"role":"user","content":[{part}]}}]}}"#);
        claude().refuses(Shape::ChatCompletions, &body)
    };
    assert_eq!(refuses(r#"{"type":"input_audio","input_audio":{"data":"AA","format":"wav"}}"#), "audio");
    let zip = r#"{"type":"file","file":{"filename":"a.zip","file_data":"data:application/zip;base64,UEs="}}"#;
    assert_eq!(refuses(zip), "file");
    let json_object = r#"{"model":"x","messages":[{"role":"user","content":"q"}],"response_format":{"type":"json_object"}}"#;
    assert_eq!(claude().refuses(Shape::ChatCompletions, json_object), "response_format");
    let instructions = r#"{"model":"x","messages":[{"role":"system","content":"be brief"}]}"#;
    assert_eq!(claude().refuses(Shape::ChatCompletions, instructions), "messages");
}

#[test]
fn a_schema_for_the_answer_is_native_or_refused() {
    let body = r#"{"model":"x","messages":[{"role":"user","content":"q"}],"response_format":{"type":"json_schema",
        "json_schema":{"name":"n","strict":true,"schema":{"type":"object"}}}}"#;
    let sent = claude().sends(Shape::ChatCompletions, body);
    let format = json!({"type": "json_schema", "schema": {"type": "object"}});
    assert_eq!(sent["output_config"], json!({"format": format}));
    assert_eq!(anthropic("claude-3-haiku-20240307").refuses(Shape::ChatCompletions, body), "response_format");
}

#[test]
fn thinking_gives_way_to_what_it_does_not_go_together_with() {
    let thinking = |more: &str, messages: &str| {
        let body = format!(
            r#"{{"model":"x","max_completion_tokens":20000,"reasoning_effort":"low","messages":[{messages}]{more}}}"#
        );
        claude().translate(Shape::ChatCompletions, &body).unwrap()
    };
    let question = r#"{"role":"user","content":"q"}"#;
    let (sent, dropped) = thinking("", question);
    assert_eq!(sent["thinking"], json!({"type": "enabled", "budget_tokens": 4096}));
    assert!(dropped.is_empty());
    let (sent, dropped) = thinking(r#","temperature":0.5,"top_p":0.9"#, question);
    assert_eq!(dropped, ["temperature", "top_p"]);
    assert_eq!(sent.get("temperature"), None);
    let tool = r#","tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required""#;
    let (sent, dropped) = thinking(tool, question);
    assert_eq!((sent.get("thinking"), dropped), (None, vec!["reasoning".to_owned()]));
    // A turn with calls must begin with its thought, and this one has lost it.
    let calls = r#"{"role":"user","content":"q"},{"role":"assistant","tool_calls":[
        {"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"r"}"#;
    let (sent, dropped) = thinking("", calls);
    assert_eq!((sent.get("thinking"), dropped), (None, vec!["reasoning".to_owned()]));
}

#[test]
fn newer_models_think_by_effort() {
    let body = r#"{"model":"x","reasoning_effort":"xhigh","messages":[{"role":"user","content":"q"}]}"#;
    let (sent, dropped) = anthropic("claude-opus-4-7").translate(Shape::ChatCompletions, body).unwrap();
    assert_eq!(sent["thinking"], json!({"type": "adaptive"}));
    assert_eq!(sent["output_config"], json!({"effort": "xhigh"}));
    assert!(dropped.is_empty());
    let (sent, dropped) =
        anthropic("claude-3-haiku-20240307").translate(Shape::ChatCompletions, body).unwrap();
    assert_eq!((sent.get("thinking"), dropped), (None, vec!["reasoning".to_owned()]));
}

#[test]
fn thoughts_go_back_to_their_maker_only() {
    let answer = br#"{"id":"msg","type":"message","role":"assistant","model":"m","stop_reason":"tool_use","content":[
        {"type":"thinking","thinking":"hm","signature":"EqQBCg=="},{"type":"redacted_thinking","data":"Zm9v"},
        {"type":"tool_use","id":"toolu_1","name":"f","input":{"a":1}}],"usage":{"input_tokens":1,"output_tokens":2}}"#;
    let answer = messages::read_answer(answer).unwrap();
    let mut request = messages::read_request(
        br#"{"model":"x","max_tokens":4000,"thinking":{"type":"enabled","budget_tokens":1024},"messages":[{"role":"user","content":"q"}]}"#,
    )
    .unwrap();
    request.messages.push(promptgate_translate::Message { role: Role::Assistant, blocks: answer.blocks });
    request.messages.push(promptgate_translate::Message {
        role: Role::User,
        blocks: vec![Block::ToolResult {
            id: "toolu_1".to_owned(),
            name: None,
            content: vec![Block::Text { text: "r".to_owned(), cache: None }],
            is_error: true,
            cache: None,
        }],
    });
    let outgoing = claude().write(&request).unwrap();
    let sent: serde_json::Value = serde_json::from_slice(&outgoing.body).unwrap();
    assert_eq!(outgoing.dropped, Vec::<String>::new());
    assert_eq!(
        sent["messages"][1]["content"],
        json!([{"type": "thinking", "thinking": "hm", "signature": "EqQBCg=="}, {"type": "redacted_thinking", "data": "Zm9v"},
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}}])
    );
    assert_eq!(sent["messages"][2]["content"][0]["is_error"], true);
    let gemini = Provider::new(Shape::GenerateContent, ProviderKind::Google, "gemini-2.5-pro");
    let outgoing = gemini.write(&request).unwrap();
    assert_eq!(outgoing.dropped, ["thinking"]);
    assert!(!std::str::from_utf8(&outgoing.body).unwrap().contains("EqQBCg"));
}

#[test]
fn a_clients_request_is_read_whole() {
    let request = messages::read_request(
        br#"{"model":"m","max_tokens":50,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral","ttl":"1h"}}],
            "messages":[{"role":"user","content":[
                {"type":"text","text":"t","cache_control":{"type":"ephemeral"}},
                {"type":"image","source":{"type":"file","file_id":"file_1"}},
                {"type":"document","title":"d","context":"c","source":{"type":"text","media_type":"text/plain","data":"plain"}},
                {"type":"document","source":{"type":"content","content":[{"type":"text","text":"inner"}]}},
                {"type":"tool_result","tool_use_id":"toolu_1","is_error":true,
                    "content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA"}}]}]}],
            "tools":[{"name":"f","input_schema":{"type":"object"},"cache_control":{"type":"ephemeral"},"input_examples":[{}]}],
            "tool_choice":{"type":"any","disable_parallel_tool_use":true},
            "thinking":{"type":"adaptive","display":"summarized"},"output_config":{"effort":"low","format":{"type":"json_schema","schema":{"a":1}}},
            "stop_sequences":["x"],"metadata":{"user_id":"u"},"top_k":5,"temperature":0.70,"service_tier":"auto",
            "context_management":{"edits":[]},"mcp_servers":[]}"#,
    )
    .unwrap();
    let text = |text: &str| Block::Text { text: text.to_owned(), cache: None };
    let hour = Some(Cache { ttl: Some("1h".to_owned()) });
    assert_eq!(request.messages[0].blocks, [Block::Text { text: "s".to_owned(), cache: hour }]);
    let user = &request.messages[1].blocks;
    assert_eq!(user[0], Block::Text { text: "t".to_owned(), cache: Some(Cache::default()) });
    let file = Source::Id { id: "file_1".to_owned() };
    assert_eq!(user[1], Block::Image { source: file, detail: None, cache: None });
    assert_eq!(user[2], text("c"));
    let plain = Source::Text { text: "plain".to_owned() };
    assert_eq!(user[3], Block::File { source: plain, name: Some("d".to_owned()), cache: None });
    assert_eq!(user[4], text("inner"));
    assert!(matches!(&user[5], Block::ToolResult { is_error: true, content, .. } if content.len() == 1));
    assert_eq!(request.tool_choice, Some(ToolChoice::Required));
    assert_eq!(request.parallel_tool_calls, Some(false));
    let reasoning = Reasoning {
        effort: Some("low".to_owned()),
        budget: None,
        adaptive: true,
        summary: Some("auto".to_owned()),
    };
    assert_eq!(request.reasoning, Some(reasoning));
    assert!(matches!(request.output, OutputFormat::JsonSchema { .. }));
    assert_eq!(request.sampling.temperature.as_ref().map(promptgate_translate::Number::as_str), Some("0.70"));
    assert_eq!((request.user.as_deref(), request.max_output), (Some("u"), Some(50)));
    let extras: Vec<_> = request.extras.iter().map(|extra| extra.name.as_str()).collect();
    assert_eq!(extras, ["tools.input_examples", "service_tier", "context_management", "mcp_servers"]);
    assert!(request.extras.iter().all(|extra| extra.weight == promptgate_translate::Weight::Hint));
}

#[test]
fn a_request_that_is_none_is_refused_with_its_place() {
    for (body, field, code) in [
        (r#"{"messages":[]}"#, Some("model"), "missing_field"),
        (r#"{"model":"m"}"#, Some("messages"), "missing_field"),
        ("[]", None, "invalid_json"),
        (
            r#"{"model":"m","messages":[{"role":"tool","content":"x"}]}"#,
            Some("messages[0].role"),
            "invalid_field",
        ),
        (
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text"}]}]}"#,
            Some("messages[0].content[0].text"),
            "missing_field",
        ),
        (
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"server_tool_use"}]}]}"#,
            Some("messages[0].content[0].type"),
            "unsupported_by_provider",
        ),
        (
            r#"{"model":"m","messages":[],"tools":[{"type":"web_search_20250305","name":"web_search"}]}"#,
            Some("tools[0].type"),
            "unsupported_by_provider",
        ),
        (
            r#"{"model":"m","messages":[],"thinking":{"type":"enabled"}}"#,
            Some("thinking.budget_tokens"),
            "missing_field",
        ),
    ] {
        let error = messages::read_request(body.as_bytes()).unwrap_err();
        assert_eq!((error.field.as_deref(), error.code), (field, code), "{body}");
    }
}

#[test]
fn answers_are_written_as_anthropic_does() {
    let answer = ChatAnswer {
        id: None,
        model: Some("gpt-x".to_owned()),
        blocks: vec![
            Block::Thinking { text: "hm".to_owned(), signature: None },
            Block::Text { text: "hi".to_owned(), cache: None },
            Block::ToolCall {
                id: "call_1".to_owned(),
                name: "f".to_owned(),
                arguments: String::new(),
                signature: None,
                cache: None,
            },
        ],
        stop: Stop::ToolUse,
        usage: Some(TokenCounts {
            input: 5,
            cache_read: 3,
            cache_write_1h: 2,
            output: 4,
            reasoning: 6,
            ..TokenCounts::default()
        }),
    };
    let written = messages::write_answer(&answer, &context());
    assert_eq!(
        written,
        concat!(
            r#"{"id":"req-1","type":"message","role":"assistant","model":"alias","content":["#,
            r#"{"type":"thinking","thinking":"hm","signature":""},{"type":"text","text":"hi"},"#,
            r#"{"type":"tool_use","id":"call_1","name":"f","input":{}}],"stop_reason":"tool_use","stop_sequence":null,"#,
            r#""usage":{"input_tokens":5,"cache_creation_input_tokens":2,"cache_read_input_tokens":3,"#,
            r#""cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":2},"output_tokens":10,"output_tokens_details":{"thinking_tokens":6}}}"#
        )
    );
}

#[test]
fn stop_reasons_are_mapped() {
    for (reason, stop) in [
        ("end_turn", Stop::End),
        ("max_tokens", Stop::MaxTokens),
        ("model_context_window_exceeded", Stop::MaxTokens),
        ("stop_sequence", Stop::Sequence(Some("END".to_owned()))),
        ("tool_use", Stop::ToolUse),
        ("refusal", Stop::Refusal),
        ("pause_turn", Stop::Pause),
    ] {
        let sequence = if reason == "stop_sequence" { "\"END\"" } else { "null" };
        let body = format!(
            r#"{{"type":"message","content":[],"stop_reason":"{reason}","stop_sequence":{sequence}}}"#
        );
        assert_eq!(messages::read_answer(body.as_bytes()).unwrap().stop, stop);
    }
    let error = br#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    assert!(messages::read_answer(error).is_err());
}

#[test]
fn errors_are_read_and_written() {
    let said =
        br#"{"type":"error","error":{"type":"rate_limit_error","message":"slow down"},"request_id":"req_x"}"#;
    let error = messages::read_error(said).unwrap();
    assert_eq!((error.message.as_str(), error.kind.as_deref()), ("slow down", Some("rate_limit_error")));
    assert_eq!(messages::read_error(b"<html>"), None);
    let error =
        ProviderError { message: "no".to_owned(), code: Some("c".to_owned()), ..ProviderError::default() };
    assert_eq!(
        messages::write_error(429, &error, "req-1"),
        r#"{"type":"error","error":{"type":"rate_limit_error","message":"no","code":"c"},"request_id":"req-1"}"#
    );
}

#[test]
fn an_order_to_write_nothing_is_refused_before_it_fills_a_cache() {
    let body = br#"{"model":"x","max_tokens":0,"messages":[{"role":"user","content":"x"}]}"#;
    let request = promptgate_translate::read_request(Shape::ChatCompletions, body).unwrap();
    let refused = claude().write(&request).unwrap_err();
    assert_eq!((refused.field.as_deref(), refused.code), (Some("max_tokens"), "invalid_field"));
}
