//! Items 11, 12 and 13: what callers get.

use http::Method;
use promptgate_testkit::upstream::Reply;
use promptgate_testkit::vendor::{CALLS, STRUCTURED};
use serde_json::{Value, json};

use super::House;

const WORD: &str = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Once\"},\"finish_reason\":null}]}\n\n";

fn tools() -> Value {
    let tool = |name: &str| {
        let parameters = json!({"type": "object", "properties": {}});
        json!({"type": "function", "function": {"name": name, "description": "d", "parameters": parameters}})
    };
    json!([tool(CALLS[0].1), tool(CALLS[1].1)])
}

#[tokio::test]
async fn the_answer_is_flat_and_its_request_id_is_the_records() {
    let house = House::new().await;
    house.endpoint("e", json!({"prompt": "Be brief.", "userPromptTemplate": "Say: {{input}}"})).await;
    let answer = house.say("e", "hi").await;
    let told = answer.expect(200).unwrap();
    assert_eq!(told["content"], "Hello from chat_completions (Be brief.): Say: hi");
    assert_eq!(
        (&told["ok"], &told["finish_reason"], &told["tool_calls"]),
        (&json!(true), &json!("stop"), &Value::Null)
    );
    assert!(told["id"].is_string() && told["model"].is_string(), "{told}");
    let usage = &told["usage"];
    let total = usage["prompt_tokens"].as_u64().unwrap() + usage["completion_tokens"].as_u64().unwrap();
    assert_eq!(usage["total_tokens"], total);
    let record = house.record_of(&answer).await;
    assert_eq!(told["meta"], json!({"request_id": record["requestId"]}));
    assert_eq!((&record["endpointSlug"], &record["provider"]), (&json!("e"), &json!("corp")));
    let dispatched = house.call("chat/completions", json!({"endpoint": "e", "message": "hi"})).await;
    assert_eq!(dispatched.expect(200).unwrap()["content"], told["content"]);
}

#[tokio::test]
async fn item_11_an_answer_must_fit_its_schema_unless_it_calls_tools() {
    let house = House::new().await;
    let schema =
        json!({"type": "object", "required": ["name", "age"], "properties": {"age": {"type": "integer"}}});
    house.endpoint("person", json!({"outputSchema": schema})).await;
    let answer = house.say("person", "who").await;
    let told = answer.expect(502).unwrap();
    assert!(told["error"].as_str().unwrap().contains("not JSON"), "{told}");
    let record = house.record_of(&answer).await;
    assert_eq!((&record["status"], &record["errorCode"]), (&json!(502), &json!("output_invalid")));
    let answer = |content: &str| {
        Reply::json(&json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}]}))
    };
    house.upstream.enqueue(answer(r#"{"name":"Ada","age":"old"}"#));
    house.say("person", "who").await.expect(502).unwrap();
    house.upstream.enqueue(answer(STRUCTURED));
    assert_eq!(house.say("person", "who").await.expect(200).unwrap()["content"], STRUCTURED);
    let told = house.call("person", json!({"message": "who", "tools": tools()})).await.expect(200).unwrap();
    assert_eq!(told["finish_reason"], "tool_calls");

    let both = json!({"name": "both", "providerId": house.corp, "providerModel": "m", "outputSchema": schema,
        "streamingEnabled": true});
    let refused = house.admin(Method::POST, &house.endpoints(), &both).await;
    refused.expect(400).unwrap();
    assert!(refused.text().contains("streamingEnabled"), "{}", refused.text());
}

#[tokio::test]
async fn item_12_streams_have_one_shape_whoever_answers() {
    let house = House::new().await;
    house.endpoint("corp", json!({"streamingEnabled": true})).await;
    let claude = json!({"streamingEnabled": true, "providerId": house.claude, "providerModel": "claude-x"});
    house.endpoint("claude", claude).await;
    house.endpoint("off", json!({})).await;
    let body = json!({"message": "hi", "stream": true});
    for slug in ["corp", "claude"] {
        let stream =
            house.project.client.stream(&house.project.url(&format!("/{slug}")), &body).await.unwrap();
        let answer = stream.whole().await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("content-type"), Some("text/event-stream"));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        assert_eq!(answer.header("x-accel-buffering"), Some("no"));
        let text = answer.text();
        let (chunks, rest) = text.split_once("data: [DONE]\n\n").unwrap();
        assert_eq!(rest, "", "it ends there");
        let mut said = String::new();
        for event in chunks.split_terminator("\n\n").filter(|event| !event.starts_with(':')) {
            let chunk: Value = serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap();
            assert_eq!(chunk["choices"][0]["index"], 0, "{event}");
            said += chunk["choices"][0]["delta"]["content"].as_str().unwrap_or_else(|| panic!("{event}"));
        }
        let format = if slug == "corp" { "chat_completions" } else { "messages" };
        assert_eq!(said, format!("Hello from {format}: hi"));
    }
    let whole = house.call("off", body.clone()).await;
    assert_eq!(whole.header("content-type"), Some("application/json"));
    assert_eq!(whole.expect(200).unwrap()["content"], "Hello from chat_completions: hi");
    let whole = house.call("corp", json!({"message": "hi"})).await;
    assert_eq!(whole.header("content-type"), Some("application/json"));

    house.upstream.enqueue(Reply::sse([WORD]).drop_connection());
    let stream = house.project.client.stream(&house.project.url("/corp"), &body).await.unwrap();
    let text = stream.whole().await.unwrap().text();
    assert_eq!((text.matches("Once").count(), text.matches("event: error").count()), (1, 1), "{text}");
    assert!(text.ends_with("\n\ndata: [DONE]\n\n"), "{text}");
    // What goes wrong before the first word is ordinary JSON.
    house.upstream.enqueue(Reply::status(401).with_json(&json!({"error": {"message": "who"}})));
    let refused = house.call("corp", body).await;
    assert_eq!(refused.header("content-type"), Some("application/json"));
    refused.expect(502).unwrap();
}

