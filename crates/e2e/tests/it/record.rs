//! What a call leaves behind: one row, and what was said beside it.

use std::time::Duration;

use http::Method;
use promptgate_e2e::{Client, Gateway, Installation, Project, eventually};
use promptgate_testkit::upstream::{Reply, ScriptedUpstream};
use serde_json::{Value, json};

const CALLS_TOOL: [&str; 4] = [
    "data: {\"id\":\"c1\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"let me look\"}}]}\n\n",
    "data: {\"id\":\"c1\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"t1\",\"type\":\"function\",\"function\":{\"name\":\"look\",\"arguments\":\"{\\\"at\\\":1}\"}}]}}]}\n\n",
    "data: {\"id\":\"c1\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":31,\"completion_tokens\":17,\"total_tokens\":48}}\n\ndata: [DONE]\n\n",
];

async fn start(installation: &Installation) -> (Gateway, Project, ScriptedUpstream) {
    let upstream = ScriptedUpstream::start().await.unwrap();
    let gateway = Gateway::run_all(installation).await.unwrap();
    gateway.provider("up", "openai_compatible", &format!("{}/v1", upstream.url())).await.unwrap();
    let project = gateway.project().await.unwrap();
    (gateway, project, upstream)
}

fn completion(text: &str) -> Value {
    json!({"id": "c2", "object": "chat.completion", "model": "m-1", "created": 1, "choices": [
        {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    ], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}})
}

/// The record of a call, once it is there.
async fn call(gateway: &Gateway, request_id: &str) -> Value {
    let path = format!("/calls?requestId={request_id}");
    let id = eventually("the record of a call", Duration::from_secs(30), || async {
        let page = gateway.admin(Method::GET, &path, &Value::Null).await.ok()?.expect(200).ok()?;
        Some(page["items"].get(0)?["id"].as_str()?.to_owned())
    });
    let id = id.await.unwrap();
    let found = gateway.admin(Method::GET, &format!("/calls/{id}"), &Value::Null).await.unwrap();
    found.expect(200).unwrap()
}

#[tokio::test]
async fn a_call_has_one_row_with_its_attempts_and_what_was_said() {
    let installation = Installation::embedded().unwrap();
    let (gateway, project, upstream) = start(&installation).await;
    upstream.enqueue(Reply::status(500).with_json(&json!({"error": {"message": "hiccup"}})));
    upstream.enqueue(Reply::sse(CALLS_TOOL).header("x-request-id", "req-of-up"));
    let client = project.client.clone().header("user-agent", "claude-cli/2.1.2 (external, cli)");
    let client = client.header("x-claude-code-session-id", "session-7").header("x-request-id", "mine-1");
    let body =
        json!({"model": "up:m-1", "stream": true, "messages": [{"role": "user", "content": "what is it?"}]});
    let answer =
        client.stream(&project.url("/v1/chat/completions"), &body).await.unwrap().whole().await.unwrap();
    assert_eq!(
        (answer.status.as_u16(), answer.header("x-promptgate-attempts")),
        (200, Some("2")),
        "{}",
        answer.text()
    );
    assert_eq!(answer.header("x-upstream-request-id"), Some("req-of-up"));
    let timing = answer.header("server-timing").unwrap();
    assert!(timing.contains("upstream;dur=") && timing.contains("gateway;dur="), "{timing}");
    assert_eq!(upstream.last_request().unwrap().header("x-request-id"), Some("mine-1"));

    let call = call(&gateway, "mine-1").await;
    assert_eq!((&call["outcome"], &call["tokens"]["total"]), (&json!("completed"), &json!(48)), "{call}");
    assert_eq!((&call["clientTool"], &call["clientSession"]), (&json!("claude_code"), &json!("session-7")));
    assert_eq!(call["providerResponseId"], "c1");
    assert!(call["upstreamMs"].as_f64().unwrap() > 0.0 && call["routingDecision"].is_string(), "{call}");
    let faults: Vec<_> =
        call["tried"].as_array().unwrap().iter().map(|tried| tried["fault"].clone()).collect();
    assert_eq!(faults, [json!("upstream_error"), Value::Null], "{call}");
    let content = &call["content"];
    assert_eq!(content["prompt"], "what is it?", "{call}");
    assert_eq!(content["request"], body.to_string());
    let response: Value = serde_json::from_str(content["response"].as_str().unwrap()).unwrap();
    assert_eq!(response["content"], "let me look");
    let tool = &content["toolCalls"][0];
    assert_eq!(
        (&tool["name"], &tool["arguments"], &tool["injected"]),
        (&json!("look"), &json!("{\"at\":1}"), &json!(false))
    );
    let rows = gateway.usage_now(&project).await.unwrap();
    assert_eq!(rows.iter().filter(|row| row["requestId"] == "mine-1").count(), 1, "{rows:?}");
    for row in rows {
        assert!(row.get("content").is_none() && !row.to_string().contains("what is it?"), "{row}");
    }
}

