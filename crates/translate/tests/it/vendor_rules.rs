//! Rules of single vendors that a client of another format knows nothing of.

use promptgate_providers::{ProviderKind, Shape};
use serde_json::{Value, json};

use crate::support::Provider;

fn chat(kind: ProviderKind, model: &'static str) -> Provider {
    Provider::new(Shape::ChatCompletions, kind, model)
}

fn anthropic(model: &'static str) -> Provider {
    Provider::new(Shape::Messages, ProviderKind::Anthropic, model)
}

/// A turn with a tool, as Anthropic's clients send it: the words of the user follow the result.
const AFTER_A_TOOL: &str = r#"{"model":"x","max_tokens":50,"tools":[{"name":"f","input_schema":{"type":"object"}}],"messages":[
    {"role":"user","content":"q"},
    {"role":"assistant","content":[{"type":"tool_use","id":"toolu_01A09q90qw90lq917835lq9","name":"f","input":{},"caller":{"type":"direct"}}]},
    {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_01A09q90qw90lq917835lq9","content":"r"},{"type":"text","text":"go on"}]}]}"#;

#[test]
fn mistral_has_short_ids_and_answers_after_a_tool() {
    let sent = chat(ProviderKind::Mistral, "mistral-large-latest").sends(Shape::Messages, AFTER_A_TOOL);
    let messages = sent["messages"].as_array().unwrap();
    let roles: Vec<_> = messages.iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "assistant", "user"]);
    let id = messages[1]["tool_calls"][0]["id"].as_str().unwrap();
    assert!(id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
    assert_eq!(messages[2]["tool_call_id"], id);
    // Mistral's own come back as they are.
    let own = AFTER_A_TOOL.replace("toolu_01A09q90qw90lq917835lq9", "D681PevKs");
    let sent = chat(ProviderKind::Mistral, "mistral-large-latest").sends(Shape::Messages, &own);
    assert_eq!(sent["messages"][2]["tool_call_id"], "D681PevKs");
    let others = chat(ProviderKind::Groq, "m").sends(Shape::Messages, AFTER_A_TOOL);
    assert_eq!(others["messages"].as_array().unwrap().len(), 4);
}

#[test]
fn newer_claudes_take_one_of_temperature_and_top_p() {
    let body = r#"{"model":"x","temperature":0.5,"top_p":0.9,"messages":[{"role":"user","content":"q"}]}"#;
    let (sent, dropped) = anthropic("claude-sonnet-4-5").translate(Shape::ChatCompletions, body).unwrap();
    assert_eq!((&sent["temperature"], sent.get("top_p")), (&json!(0.5), None));
    assert_eq!(dropped, ["top_p"]);
    let sent = anthropic("claude-3-5-haiku-latest").sends(Shape::ChatCompletions, body);
    assert_eq!(sent["top_p"], json!(0.9));
    let (sent, dropped) = anthropic("claude-sonnet-5-5").translate(Shape::ChatCompletions, body).unwrap();
    assert_eq!((sent.get("temperature"), sent.get("top_p")), (None, None));
    assert_eq!(dropped, ["temperature", "top_p"]);
}

