//! Names and addresses: what a model finds of what clients write, before their own model sees it.

use http::Method;
use promptgate_e2e::{Client, Gateway, Installation, Project, Response, eventually};
use promptgate_testkit::upstream::{Reply, ScriptedUpstream, SeenRequest};
use promptgate_testkit::vendor;
use serde_json::{Value, json};
use std::time::Duration;

const TEXT: &str = "I am Ada Lovelace, ada@example.org";

/// A gateway before the provider of its clients and one that it asks itself.
struct Scene {
    gateway: Gateway,
    upstream: ScriptedUpstream,
    finder: ScriptedUpstream,
    project: Project,
}

impl Scene {
    async fn new(installation: &Installation, finder_kind: &str) -> Self {
        let (upstream, finder) =
            (ScriptedUpstream::start().await.unwrap(), ScriptedUpstream::start().await.unwrap());
        upstream.handle(vendor::answer);
        let gateway = Gateway::run_all(installation).await.unwrap();
        gateway.provider("up", "openai_compatible", &format!("{}/v1", upstream.url())).await.unwrap();
        let version = if finder_kind == "anthropic" { "" } else { "/v1" };
        gateway.provider("finder", finder_kind, &format!("{}{version}", finder.url())).await.unwrap();
        let project = gateway.project().await.unwrap();
        Self { gateway, upstream, finder, project }
    }

    /// Puts a mode in force.
    async fn filter(&self, mode: &str) {
        let rules = json!({"piiFilter": {"enabled": true, "mode": mode,
            "types": ["email", "person_name", "address"]}});
        let rules = self.gateway.admin(Method::PATCH, "/guardrails", &rules).await.unwrap();
        assert_eq!(rules.expect(200).unwrap()["notConfigured"], json!([]));
        self.gateway.caught_up().await.unwrap();
    }

    async fn say(&self, text: &str) -> Response {
        let body = json!({"model": "up:m", "messages": [{"role": "user", "content": text}]});
        self.project.client.post(&self.project.url("/v1/chat/completions"), &body).await.unwrap()
    }

    /// The same in the words of Anthropic's clients.
    async fn write(&self, text: &str) -> Response {
        let body = json!({"model": "up:m", "max_tokens": 99, "messages": [{"role": "user", "content":
            [{"type": "text", "text": text}]}]});
        self.project.client.post(&self.project.url("/v1/messages"), &body).await.unwrap()
    }

    fn sent(&self) -> String {
        self.upstream.last_request().unwrap().json()["messages"].to_string()
    }
}

fn installation() -> Installation {
    Installation::embedded()
        .unwrap()
        .set("PROMPTGATE_PII_CONTEXTUAL_PROVIDER", "finder")
        .set("PROMPTGATE_PII_CONTEXTUAL_MAX_CHARS", "400")
}

/// Answers as a model does that knows one name.
fn finds(request: &SeenRequest) -> Reply {
    let asked = request.json();
    let message = asked["messages"].as_array().unwrap().last().unwrap()["content"].clone();
    let message = message.as_str().or_else(|| message[0]["text"].as_str()).unwrap();
    let text = serde_json::from_str::<Value>(message).unwrap()["text"].as_str().unwrap().to_owned();
    assert!(!text.contains("ada@"), "{text}");
    let found = json!([{"type": "PERSON", "text": "Ada Lovelace"}]);
    let answer = json!({"redacted": text.replace("Ada Lovelace", "[PERSON REDACTED]"), "found": found});
    said(request, &answer.to_string())
}

/// Says something in the shape in which it was asked.
fn said(request: &SeenRequest, text: &str) -> Reply {
    if request.path.ends_with("/messages") {
        return Reply::json(&json!({"id": "a", "type": "message", "role": "assistant", "model": "m",
            "stop_reason": "end_turn", "content": [{"type": "text", "text": text}],
            "usage": {"input_tokens": 70, "output_tokens": 30}}));
    }
    completion(text)
}

/// Says something in the shape of chat completions.
fn completion(text: &str) -> Reply {
    Reply::json(&json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 70, "completion_tokens": 30, "total_tokens": 100}}))
}

