//! Several credentials of one provider: which is used, and what happens when one is changed, refused or
//! switched off.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use promptgate_e2e::{Response, eventually};
use promptgate_testkit::upstream::{Reply, SeenRequest};
use promptgate_testkit::vendor;
use serde_json::{Value, json};

use crate::stage::{Stage, and, chat, messages};

/// A project and a provider `up` whose first credential has the secret `first`.
struct Keys {
    stage: Stage,
    provider: String,
}

impl Keys {
    async fn new() -> Self {
        let stage = Stage::with(&[]).await;
        let base = format!("{}/v1", stage.upstream.url());
        let more = json!({"apiKey": "first"});
        let provider = stage.gateway.provider_with("up", "openai_compatible", &base, &more).await.unwrap();
        stage.gateway.caught_up().await.unwrap();
        Self { stage, provider }
    }

    async fn admin(&self, method: Method, path: &str, body: Value) -> Value {
        let answer = self.stage.gateway.admin(method, path, &body).await.unwrap();
        assert!(answer.status.is_success(), "{path}: {} {}", answer.status, answer.text());
        let view = answer.json();
        self.stage.gateway.caught_up().await.unwrap();
        view
    }

    async fn add(&self, secret: &str, more: Value) -> String {
        let body = json!({"providerId": self.provider, "name": secret, "secret": secret});
        let view = self.admin(Method::POST, "/credentials", and(body, &more)).await;
        view["id"].as_str().unwrap().to_owned()
    }

    async fn first(&self) -> String {
        let listed =
            self.stage.gateway.admin(Method::GET, "/credentials?pageSize=100", &Value::Null).await.unwrap();
        let listed = listed.expect(200).unwrap();
        let items = listed["items"].as_array().unwrap();
        let own = items.iter().find(|item| item["providerId"] == self.provider.as_str()).unwrap();
        own["id"].as_str().unwrap().to_owned()
    }

    /// Only these secrets are accepted from now on.
    fn accept(&self, secrets: &'static [&'static str]) {
        self.stage.upstream.handle(move |request| {
            if secrets.contains(&secret(request).as_str()) {
                return vendor::answer(request);
            }
            let error = json!({"error": {"message": "Incorrect API key provided", "type": "invalid_request_error",
                "param": null, "code": "invalid_api_key"}});
            Reply::status(401).with_json(&error)
        });
    }

    async fn call(&self) -> Response {
        self.stage.post("/v1/chat/completions", &chat("up:m", "Hello")).await
    }

    /// Which secrets were seen since so many requests.
    fn seen_since(&self, before: usize) -> BTreeMap<String, usize> {
        let mut seen = BTreeMap::new();
        for request in &self.stage.upstream.requests()[before..] {
            *seen.entry(secret(request)).or_default() += 1;
        }
        seen
    }

    fn asked(&self) -> usize {
        self.stage.upstream.counts().requests
    }
}

fn secret(request: &SeenRequest) -> String {
    request.header("authorization").unwrap_or_default().trim_start_matches("Bearer ").to_owned()
}

