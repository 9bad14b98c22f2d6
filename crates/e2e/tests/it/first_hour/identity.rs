//! Rows 8 and 9: request ids, and which models there are.

use std::time::Duration;

use http::Method;
use promptgate_e2e::eventually;
use promptgate_testkit::upstream::{Reply, SeenRequest};
use promptgate_testkit::vendor;
use serde_json::{Value, json};

use crate::stage::{Stage, chat};

#[tokio::test]
async fn row_08_a_request_id_is_the_same_everywhere() {
    let stage = Stage::with(&[("up", "openai_compatible", "/v1"), ("claude", "anthropic", "")]).await;
    let with_id = |name: &'static str| {
        move |request: &SeenRequest| -> Reply { vendor::answer(request).header(name, "req-of-the-vendor") }
    };
    let mut calls = 0;
    for (model, theirs, own_id) in
        [("up:m", "x-request-id", "chatcmpl-vendor"), ("claude:m", "request-id", "msg_vendor")]
    {
        stage.upstream.handle(with_id(theirs));
        for given in [Some("mine-1.2/3"), None] {
            let headers: Vec<_> = given.iter().map(|id| ("x-request-id", *id)).collect();
            let answer = stage.post_with("/v1/chat/completions", &headers, &chat(model, "Hello")).await;
            answer.expect(200).unwrap();
            let told = answer.header("x-request-id").unwrap().to_owned();
            assert!(given.is_none_or(|given| given == told), "{told}");
            assert!(!told.is_empty());
            let seen = stage.upstream.last_request().unwrap();
            assert_eq!(seen.header("x-request-id"), Some(told.as_str()), "the provider sees the same");
            assert_eq!(
                answer.header("x-upstream-request-id"),
                Some("req-of-the-vendor"),
                "theirs is kept, too"
            );

            calls += 1;
            let call = stage.recorded(calls).await;
            assert_eq!(call["requestId"], told.as_str(), "{call}");
            assert_eq!(call["providerResponseId"], own_id, "{call}");
            let path = format!("/calls?requestId={}", told.replace('/', "%2F"));
            let found = stage.gateway.admin(Method::GET, &path, &Value::Null).await.unwrap();
            let found = found.expect(200).unwrap();
            assert!(
                found["items"].as_array().unwrap().iter().any(|item| item["id"] == call["id"]),
                "{found}"
            );
            eventually("its line in the log", Duration::from_secs(30), || async {
                stage.gateway.process().said().contains(&told).then_some(())
            })
            .await
            .unwrap();
        }
    }
}

#[tokio::test]
async fn row_08_a_trace_goes_on() {
    let stage = Stage::with(&[("up", "openai_compatible", "/v1")]).await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let headers = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
    stage.post_with("/v1/chat/completions", &headers, &chat("up:m", "Hello")).await.expect(200).unwrap();
    let seen = stage.upstream.last_request().unwrap();
    let passed = seen.header("traceparent").unwrap().to_owned();
    assert_eq!(passed.split('-').nth(1), Some(trace), "{passed}");
    assert_eq!(passed.split('-').count(), 4, "{passed}");
}

fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().filter_map(|row| row["id"].as_str()).collect()
}

#[tokio::test]
async fn row_09_models_are_those_that_the_project_may_use_in_both_shapes() {
    let stage = Stage::with(&[]).await;
    let gateway = &stage.gateway;
    let base = format!("{}/v1", stage.upstream.url());
    let two = json!({"models": ["m-1", "org/m-2"]});
    let open = gateway.provider_with("open", "openai_compatible", &base, &two).await.unwrap();
    let shut =
        gateway.provider_with("shut", "openai_compatible", &base, &json!({"models": ["m-3"]})).await.unwrap();
    let off = json!({"models": ["m-4"], "enabled": false});
    gateway.provider_with("off", "openai_compatible", &base, &off).await.unwrap();
    let project = &stage.project;
    let settings = format!("/projects/{}/provider-settings", project.id);
    let listed = gateway.admin(Method::GET, "/providers?pageSize=100", &Value::Null).await.unwrap();
    let listed = listed.expect(200).unwrap();
    let echo = listed["items"].as_array().unwrap().iter().find(|item| item["name"] == "echo").unwrap();
    for id in [shut.as_str(), echo["id"].as_str().unwrap()] {
        let not_here = json!({"enabled": false});
        gateway
            .admin(Method::PUT, &format!("{settings}/{id}"), &not_here)
            .await
            .unwrap()
            .expect(200)
            .unwrap();
    }
    let alias = json!({"name": "fast", "providerId": open, "model": "m-1", "description": "The quick one"});
    let aliases = format!("/projects/{}/aliases", project.id);
    gateway.admin(Method::POST, &aliases, &alias).await.unwrap().expect(201).unwrap();
    gateway.caught_up().await.unwrap();

    let openai = stage.get("/v1/models").await.expect(200).unwrap();
    let expected = ["promptgate:fast", "open:m-1", "open:org/m-2", "open:*"];
    assert_eq!(openai["object"], "list");
    assert_eq!(ids(&openai), expected);
    for row in openai["data"].as_array().unwrap() {
        assert_eq!(row["object"], "model", "{row}");
        assert!(row["created"].is_u64() && row["owned_by"].is_string(), "{row}");
    }

    let client = project.client.clone().header("anthropic-version", "2023-06-01");
    let anthropic = client.get(&project.url("/v1/models")).await.unwrap().expect(200).unwrap();
    assert_eq!(ids(&anthropic), expected, "the same list");
    for row in anthropic["data"].as_array().unwrap() {
        assert_eq!(row["type"], "model", "{row}");
        assert!(row["display_name"].is_string() && row["created_at"].is_string(), "{row}");
    }
    assert_eq!(
        (&anthropic["has_more"], &anthropic["first_id"], &anthropic["last_id"]),
        (&json!(false), &json!(expected[0]), &json!("open:*"))
    );

    for (id, status) in [
        ("fast", 200),
        ("promptgate:fast", 200),
        ("open:m-1", 200),
        ("open:org/m-2", 200),
        ("shut:m-3", 400),
        ("off:m-4", 503),
        ("nobody:m", 404),
    ] {
        let one = stage.get(&format!("/v1/models/{id}")).await;
        let body = one.expect(status).unwrap();
        assert!(status != 200 || body["object"] == "model", "{body}");
    }
    assert_eq!(stage.upstream.counts().requests, 0, "nobody is asked for it");
}