#[tokio::test]
async fn names_are_masked_tokenised_or_refused_and_the_call_for_it_is_booked() {
    let scene = Scene::new(&installation(), "openai_compatible").await;
    scene.finder.handle(finds);
    scene.filter("mask").await;
    for answer in [scene.say(TEXT).await, scene.write(TEXT).await] {
        answer.expect(200).unwrap();
        let rules = "changed; pii_filter.email, pii_filter.person_name";
        assert_eq!(answer.header("x-promptgate-guardrails"), Some(rules));
        assert!(scene.sent().contains("I am [PERSON REDACTED], [E-Mail REDACTED]"), "{}", scene.sent());
    }
    assert_eq!(scene.finder.requests().len(), 2, "one call for each request");

    let calls = scene.gateway.usage(&scene.project, 4).await.unwrap();
    let own = calls.iter().find(|call| call["operation"] == "contextual_pii").unwrap();
    let path = format!("/calls/{}", own["id"].as_str().unwrap());
    let own = scene.gateway.admin(Method::GET, &path, &Value::Null).await.unwrap().expect(200).unwrap();
    let parent = own["parentRequestId"].as_str().unwrap();
    assert!(calls.iter().any(|call| call["requestId"] == parent && call["operation"] != "contextual_pii"));
    assert!(!own.to_string().contains("Lovelace"), "{own}");

    scene.filter("redact").await;
    scene.upstream.handle(|request| said(request, "Dear [[PERSON_001]] at [[EMAIL_001]]"));
    for answer in [scene.say(TEXT).await, scene.write(TEXT).await] {
        assert!(scene.sent().contains("I am [[PERSON_001]], [[EMAIL_001]]"), "{}", scene.sent());
        assert!(answer.text().contains("Dear Ada Lovelace at ada@example.org"), "{}", answer.text());
    }

    scene.filter("block").await;
    let before = scene.upstream.requests().len();
    for answer in [scene.say("I am Ada Lovelace").await, scene.write("I am Ada Lovelace").await] {
        let refused = answer.expect(422).unwrap();
        assert_eq!(refused["error"]["message"], "blocked by the PII filter: PERSON");
    }
    assert_eq!(scene.upstream.requests().len(), before);
}

#[tokio::test]
async fn whatever_fails_leaves_what_patterns_find() {
    let scene = Scene::new(&installation(), "openai_compatible").await;
    scene.filter("mask").await;
    let masked = "I am Ada Lovelace, [E-Mail REDACTED]";
    // Failures last: they open the breaker.
    for reply in [
        completion(r#"{"redacted": "He is [PERSON REDACTED]", "found": ["PERSON"]}"#),
        completion("I cannot do that."),
        Reply::status(500),
        Reply::hang_up(),
        Reply::json(&json!({"what": "is this"})),
        Reply::status(200).with_body("text/plain", "no"),
    ] {
        scene.finder.otherwise(reply);
        scene.say(TEXT).await.expect(200).unwrap();
        assert!(scene.sent().contains(masked), "{}", scene.sent());
    }
    let before = scene.finder.requests().len();
    scene.say(&format!("{TEXT} {}", "x".repeat(400))).await.expect(200).unwrap();
    assert!(scene.sent().contains(masked), "{}", scene.sent());
    assert_eq!(scene.finder.requests().len(), before, "nobody is asked about long texts");

    let (metrics, url) = (Client::new(), format!("{}/metrics", scene.gateway.proxy));
    let counted = eventually("counted outcomes", Duration::from_secs(2), || async {
        let shown = metrics.get(&url).await.ok()?.text();
        let counts = |outcome: &str| {
            shown.contains(&format!("promptgate_guardrail_contextual_total{{outcome=\"{outcome}\"}}"))
        };
        ["failed", "unreadable", "unfaithful", "too_long"].into_iter().all(counts).then_some(())
    });
    counted.await.unwrap();
}

#[tokio::test]
async fn a_provider_of_another_shape_is_asked_in_its_own() {
    let scene = Scene::new(&installation(), "anthropic").await;
    scene.finder.handle(finds);
    scene.filter("mask").await;
    scene.say(TEXT).await.expect(200).unwrap();
    assert!(scene.sent().contains("I am [PERSON REDACTED], [E-Mail REDACTED]"), "{}", scene.sent());
    let asked = scene.finder.last_request().unwrap();
    assert!(asked.path.ends_with("/v1/messages") && asked.json()["max_tokens"].as_u64().unwrap() > 1_000);
    let calls = scene.gateway.usage(&scene.project, 2).await.unwrap();
    let own = calls.iter().find(|call| call["operation"] == "contextual_pii").unwrap();
    assert_eq!(own["provider"], "finder", "{own}");
}
