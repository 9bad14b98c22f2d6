//! Row 14: the responses API, whose answers are kept where they were made.

use std::collections::BTreeSet;

use http::Method;
use promptgate_e2e::{Client, Response};
use promptgate_testkit::upstream::{Reply, SeenRequest};
use promptgate_testkit::vendor::{self, THOUGHT};
use serde_json::{Value, json};

use crate::stage::{Stage, and, events, response};

const KEPT: &str = "/v1/responses/resp_vendor";

/// The fake vendor, which also keeps its response.
fn keeper(request: &SeenRequest) -> Reply {
    let path = request.path.split('?').next().unwrap();
    let stored = json!({"id": "resp_vendor", "object": "response", "status": "completed", "output": [],
        "previous_response_id": null, "model": "gpt-4o"});
    match (request.method.as_str(), path) {
        ("GET", KEPT) => Reply::json(&stored),
        ("DELETE", KEPT) => Reply::json(&json!({"id": "resp_vendor", "object": "response", "deleted": true})),
        ("POST", "/v1/responses/resp_vendor/cancel") => {
            Reply::json(&and(stored, &json!({"status": "cancelled"})))
        }
        ("GET", "/v1/responses/resp_vendor/input_items") => Reply::json(
            &json!({"object": "list", "data": [{"id": "msg_1", "type": "message"}], "has_more": false}),
        ),
        ("POST", "/v1/responses") => vendor::answer(request),
        _ => Reply::status(404).with_json(&json!({"error": {"message": "unknown"}})),
    }
}

/// One provider with two credentials, of which either is as likely as the other.
async fn stage() -> Stage {
    let stage = Stage::with(&[]).await;
    stage.upstream.handle(keeper);
    let base = format!("{}/v1", stage.upstream.url());
    let id = stage.gateway.provider("main", "openai", &base).await.unwrap();
    let second = json!({"providerId": id, "name": "second", "secret": "second-key-of-main"});
    stage.gateway.admin(Method::POST, "/credentials", &second).await.unwrap().expect(201).unwrap();
    stage.gateway.caught_up().await.unwrap();
    stage
}

fn key(request: &SeenRequest) -> String {
    request.header("authorization").unwrap().to_owned()
}