#[test]
fn the_newest_models_are_known() {
    let body = r#"{"model":"x","reasoning_effort":"max","messages":[{"role":"user","content":"q"}]}"#;
    let sent = anthropic("claude-fable-5-2").sends(Shape::ChatCompletions, body);
    assert_eq!(sent["output_config"], json!({"effort": "max"}));
    let (sent, dropped) = chat(ProviderKind::OpenAi, "gpt-6-sol")
        .translate(Shape::Messages, r#"{"model":"x","max_tokens":9,"temperature":1,"thinking":{"type":"enabled","budget_tokens":2048},"messages":[{"role":"user","content":"q"}]}"#)
        .unwrap();
    assert_eq!((&sent["reasoning_effort"], dropped), (&json!("low"), vec!["temperature".to_owned()]));
    let provider = Provider::new(Shape::Responses, ProviderKind::OpenAi, "gpt-5-pro");
    assert_eq!(provider.capabilities.chat_shape(), Some(Shape::Responses));
    let sent = provider.sends(
        Shape::ChatCompletions,
        r#"{"model":"x","max_tokens":99,"messages":[{"role":"user","content":"q"}]}"#,
    );
    assert_eq!(sent["max_output_tokens"], 99);
}

#[test]
fn a_promise_of_exactness_goes_only_where_it_can_be_kept() {
    let body = |required: &str| {
        format!(
            r#"{{"model":"x","max_tokens":9,"messages":[{{"role":"user","content":"q"}}],"output_config":{{"format":{{"type":"json_schema",
                "schema":{{"type":"object","properties":{{"a":{{"type":"string"}},"b":{{"type":"string"}}}},"required":{required},"additionalProperties":false}}}}}}}}"#
        )
    };
    let exact = chat(ProviderKind::OpenAi, "gpt-4o").sends(Shape::Messages, &body(r#"["a","b"]"#));
    assert_eq!(exact["response_format"]["json_schema"]["strict"], true);
    let (loose, dropped) =
        chat(ProviderKind::OpenAi, "gpt-4o").translate(Shape::Messages, &body(r#"["a"]"#)).unwrap();
    assert_eq!(loose["response_format"]["json_schema"]["strict"], false);
    assert_eq!(dropped, ["response_format.strict"]);
}

#[test]
fn the_long_names_of_anthropics_users_become_shorter_ones() {
    let body = |user: &str| {
        format!(
            r#"{{"model":"x","max_tokens":9,"metadata":{{"user_id":"{user}"}},"messages":[{{"role":"user","content":"q"}}]}}"#
        )
    };
    let openai = chat(ProviderKind::OpenAi, "gpt-4o");
    assert_eq!(openai.sends(Shape::Messages, &body("ann"))["user"], "ann");
    let long = "user_".to_owned() + &"0123456789abcdef".repeat(8);
    let (sent, dropped) = openai.translate(Shape::Messages, &body(&long)).unwrap();
    let user = sent["user"].as_str().unwrap();
    assert!(user.starts_with("user_") && user.len() <= 64);
    assert_eq!(dropped, ["user"]);
    assert_eq!(openai.translate(Shape::Messages, &body(&long)).unwrap().0["user"], user);
    assert_ne!(openai.translate(Shape::Messages, &body(&format!("{long}1"))).unwrap().0["user"], user);
}

#[test]
fn refusals_of_the_history_are_words_for_services_without_a_member_for_them() {
    let body = r#"{"model":"x","input":[{"role":"user","content":"q"},
        {"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"refusal","refusal":"no"}]},
        {"role":"user","content":"please"}]}"#;
    let sent = chat(ProviderKind::Mistral, "m").sends(Shape::Responses, body);
    assert_eq!(sent["messages"][1], json!({"role": "assistant", "content": "no"}));
}

#[test]
fn what_anthropics_clients_say_newly_is_understood() {
    let translate = |more: &str, content: &str| {
        let body = format!(
            r#"{{"model":"x","max_tokens":99,"messages":[{{"role":"user","content":{content}}}]{more}}}"#
        );
        chat(ProviderKind::OpenAi, "gpt-5").translate(Shape::Messages, &body)
    };
    let dropped = |more: &str, content: &str| translate(more, content).unwrap().1;
    assert_eq!(dropped(r#","thinking":{"type":"between_tools"}"#, r#""q""#), ["thinking.type"]);
    assert_eq!(
        dropped(
            r#","thinking":{"type":"adaptive","display":"omitted"},"speed":"fast","diagnostics":{}"#,
            r#""q""#
        ),
        ["diagnostics", "speed", "thinking.display"]
    );
    let image = r#"[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="},"transformations":{"oversized_image":"error"}}]"#;
    assert_eq!(dropped("", image), ["messages.content.transformations"]);
    let refused = |more: &str, content: &str| translate(more, content).unwrap_err().field.unwrap();
    assert_eq!(refused(r#","inference_geo":"us""#, r#""q""#), "inference_geo");
    assert_eq!(refused(r#","max_tokens":0"#, r#""q""#), "max_tokens");
    let prefilled = r#"{"model":"x","max_tokens":9,"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"It is ("}]}"#;
    let (_, dropped) = chat(ProviderKind::OpenAi, "gpt-5").translate(Shape::Messages, prefilled).unwrap();
    assert_eq!(dropped, ["messages.prefill"]);
}

#[test]
fn nothing_is_nested_without_end() {
    let depth = 20_000;
    for (open, close) in [
        (r#"[{"type":"tool_result","tool_use_id":"t","content":"#, "}]"),
        (r#"[{"type":"document","source":{"type":"content","content":"#, "}}]"),
    ] {
        let content = format!("{}\"x\"{}", open.repeat(depth), close.repeat(depth));
        let body =
            format!(r#"{{"model":"x","max_tokens":9,"messages":[{{"role":"user","content":{content}}}]}}"#);
        let refused = chat(ProviderKind::OpenAi, "m").translate(Shape::Messages, &body).unwrap_err();
        assert_eq!(refused.code, "unsupported_by_provider");
    }
    let arguments = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let body = format!(
        r#"{{"model":"x","messages":[{{"role":"user","content":"q"}},{{"role":"assistant","tool_calls":[
            {{"id":"c","type":"function","function":{{"name":"f","arguments":"{arguments}"}}}}]}},{{"role":"tool","tool_call_id":"c","content":"r"}}]}}"#
    );
    let sent = anthropic("claude-sonnet-4-5").sends(Shape::ChatCompletions, &body);
    assert_eq!(sent["messages"][1]["content"][0]["input"], json!({ "INVALID_JSON": arguments }));
}

#[test]
fn what_is_null_or_empty_is_not_there() {
    let body = r#"{"model":"x","messages":[{"role":"user","content":"q","name":null}],"stream":null,"tools":[],"tool_choice":null,
        "functions":[],"temperature":null,"max_tokens":null,"stop":null,"response_format":null,"n":null,"logprobs":null,
        "modalities":null,"logit_bias":{},"metadata":null,"user":null,"store":false,"reasoning_effort":null,"stream_options":null}"#;
    let sent = anthropic("claude-sonnet-4-5").sends(Shape::ChatCompletions, body);
    assert_eq!(
        sent,
        json!({"model": "claude-sonnet-4-5", "max_tokens": 8192, "messages": [{"role": "user", "content": "q"}]})
    );
    let body = r#"{"model":"x","input":"q","tools":[],"stream":null,"text":null,"reasoning":null,"include":null,"previous_response_id":null,
        "conversation":null,"prompt":null,"metadata":null,"background":false,"truncation":"disabled","store":false}"#;
    let sent: Value = anthropic("claude-sonnet-4-5").sends(Shape::Responses, body);
    assert_eq!(sent["messages"], json!([{"role": "user", "content": "q"}]));
    let item = r#"{"model":"x","input":[{"id":"msg_1"}]}"#;
    assert_eq!(anthropic("claude-sonnet-4-5").refuses(Shape::Responses, item), "input[0].id");
}
