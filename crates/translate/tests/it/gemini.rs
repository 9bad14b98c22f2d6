//! Requests and answers of Gemini's format.

use promptgate_providers::{ProviderKind, Shape};
use promptgate_translate::{Block, Stop, gemini};
use serde_json::json;

use crate::support::Provider;

fn google(model: &'static str) -> Provider {
    Provider::new(Shape::GenerateContent, ProviderKind::Google, model)
}

#[test]
fn a_conversation_of_messages_becomes_contents() {
    let (sent, dropped) = google("gemini-2.5-flash")
        .translate(
            Shape::Messages,
            r#"{"model":"x","max_tokens":100,"system":"be brief","stop_sequences":["END"],"top_k":3,"temperature":0.5,
                "thinking":{"type":"enabled","budget_tokens":2048},"messages":[
                {"role":"user","content":[{"type":"text","text":"what?","cache_control":{"type":"ephemeral"}},
                    {"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]},
                {"role":"assistant","content":[{"type":"text","text":"let me see"},
                    {"type":"tool_use","id":"toolu_1","name":"f","input":{"b": 1.0}},
                    {"type":"tool_use","id":"toolu_2","name":"g","input":{}}]},
                {"role":"user","content":[{"type":"text","text":"here"},
                    {"type":"tool_result","tool_use_id":"toolu_1","content":"one"},
                    {"type":"tool_result","tool_use_id":"toolu_2","is_error":true,"content":[{"type":"text","text":"two"},
                        {"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"BBBB"}}]}]}],
                "tools":[{"name":"f","description":"d","input_schema":{"type":"object"}},{"name":"g","input_schema":{"type":"object"}}],
                "tool_choice":{"type":"tool","name":"f"}}"#,
        )
        .unwrap();
    let expected = json!({
        "systemInstruction": {"parts": [{"text": "be brief"}]},
        "contents": [
            {"role": "user", "parts": [{"text": "what?"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]},
            {"role": "model", "parts": [{"text": "let me see"},
                {"functionCall": {"id": "toolu_1", "name": "f", "args": {"b": 1.0}}},
                {"functionCall": {"id": "toolu_2", "name": "g", "args": {}}}]},
            {"role": "user", "parts": [
                {"functionResponse": {"id": "toolu_1", "name": "f", "response": {"output": "one"}}},
                {"functionResponse": {"id": "toolu_2", "name": "g", "response": {"error": "two"}}},
                {"text": "here"}, {"inlineData": {"mimeType": "image/jpeg", "data": "BBBB"}}]}],
        "tools": [{"functionDeclarations": [
            {"name": "f", "description": "d", "parametersJsonSchema": {"type": "object"}},
            {"name": "g", "parametersJsonSchema": {"type": "object"}}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        "generationConfig": {"temperature": 0.5, "topK": 3, "maxOutputTokens": 100, "stopSequences": ["END"],
            "thinkingConfig": {"thinkingBudget": 2048, "includeThoughts": true}},
    });
    assert_eq!(sent, expected);
    assert_eq!(dropped, ["cache_control"]);
}

#[test]
fn structured_output_is_native() {
    let body = r#"{"model":"x","messages":[{"role":"user","content":"q"}],"response_format":{"type":"json_schema",
        "json_schema":{"name":"n","schema":{"type":"object"}}}}"#;
    let sent = google("gemini-2.5-pro").sends(Shape::ChatCompletions, body);
    assert_eq!(
        sent["generationConfig"],
        json!({"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}})
    );
}

#[test]
fn thinking_is_asked_for_as_the_model_has_it() {
    let config = |model, effort: &str| {
        let body = format!(
            r#"{{"model":"x","reasoning_effort":"{effort}","messages":[{{"role":"user","content":"q"}}]}}"#
        );
        let (sent, dropped) = google(model).translate(Shape::ChatCompletions, &body).unwrap();
        (sent["generationConfig"]["thinkingConfig"].clone(), dropped)
    };
    let none: Vec<String> = Vec::new();
    let reported = vec!["reasoning".to_owned()];
    let budget = json!({"thinkingBudget": 4096, "includeThoughts": true});
    assert_eq!(config("gemini-2.5-pro", "low"), (budget, none.clone()));
    assert_eq!(config("gemini-2.5-flash", "none"), (json!({"thinkingBudget": 0}), none.clone()));
    assert_eq!(config("gemini-2.5-pro", "none"), (json!(null), reported.clone()));
    let level = json!({"thinkingLevel": "high", "includeThoughts": true});
    assert_eq!(config("gemini-3-pro-preview", "medium"), (level, none));
    assert_eq!(config("gemini-2.0-flash", "low"), (json!(null), reported));
}

#[test]
fn a_signed_call_comes_back_as_it_was() {
    let answer =
        br#"{"responseId":"r1","modelVersion":"gemini-3","candidates":[{"content":{"role":"model","parts":[
        {"text":"hm","thought":true},{"functionCall":{"name":"f","args":{"a":1}},"thoughtSignature":"c2ln"},
        {"functionCall":{"name":"f","args":{"a":2}}}]},"finishReason":"STOP"}]}"#;
    for client in [Shape::ChatCompletions, Shape::Messages, Shape::Responses] {
        let answer = gemini::read_answer(answer).unwrap();
        assert_eq!(answer.stop, Stop::ToolUse);
        let shown = promptgate_translate::write_answer(client, &answer, &crate::support::context());
        let again = history(client, &shown);
        let (sent, _) = google("gemini-3-pro-preview").translate(client, &again).unwrap();
        let calls = &sent["contents"][1]["parts"];
        let calls: Vec<_> =
            calls.as_array().unwrap().iter().filter(|part| part.get("functionCall").is_some()).collect();
        assert_eq!(calls[0]["thoughtSignature"], "c2ln", "{client}: {sent}");
        assert_eq!(calls[1].get("thoughtSignature"), None, "{client}");
        assert_eq!(calls[0]["functionCall"]["id"], "call_r1_0", "{client}");
        assert_eq!(calls[1]["functionCall"]["id"], "call_r1_1", "{client}");
    }
}

/// The next request of a client that keeps what it got and answers its calls.
fn history(client: Shape, shown: &[u8]) -> String {
    let shown: serde_json::Value = serde_json::from_slice(shown).expect("an answer is JSON");
    let body = match client {
        Shape::ChatCompletions => {
            let message = &shown["choices"][0]["message"];
            let mut messages = vec![json!({"role": "user", "content": "q"}), message.clone()];
            for call in message["tool_calls"].as_array().expect("an array") {
                messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": "r"}));
            }
            json!({"model": "x", "messages": messages})
        }
        Shape::Messages => {
            let results: Vec<_> = shown["content"]
                .as_array()
                .expect("an array")
                .iter()
                .filter(|block| block["type"] == "tool_use")
                .map(|block| json!({"type": "tool_result", "tool_use_id": block["id"], "content": "r"}))
                .collect();
            json!({"model": "x", "max_tokens": 9, "messages": [{"role": "user", "content": "q"},
                {"role": "assistant", "content": shown["content"]}, {"role": "user", "content": results}]})
        }
        _ => {
            let mut input = vec![json!({"role": "user", "content": "q"})];
            let output = shown["output"].as_array().expect("an array");
            input.extend(output.iter().cloned());
            for item in output.iter().filter(|item| item["type"] == "function_call") {
                input
                    .push(json!({"type": "function_call_output", "call_id": item["call_id"], "output": "r"}));
            }
            json!({"model": "x", "input": input})
        }
    };
    body.to_string()
}

#[test]
fn a_call_that_another_model_made_is_marked_where_that_is_needed() {
    let body = r#"{"model":"x","max_tokens":9,"messages":[{"role":"user","content":"q"},
        {"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f","input":{}},{"type":"tool_use","id":"t2","name":"f","input":{}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"r"},{"type":"tool_result","tool_use_id":"t2"}]}]}"#;
    let sent = google("gemini-3-pro-preview").sends(Shape::Messages, body);
    let parts = &sent["contents"][1]["parts"];
    assert_eq!(parts[0]["thoughtSignature"], "skip_thought_signature_validator");
    assert_eq!(parts[1].get("thoughtSignature"), None);
    let sent = google("gemini-2.5-pro").sends(Shape::Messages, body);
    assert_eq!(sent["contents"][1]["parts"][0].get("thoughtSignature"), None);
}

#[test]
fn reasons_to_stop_are_mapped() {
    for (reason, stop) in [
        ("STOP", Stop::End),
        ("MAX_TOKENS", Stop::MaxTokens),
        ("SAFETY", Stop::ContentFilter),
        ("RECITATION", Stop::ContentFilter),
        ("PROHIBITED_CONTENT", Stop::ContentFilter),
        ("MALFORMED_FUNCTION_CALL", Stop::Error),
        ("OTHER", Stop::Error),
    ] {
        let body = format!(
            r#"{{"candidates":[{{"content":{{"parts":[{{"text":"x"}}]}},"finishReason":"{reason}"}}]}}"#
        );
        assert_eq!(gemini::read_answer(body.as_bytes()).unwrap().stop, stop);
    }
    let blocked = br#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":4}}"#;
    let blocked = gemini::read_answer(blocked).unwrap();
    assert_eq!((blocked.stop, blocked.blocks.len()), (Stop::ContentFilter, 0));
    assert!(gemini::read_answer(b"{}").is_err());
}

#[test]
fn a_signature_without_a_call_stays_with_its_thought() {
    let answer = br#"{"candidates":[{"content":{"parts":[{"text":"hm","thought":true},
        {"text":"hi","thoughtSignature":"c2ln"}]},"finishReason":"STOP"}]}"#;
    let answer = gemini::read_answer(answer).unwrap();
    let expected = [
        Block::Thinking { text: "hm".to_owned(), signature: Some("gemini:c2ln".to_owned()) },
        Block::Text { text: "hi".to_owned(), cache: None },
    ];
    assert_eq!(answer.blocks, expected);
}

#[test]
fn errors_are_read() {
    let said = br#"{"error":{"code":400,"message":"API key not valid","status":"INVALID_ARGUMENT",
        "details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}"#;
    let error = gemini::read_error(said).unwrap();
    assert_eq!(
        (error.kind.as_deref(), error.code.as_deref()),
        (Some("INVALID_ARGUMENT"), Some("API_KEY_INVALID"))
    );
    assert!(gemini::read_error(br#"[{"error":{"message":"no"}}]"#).is_some());
    assert_eq!(gemini::read_error(b"{}"), None);
}

#[test]
fn what_has_no_word_is_refused_by_name() {
    let url = r#"{"model":"x","messages":[{"role":"user","content":[
        {"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}]}"#;
    assert_eq!(google("gemini-2.5-pro").refuses(Shape::ChatCompletions, url), "image");
    let orphan = r#"{"model":"x","messages":[{"role":"user","content":"q"},{"role":"tool","tool_call_id":"c","content":"r"}]}"#;
    assert_eq!(google("gemini-2.5-pro").refuses(Shape::ChatCompletions, orphan), "messages");
}