#[tokio::test]
async fn the_old_secret_serves_while_the_new_one_is_refused_and_only_during_the_overlap() {
    let keys = Keys::new().await;
    let id = keys.first().await;
    let rotate = format!("/credentials/{id}/rotate");
    // The vendor does not know the new one yet.
    keys.accept(&["first"]);
    let view = keys.admin(Method::POST, &rotate, json!({"secret": "second", "overlapSeconds": 3600})).await;
    assert_eq!((&view["id"], view["previousUntil"].is_string()), (&json!(id), true), "{view}");
    for _ in 0..3 {
        let answer = keys.call().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert!(keys.seen_since(0).contains_key("second"), "the new one goes first: {:?}", keys.seen_since(0));
    // Now it knows the new one only.
    keys.accept(&["second"]);
    for _ in 0..3 {
        let answer = keys.call().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    // Without an overlap the old one is gone at once.
    let view = keys.admin(Method::POST, &rotate, json!({"secret": "third"})).await;
    assert_eq!(view["previousUntil"], Value::Null, "{view}");
    let before = keys.asked();
    let answer = keys.call().await;
    let body = answer.expect(502).unwrap();
    assert_eq!(body["error"]["code"], "upstream_auth_failed", "{body}");
    assert_eq!(keys.seen_since(before).keys().collect::<Vec<_>>(), ["third"]);
    for secret in ["first", "second", "third"] {
        assert!(!answer.text().contains(secret), "{}", answer.text());
    }
}

#[tokio::test]
async fn an_overlap_ends_at_its_time() {
    let keys = Keys::new().await;
    let rotate = format!("/credentials/{}/rotate", keys.first().await);
    keys.accept(&["first"]);
    keys.admin(Method::POST, &rotate, json!({"secret": "second", "overlapSeconds": 2})).await;
    // Nothing announces the end; it is there when the old secret is not sent any more.
    eventually("the end of the overlap", Duration::from_mins(1), || async {
        let before = keys.asked();
        let refused = keys.call().await.status == 502;
        (refused && !keys.seen_since(before).contains_key("first")).then_some(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn calls_are_shared_by_weight_and_an_inactive_credential_gets_none() {
    let keys = Keys::new().await;
    let heavy = keys.add("heavy", json!({"weight": 9})).await;
    keys.add("spare", json!({"isActive": false})).await;
    let before = keys.asked();
    for _ in 0..100 {
        assert_eq!(keys.call().await.status, 200);
    }
    let seen = keys.seen_since(before);
    assert!(seen["heavy"] > seen["first"], "nine of ten, about: {seen:?}");
    assert!(seen["first"] > 0 && !seen.contains_key("spare"), "{seen:?}");

    let path = format!("/credentials/{heavy}");
    keys.admin(Method::PATCH, &path, json!({"isActive": false})).await;
    let before = keys.asked();
    for _ in 0..5 {
        assert_eq!(keys.call().await.status, 200);
    }
    assert_eq!(keys.seen_since(before).keys().collect::<Vec<_>>(), ["first"]);

    let first = format!("/credentials/{}", keys.first().await);
    keys.admin(Method::PATCH, &first, json!({"isActive": false})).await;
    let before = keys.asked();
    let answer = keys.call().await.expect(503).unwrap();
    assert!(answer["error"]["message"].as_str().unwrap().contains("`up`"), "{answer}");
    assert_eq!(keys.asked(), before, "nobody is asked without a credential");
    keys.admin(Method::PATCH, &path, json!({"isActive": true})).await;
    assert_eq!(keys.call().await.status, 200, "switching back restores everything");
}

#[tokio::test]
async fn a_credential_that_is_refused_or_exhausted_is_replaced_by_another() {
    for (status, body) in [
        (401, json!({"error": {"message": "no", "code": "invalid_api_key"}})),
        (429, json!({"error": {"message": "slow down"}})),
        (500, json!({"error": {"message": "oops"}})),
    ] {
        let trouble = Reply::status(status).header("retry-after", "60").with_json(&body);
        let keys = Keys::new().await;
        keys.add("second", json!({})).await;
        keys.stage.upstream.handle(move |request| {
            if secret(request) == "first" { trouble.clone() } else { vendor::answer(request) }
        });
        for _ in 0..20 {
            let answer = keys.call().await;
            assert_eq!(answer.status, 200, "{status}: {}", answer.text());
        }
        let seen = keys.seen_since(0);
        assert_eq!(seen["second"], 20, "{status}: {seen:?}");
        assert!((1..=5).contains(&seen["first"]), "{status}: it is left in peace soon: {seen:?}");
    }
}

#[tokio::test]
async fn a_provider_that_is_switched_off_is_named_with_503_and_one_that_is_not_enabled_with_400() {
    let keys = Keys::new().await;
    let provider = format!("/providers/{}", keys.provider);
    let setting = format!("/projects/{}/provider-settings/{}", keys.stage.project.id, keys.provider);
    let before = keys.asked();
    keys.admin(Method::PATCH, &provider, json!({"enabled": false})).await;
    let native = |path: &str| format!("{}/up{path}", keys.stage.gateway.proxy);
    let body = chat("m", "Hello");
    for (status, code) in [(503, "provider_disabled"), (400, "provider_not_enabled")] {
        if status == 400 {
            keys.admin(Method::PATCH, &provider, json!({"enabled": true})).await;
            keys.admin(Method::PUT, &setting, json!({"enabled": false})).await;
        }
        let answers = [
            keys.call().await,
            keys.stage.post("/v1/messages", &messages("up:m", "Hello")).await,
            keys.stage.post("/v1/embeddings", &json!({"model": "up/m", "input": "x"})).await,
            keys.stage.project.client.post(&native("/v1/chat/completions"), &body).await.unwrap(),
        ];
        for answer in answers {
            let body = answer.expect(status).unwrap();
            assert!(body["error"]["message"].as_str().unwrap().contains("`up`"), "{body}");
            assert!(answer.text().contains(code), "{body}");
        }
        let listed = keys.stage.get("/v1/models").await;
        assert!(!listed.text().contains("\"up:"), "{}", listed.text());
    }
    assert_eq!(keys.asked(), before);

    // The setting is the project's own.
    let elsewhere = keys.stage.gateway.project().await.unwrap();
    assert_eq!(elsewhere.chat("up:m").await.unwrap().status, 200);
    keys.admin(Method::DELETE, &setting, Value::Null).await;
    assert_eq!(keys.call().await.status, 200);
}

#[tokio::test]
async fn a_projects_own_credential_is_the_only_one_that_it_uses() {
    let keys = Keys::new().await;
    let own = keys.add("own", json!({})).await;
    let setting = format!("/projects/{}/provider-settings/{}", keys.stage.project.id, keys.provider);
    keys.admin(Method::PUT, &setting, json!({"credentialId": own})).await;
    let before = keys.asked();
    for _ in 0..8 {
        assert_eq!(keys.call().await.status, 200);
    }
    assert_eq!(keys.seen_since(before).keys().collect::<Vec<_>>(), ["own"]);
    keys.admin(Method::PATCH, &format!("/credentials/{own}"), json!({"isActive": false})).await;
    let answer = keys.call().await.expect(503).unwrap();
    assert!(answer["error"]["message"].as_str().unwrap().contains("`up`"), "{answer}");
}