#[tokio::test]
async fn a_project_says_what_is_kept_of_its_calls() {
    let installation = Installation::embedded().unwrap().set("PROMPTGATE_RECORD_BODIES", "prompts");
    let (gateway, project, upstream) = start(&installation).await;
    upstream.otherwise(Reply::json(&completion("it is")));
    let content = async |number: usize| {
        let id = format!("call-{number}");
        let client = Client::new().bearer(&project.token).header("x-request-id", &id);
        let body = json!({"model": "up:m-1", "messages": [{"role": "user", "content": "what is it?"}]});
        client.post(&project.url("/v1/chat/completions"), &body).await.unwrap().expect(200).unwrap();
        call(&gateway, &id).await["content"].clone()
    };
    let prompts = content(0).await;
    assert_eq!((&prompts["prompt"], &prompts["request"]), (&json!("what is it?"), &Value::Null));
    let mut number = 0;
    for (kept, has_prompt, has_body) in [("none", false, false), ("full", true, true)] {
        let path = format!("/projects/{}", project.id);
        let changed = gateway.admin(Method::PATCH, &path, &json!({"recordBodies": kept})).await.unwrap();
        assert_eq!(changed.expect(200).unwrap()["recordBodies"], kept);
        // Every data plane hears of it within a second.
        let mut tries = 0;
        loop {
            number += 1;
            tries += 1;
            let content = content(number).await;
            if (content["prompt"].is_string(), content["response"].is_string()) == (has_prompt, has_body) {
                break;
            }
            assert!(tries < 200, "{kept}: {content}");
        }
    }
}

#[tokio::test]
async fn pages_of_calls_follow_each_other_whatever_arrives() {
    let installation = Installation::embedded().unwrap();
    let (gateway, project, upstream) = start(&installation).await;
    upstream.otherwise(Reply::json(&completion("it is")));
    for number in 0..5 {
        let client = project.client.clone().header("x-request-id", &format!("page-{number}"));
        let body = json!({"model": "up:m-1", "messages": []});
        client.post(&project.url("/v1/chat/completions"), &body).await.unwrap().expect(200).unwrap();
        call(&gateway, &format!("page-{number}")).await;
    }
    let mut path = format!("/calls?projectId={}&model=m-1&limit=2", project.id);
    let mut seen = Vec::new();
    loop {
        let page = gateway.admin(Method::GET, &path, &Value::Null).await.unwrap().expect(200).unwrap();
        for item in page["items"].as_array().unwrap() {
            assert!(item.get("content").is_none(), "{item}");
            seen.push(item["requestId"].as_str().unwrap().to_owned());
        }
        project.chat("up:m-1").await.unwrap().expect(200).unwrap();
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        path = format!("/calls?projectId={}&model=m-1&limit=2&cursor={cursor}", project.id);
    }
    assert_eq!(seen, ["page-4", "page-3", "page-2", "page-1", "page-0"]);
}

#[tokio::test]
async fn calls_are_found_by_each_of_their_marks() {
    let installation = Installation::embedded().unwrap();
    let (gateway, project, upstream) = start(&installation).await;
    upstream.otherwise(Reply::json(&completion("it is")));
    let body = json!({"name": "Other", "scopes": ["chat"]});
    let (other, other_id) = gateway.token(&project.id, &body).await.unwrap();
    let mut times = Vec::new();
    for (id, token, model, status) in [
        ("one", &project.token, "up:m-1", 200),
        ("two", &other, "up:m-2", 200),
        ("three", &project.token, "nobody:m-3", 404),
    ] {
        let client = Client::new().bearer(token).header("x-request-id", id);
        let body = json!({"model": model, "messages": []});
        client.post(&project.url("/v1/chat/completions"), &body).await.unwrap().expect(status).unwrap();
        times.push(call(&gateway, id).await["createdAt"].as_str().unwrap().to_owned());
    }
    let since = format!("from={}", times[1]);
    for (filter, expected) in [
        (format!("tokenId={other_id}"), &["two"][..]),
        ("model=m-1".to_owned(), &["one"]),
        ("provider=up".to_owned(), &["two", "one"]),
        ("status=404".to_owned(), &["three"]),
        ("outcome=refused".to_owned(), &["three"]),
        ("requestId=two".to_owned(), &["two"]),
        (since.clone(), &["three", "two"]),
        (format!("{since}&to={}", times[2]), &["two"]),
        ("status=200&provider=nobody".to_owned(), &[]),
    ] {
        let path = format!("/calls?projectId={}&{filter}", project.id);
        let page = gateway.admin(Method::GET, &path, &Value::Null).await.unwrap().expect(200).unwrap();
        let items = page["items"].as_array().unwrap();
        let found: Vec<_> = items.iter().map(|item| item["requestId"].as_str().unwrap()).collect();
        assert_eq!(found, expected, "{filter}");
    }
}