#[tokio::test]
async fn item_13_arguments_are_parsed_and_tools_translated_both_ways() {
    let house = House::new().await;
    house.endpoint("corp", json!({})).await;
    let claude = json!({"providerId": house.claude, "providerModel": "claude-x"});
    house.endpoint("claude", claude).await;
    let calls: Vec<Value> = CALLS
        .into_iter()
        .map(|(id, name, arguments)| {
            let arguments: Value = serde_json::from_str(arguments).unwrap();
            json!({"id": id, "name": name, "arguments": arguments})
        })
        .collect();
    for slug in ["corp", "claude"] {
        let body = json!({"message": "weather", "tools": tools(), "tool_choice": "required"});
        let told = house.call(slug, body).await.expect(200).unwrap();
        assert_eq!((&told["content"], &told["finish_reason"]), (&json!(""), &json!("tool_calls")), "{slug}");
        let ids: Vec<_> =
            told["tool_calls"].as_array().unwrap().iter().map(|call| call["id"].clone()).collect();
        let told_calls = told["tool_calls"].as_array().unwrap();
        for (told, expected) in told_calls.iter().zip(&calls) {
            assert_eq!(
                (&told["name"], &told["arguments"]),
                (&expected["name"], &expected["arguments"]),
                "{slug}"
            );
        }
        let sent = house.upstream.last_request().unwrap().json();
        if slug == "claude" {
            assert_eq!(sent["tools"][0]["name"], CALLS[0].1);
            assert!(sent["tools"][0]["input_schema"].is_object(), "{sent}");
            assert_eq!(sent["tool_choice"]["type"], "any");
        } else {
            assert_eq!(sent["tools"], tools());
            assert_eq!(sent["tool_choice"], "required");
        }
        let call = |at: usize| json!({"id": ids[at], "type": "function", "function": {"name": CALLS[at].1, "arguments": CALLS[at].2}});
        let result =
            |at: usize, text: &str| json!({"role": "tool", "tool_call_id": ids[at], "content": text});
        let messages = json!([{"role": "user", "content": "weather"},
            {"role": "assistant", "content": null, "tool_calls": [call(0), call(1)]},
            result(0, "sunny"), result(1, "noon")]);
        let told =
            house.call(slug, json!({"messages": messages, "tools": tools()})).await.expect(200).unwrap();
        assert_eq!(
            (&told["content"], &told["tool_calls"]),
            (&json!("Results: sunny, noon"), &Value::Null),
            "{slug}"
        );
        let named = json!({"type": "function", "function": {"name": CALLS[1].1}});
        let body = json!({"message": "time", "tools": tools(), "tool_choice": named});
        let told = house.call(slug, body).await.expect(200).unwrap();
        assert_eq!(told["tool_calls"].as_array().unwrap().len(), 1);
        assert_eq!(told["tool_calls"][0]["name"], CALLS[1].1);
        let body = json!({"message": "none", "tools": tools(), "tool_choice": "none"});
        assert_eq!(house.call(slug, body).await.expect(200).unwrap()["tool_calls"], Value::Null);
    }
}