fn id(answer: &Response) -> String {
    answer.expect(200).unwrap()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn row_14_a_stream_has_every_event_in_order_and_its_usage_is_charged() {
    let stage = stage().await;
    let body = and(response("gpt-4o", "[think] Hello"), &json!({"stream": true}));
    let direct = Client::new().bearer("a-key-of-the-vendor");
    let direct = direct.post(&format!("{}/v1/responses", stage.upstream.url()), &body).await.unwrap();
    let through = stage.post("/v1/responses", &and(body, &json!({"model": "main:gpt-4o"}))).await;
    assert_eq!(through.status, 200, "{}", through.text());

    // The ids lead back through the gateway; everything else is the provider's.
    let through_events = events(&through.text());
    let own = through_events[0]["response"]["id"].as_str().unwrap().to_owned();
    assert_ne!(own, "resp_vendor");
    let marked = through_events
        .iter()
        .filter_map(|event| event["item"]["encrypted_content"].as_str())
        .find(|text| text.starts_with(THOUGHT.1))
        .unwrap()
        .to_owned();
    let plain = through.text().replace(&own, "resp_vendor").replace(&marked, THOUGHT.1);
    assert_eq!(plain, direct.text());
    let names: Vec<_> = through_events.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(names.first(), Some(&"response.created"));
    assert_eq!(names.last(), Some(&"response.completed"));

    let call = stage.recorded(1).await;
    let tokens = &call["tokens"];
    assert_eq!(
        (&tokens["input"], &tokens["cacheRead"], &tokens["output"]),
        (&json!(11), &json!(3), &json!(7))
    );
    assert_eq!(call["estimated"], false, "{call}");
    assert!(call["costUsd"].as_f64().unwrap() > 0.0, "{call}");
}

#[tokio::test]
async fn row_14_what_is_kept_is_reached_with_the_credential_that_made_it() {
    let stage = stage().await;
    let mut keys = BTreeSet::new();
    let client = &stage.project.client;
    let mut rounds = 0;
    while keys.len() < 2 || rounds < 6 {
        rounds += 1;
        assert!(rounds < 100, "one credential makes everything");
        let first = stage.post("/v1/responses", &response("main:gpt-4o", "Hello")).await;
        let kept = id(&first);
        let made_with = key(&stage.upstream.last_request().unwrap());
        let again = |stream: bool| {
            and(response("main:gpt-4o", "And?"), &json!({"previous_response_id": kept, "stream": stream}))
        };
        for stream in [false, true] {
            let answer = stage.post("/v1/responses", &again(stream)).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let seen = stage.upstream.last_request().unwrap();
            assert_eq!(key(&seen), made_with);
            assert_eq!(seen.json()["previous_response_id"], "resp_vendor", "the provider's own id");
        }
        let url = |rest: &str| stage.project.url(&format!("/v1/responses/{kept}{rest}"));
        for (method, rest, path, member, value) in [
            (Method::GET, "", KEPT, "status", json!("completed")),
            (
                Method::GET,
                "/input_items?limit=3&order=asc",
                "/v1/responses/resp_vendor/input_items?limit=3&order=asc",
                "object",
                json!("list"),
            ),
            (Method::POST, "/cancel", "/v1/responses/resp_vendor/cancel", "status", json!("cancelled")),
            (Method::DELETE, "", KEPT, "deleted", json!(true)),
        ] {
            let answer = client.send(method.clone(), &url(rest), "").await.unwrap();
            let body = answer.expect(200).unwrap_or_else(|error| panic!("{method} {rest}: {error}"));
            assert_eq!(body[member], value, "{method} {rest}: {body}");
            assert!(!body.to_string().contains("resp_vendor"), "{method} {rest}: {body}");
            assert!(!rest.is_empty() || body["id"] == kept.as_str(), "the same id again: {body}");
            let seen = stage.upstream.last_request().unwrap();
            assert_eq!((&seen.method, seen.path.as_str(), key(&seen)), (&method, path, made_with.clone()));
        }
        keys.insert(made_with);
    }
}

#[tokio::test]
async fn row_14_nobody_else_reaches_what_is_kept() {
    let stage = stage().await;
    let kept = id(&stage.post("/v1/responses", &response("main:gpt-4o", "Hello")).await);
    let neighbour = stage.another_token(&json!({"name": "Neighbour"})).await;
    let elsewhere = stage.gateway.project().await.unwrap();
    let asked = stage.upstream.counts().requests;
    let places = [(neighbour, stage.project.base.clone()), (elsewhere.client, elsewhere.base)];
    for (client, base) in &places {
        for (method, rest) in [
            (Method::GET, ""),
            (Method::DELETE, ""),
            (Method::POST, "/cancel"),
            (Method::GET, "/input_items"),
        ] {
            let url = format!("{base}/v1/responses/{kept}{rest}");
            let answer = client.send(method.clone(), &url, "").await.unwrap().expect(404).unwrap();
            assert_eq!(answer["error"]["code"], "response_not_found", "{method} {rest}: {answer}");
        }
        let body = and(response("main:gpt-4o", "And?"), &json!({"previous_response_id": kept}));
        let answer = client.post(&format!("{base}/v1/responses"), &body).await.unwrap().expect(404).unwrap();
        assert_eq!(answer["error"]["code"], "response_not_found", "{answer}");
    }
    // Nor does a provider's own id lead anywhere, nor one that was tampered with.
    let mut bent = kept.clone();
    bent.pop();
    for id in ["resp_vendor", &bent, "resp_pg1", "resp_%2e%2e"] {
        let answer = stage.get(&format!("/v1/responses/{id}")).await;
        answer.expect(404).unwrap();
    }
    assert_eq!(stage.upstream.counts().requests, asked);
}

#[tokio::test]
async fn row_14_what_is_kept_with_a_credential_that_is_gone_is_gone() {
    let stage = stage().await;
    let kept = id(&stage.post("/v1/responses", &response("main:gpt-4o", "Hello")).await);
    let path = format!("/v1/responses/{kept}");
    // The provider's own surface leads to it, too, and another provider's does not.
    let base = format!("{}/v1", stage.upstream.url());
    stage.gateway.provider("other", "openai", &base).await.unwrap();
    stage.gateway.caught_up().await.unwrap();
    let native = |provider: &str| format!("{}/{provider}{path}", stage.gateway.proxy);
    stage.project.client.get(&native("main")).await.unwrap().expect(200).unwrap();
    stage.project.client.get(&native("other")).await.unwrap().expect(404).unwrap();
    let other = and(response("other:gpt-4o", "And?"), &json!({"previous_response_id": kept}));
    let answer = stage.post("/v1/responses", &other).await.expect(400).unwrap();
    assert_eq!(answer["error"]["code"], "response_pinned", "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains("`main`"), "{answer}");

    let listed = stage.gateway.admin(Method::GET, "/credentials?pageSize=100", &Value::Null).await.unwrap();
    let listed = listed.expect(200).unwrap();
    for item in listed["items"].as_array().unwrap() {
        let path = format!("/credentials/{}", item["id"].as_str().unwrap());
        let off = json!({"isActive": false});
        stage.gateway.admin(Method::PATCH, &path, &off).await.unwrap().expect(200).unwrap();
    }
    let third =
        json!({"providerId": listed["items"][0]["providerId"], "name": "third", "secret": "third-key"});
    stage.gateway.admin(Method::POST, "/credentials", &third).await.unwrap().expect(201).unwrap();
    stage.gateway.caught_up().await.unwrap();
    let asked = stage.upstream.counts().requests;
    let again = and(response("main:gpt-4o", "And?"), &json!({"previous_response_id": kept}));
    for answer in [stage.get(&path).await, stage.post("/v1/responses", &again).await] {
        let body = answer.expect(410).unwrap();
        assert_eq!(body["error"]["code"], "response_pin_gone", "{body}");
    }
    assert_eq!(stage.upstream.counts().requests, asked, "nobody else is asked instead");
}

#[tokio::test]
async fn row_14_encrypted_reasoning_goes_back_to_where_it_can_be_read() {
    let stage = stage().await;
    let alone = json!({"store": false, "include": ["reasoning.encrypted_content"]});
    let mut keys = BTreeSet::new();
    let mut rounds = 0;
    while keys.len() < 2 || rounds < 6 {
        rounds += 1;
        assert!(rounds < 100, "one credential makes everything");
        let first = stage.post("/v1/responses", &and(response("main:gpt-4o", "[think] Hello"), &alone)).await;
        let mut output = first.expect(200).unwrap()["output"].as_array().unwrap().clone();
        let made_with = key(&stage.upstream.last_request().unwrap());
        let sealed = output[0]["encrypted_content"].as_str().unwrap();
        assert!(sealed.starts_with(THOUGHT.1), "{sealed}");
        output.insert(0, json!({"role": "user", "content": "[think] Hello"}));
        output.push(json!({"role": "user", "content": "And?"}));
        let second = and(json!({"model": "main:gpt-4o", "input": output}), &alone);
        stage.post("/v1/responses", &second).await.expect(200).unwrap();
        let seen = stage.upstream.last_request().unwrap();
        assert_eq!(seen.json()["input"][1]["encrypted_content"], THOUGHT.1, "as the provider made it");
        assert_eq!(key(&seen), made_with);
        keys.insert(made_with);
    }
}

#[tokio::test]
async fn row_14_whoever_answers_the_events_are_those_of_the_protocol() {
    let stage = Stage::with_every_format().await;
    for format in ["chat-completions", "messages", "generate-content", "cohere-chat"] {
        let model = format!("{format}:m-1");
        let body = and(response(&model, "Hello"), &json!({"stream": true}));
        let answer = stage.post("/v1/responses", &body).await;
        let told = events(&answer.text());
        let names: Vec<_> = told.iter().filter_map(|event| event["type"].as_str()).collect();
        let deltas = names.iter().filter(|name| **name == "response.output_text.delta").count();
        let mut expected = vec![
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
        ];
        expected.extend(std::iter::repeat_n("response.output_text.delta", deltas));
        expected.extend([
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]);
        assert_eq!(names, expected, "{format}: {}", answer.text());
        for (number, event) in told.iter().enumerate() {
            assert_eq!(event["sequence_number"], number, "{format}: {event}");
        }
        let done = &told.last().unwrap()["response"];
        assert_eq!(done["status"], "completed", "{format}: {done}");
        assert_eq!(done["usage"]["total_tokens"], 21, "{format}: {done}");
        let text: String = told.iter().filter_map(|event| event["delta"].as_str()).collect();
        assert_eq!(text, format!("Hello from {}: Hello", format.replace('-', "_")));
        assert_eq!(done["output"][0]["content"][0]["text"], text.as_str(), "{format}: {done}");
    }
}

#[tokio::test]
async fn row_14_nobody_who_keeps_nothing_is_asked_to_go_on() {
    let stage = Stage::with_every_format().await;
    let asked = stage.upstream.counts().requests;
    let own = json!({"previous_response_id": "resp_of_somebody"});
    for format in ["responses", "chat-completions", "messages"] {
        let body = and(response(&format!("{format}:m-1"), "And?"), &own);
        stage.post("/v1/responses", &body).await.expect(404).unwrap();
    }
    let answered = stage.post("/v1/responses", &response("messages:m-1", "Hello")).await;
    let id = id(&answered);
    let answer: Value = stage.get(&format!("/v1/responses/{id}")).await.expect(404).unwrap();
    assert!(answer["error"]["message"].is_string(), "{answer}");
    assert_eq!(stage.upstream.counts().requests, asked + 1);
}
