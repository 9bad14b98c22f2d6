//! The step over providers that answer as a test tells them to.

use std::time::Duration;

use promptgate_firewall::guardrails::{Holder, Rules};
use promptgate_projects::ProjectType;
use promptgate_providers::{Operation, ProviderKind};
use promptgate_tokens::{Token, TokenLimits};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::*;
use crate::limits::GatewayLimits;
use crate::scripted::{Got, Scene, Script, SeenCall, credential_of, provider_at, read};
use crate::snapshot::Configuration;
use crate::testing::project;

const TEXT: &str = "I am Ada Lovelace, ada@example.org";
const ASKED: &str = "I am Ada Lovelace, [E-Mail REDACTED]";
const REDACTED: &str = "I am [PERSON REDACTED], [E-Mail REDACTED]";

fn model() -> ContextualModel {
    ContextualModel {
        provider: Some("finder".to_owned()),
        credential: None,
        model: "gpt-4o-mini".to_owned(),
        most_characters: 200,
        timeout: Duration::from_secs(5),
    }
}

fn rules(mode: &str) -> Value {
    json!({"pii_filter": {"enabled": true, "mode": mode, "types": ["email", "person_name", "address"]}})
}

/// A gateway whose clients ask `main`, and that asks `finder` itself.
fn scene(rules: Value, kind: ProviderKind, model: ContextualModel) -> Scene {
    let project = project(ProjectType::AgentProxy);
    let (main, finder) = (provider_at("main", ProviderKind::OpenAi), provider_at("finder", kind));
    let rules: Rules = serde_json::from_value(rules).unwrap();
    let configuration = Configuration {
        projects: vec![project.clone()],
        credentials: vec![credential_of(&main, "k"), credential_of(&finder, "finders")],
        providers: vec![main, finder],
        guardrails: vec![(Holder::Global, rules)],
        ..Configuration::default()
    };
    let limits = GatewayLimits { contextual: Some(model), ..GatewayLimits::default() };
    let scene = Scene::over(project, configuration, limits);
    scene.upstream.always("main", Script::said("fine"));
    scene
}

fn usual(mode: &str) -> Scene {
    scene(rules(mode), ProviderKind::OpenAi, model())
}

/// An answer of the finder in the shape of chat completions.
fn says(answer: &str) -> Script {
    let message = json!({"role": "assistant", "content": answer});
    let usage = json!({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120});
    let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
    Script::json(200, json!({"id": "c2", "choices": [choice], "usage": usage}).to_string())
}

fn found(redacted: &str) -> Script {
    says(&json!({"redacted": redacted, "found": ["PERSON"]}).to_string())
}

async fn say(scene: &Scene, text: &str) -> Got {
    scene.chat(&json!({"model": "main:m", "messages": [{"role": "user", "content": text}]}).to_string()).await
}

fn bodies(scene: &Scene, host: &str) -> Vec<Value> {
    let seen = scene.upstream.seen();
    let of_host = seen.into_iter().filter(|call| call.host == host);
    of_host.map(|SeenCall { body, .. }| serde_json::from_slice(&body).unwrap()).collect()
}

/// What the client's provider was sent last.
fn sent(scene: &Scene) -> String {
    bodies(scene, "main").pop().unwrap()["messages"][0]["content"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn one_call_finds_names_and_is_booked_for_itself() {
    let scene = usual("mask");
    scene.upstream.next("finder", found(REDACTED));
    let got = say(&scene, TEXT).await;
    assert_eq!((got.status, sent(&scene).as_str()), (200, REDACTED));
    let rules = "changed; pii_filter.email, pii_filter.person_name";
    assert_eq!(got.header("x-promptgate-guardrails"), rules);
    assert!(got.header("server-timing").contains("guardrails;dur="), "{}", got.header("server-timing"));

    let [asked] = &bodies(&scene, "finder")[..] else { panic!("one call") };
    assert_eq!(
        (&asked["temperature"], &asked["response_format"]["type"]),
        (&json!(0), &json!("json_object"))
    );
    assert_eq!(asked["model"], "gpt-4o-mini");
    let message: Value = serde_json::from_str(asked["messages"][1]["content"].as_str().unwrap()).unwrap();
    assert_eq!(message, json!({"text": ASKED}));

    let booked = scene.booked();
    let [(own, kept), (call, _)] = &booked[..] else { panic!("{booked:?}") };
    assert_eq!((own.operation.as_str(), own.provider.as_deref()), ("contextual_pii", Some("finder")));
    assert_eq!((own.tokens.total(), own.estimated, own.status), (120, false, 200));
    assert!(own.cost.as_nanos() > 0 && kept.is_none());
    assert_eq!(own.parent_request_id.as_ref(), Some(&call.request_id));
    assert_eq!((own.token_id, own.project_id), (call.token_id, call.project_id));
    assert_eq!((call.provider.as_deref(), call.tokens.total()), (Some("main"), 5));
    let told = call.guarded.as_ref().unwrap();
    assert_eq!(told.matches[0].rule, "pii_filter.person_name");
    assert!(call.trace.iter().any(|note| note.contains("found 1 names and addresses")), "{:?}", call.trace);
    assert!(!format!("{booked:?}").contains("Lovelace"));
}

#[tokio::test]
async fn a_name_leaves_under_a_token_and_comes_back() {
    let scene = usual("redact");
    scene.upstream.next("finder", found(REDACTED));
    scene.upstream.always("main", Script::said("Hello [[PERSON_001]], I wrote to [[EMAIL_001]]."));
    let got = say(&scene, TEXT).await;
    assert_eq!(sent(&scene), "I am [[PERSON_001]], [[EMAIL_001]]");
    let said = got.json()["choices"][0]["message"]["content"].clone();
    assert_eq!(said, "Hello Ada Lovelace, I wrote to ada@example.org.");
}

#[tokio::test]
async fn a_rule_that_blocks_names_the_labels_and_reaches_nobody_else() {
    let scene = usual("block");
    scene.upstream.next("finder", found("I am [PERSON REDACTED] of [ADDRESS REDACTED]"));
    let got = say(&scene, "I am Ada Lovelace of 12 Elm St").await;
    assert_eq!(got.status, 422);
    assert_eq!(got.json()["error"]["message"], "blocked by the PII filter: ADDRESS, PERSON");
    assert_eq!(scene.upstream.calls("main"), 0);
    // What patterns refuse needs no model.
    assert_eq!(say(&scene, TEXT).await.status, 422);
    assert_eq!(scene.upstream.calls("finder"), 1);
}

#[tokio::test]
async fn whatever_fails_leaves_what_patterns_found() {
    let masked = "I am Ada Lovelace, [E-Mail REDACTED]";
    for (script, why, status) in [
        (Script::Unreachable, "the call failed (upstream_unreachable)", 502),
        (Script::fails(401), "the call failed (upstream_auth_failed)", 502),
        (Script::fails(400), "the call failed (", 400),
        (says("I cannot do that."), "the answer is not the JSON", 200),
        (
            says(r#"{"redacted": "He is [PERSON REDACTED]", "found": ["PERSON"]}"#),
            "the answer is no copy",
            200,
        ),
        (says(r#"{"redacted": ""#), "the answer is not the JSON", 200),
    ] {
        let scene = usual("mask");
        scene.upstream.always("finder", script);
        assert_eq!((say(&scene, TEXT).await.status, sent(&scene).as_str()), (200, masked));
        let events = scene.events();
        let [own, call] = &events[..] else { panic!("{events:?}") };
        assert_eq!((own.status, call.status), (status, 200), "{own:?}");
        assert!(call.trace.iter().any(|note| note.contains(why)), "{why}: {:?}", call.trace);
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_slow_is_not_waited_for() {
    let scene = usual("mask");
    scene.upstream.always("finder", Script::Silence);
    let begun = Instant::now();
    assert_eq!(say(&scene, TEXT).await.status, 200);
    assert_eq!(begun.elapsed().as_secs(), 5);
    let events = scene.events();
    assert!(
        events[1].trace.iter().any(|note| note.contains("the call failed (upstream_total_timeout)")),
        "{events:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_ends_the_call_and_it_is_booked_once() {
    let scene = usual("mask");
    scene.upstream.always("finder", Script::Silence);
    assert!(timeout(Duration::from_secs(1), say(&scene, TEXT)).await.is_err());
    assert_eq!(scene.upstream.open(), 0);
    let events = scene.events();
    let ended: Vec<_> = events.iter().map(|event| (event.operation.as_str(), event.status)).collect();
    assert_eq!(ended, [("contextual_pii", 499), ("chat_completions", 499)]);
    assert!(events[0].tokens.total() > 0 && events[1].tokens.total() == 0);
}

#[tokio::test]
async fn nobody_is_asked_about_long_texts_or_where_no_rule_names_the_kinds() {
    let scene = usual("mask");
    assert_eq!(say(&scene, &format!("{TEXT} {}", "x".repeat(200))).await.status, 200);
    let event = scene.event();
    assert!(event.trace.iter().any(|note| note.contains("more than 200 characters")), "{:?}", event.trace);
    let all = scene_of_all_built_in();
    assert_eq!(say(&all, TEXT).await.status, 200);
    assert_eq!((sent(&all).as_str(), all.upstream.calls("finder")), (ASKED, 0));
}

fn scene_of_all_built_in() -> Scene {
    scene(json!({"pii_filter": {"enabled": true}}), ProviderKind::OpenAi, model())
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_no_hindrance() {
    let nobody = ContextualModel { provider: Some("gone".to_owned()), ..model() };
    let scene = scene(rules("mask"), ProviderKind::OpenAi, nobody);
    assert_eq!((say(&scene, TEXT).await.status, sent(&scene).as_str()), (200, ASKED));
    assert!(scene.event().trace.iter().any(|note| note.contains("not there or switched off")));
}

#[tokio::test]
async fn a_credential_names_its_provider_and_is_the_one_that_is_used() {
    let finder = provider_at("finder", ProviderKind::OpenAi);
    let credential = credential_of(&finder, "finders").id;
    let by_credential = ContextualModel { provider: None, credential: Some(credential), ..model() };
    let scene = scene(rules("mask"), ProviderKind::OpenAi, by_credential);
    scene.upstream.next("finder", found(REDACTED));
    say(&scene, TEXT).await;
    assert_eq!(sent(&scene), REDACTED);
    assert_eq!(scene.events()[0].credential_id, Some(credential));
}

#[tokio::test]
async fn providers_of_other_shapes_are_asked_in_theirs() {
    let answer = json!({"redacted": REDACTED, "found": []}).to_string();
    let anthropic = json!({"id": "a", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": answer}], "usage": {"input_tokens": 7, "output_tokens": 3}});
    let google = json!({"candidates": [{"content": {"role": "model", "parts": [{"text": answer}]},
        "finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 3}});
    for (kind, body) in [(ProviderKind::Anthropic, anthropic), (ProviderKind::Google, google)] {
        let scene = scene(rules("mask"), kind, model());
        scene.upstream.next("finder", Script::json(200, body.to_string()));
        say(&scene, TEXT).await;
        assert_eq!(sent(&scene), REDACTED, "{kind}");
        let event = &scene.events()[0];
        assert_eq!((event.tokens.total(), event.estimated), (10, false), "{kind}");
        let asked = bodies(&scene, "finder").remove(0).to_string();
        assert!(asked.contains("E-Mail REDACTED") && !asked.contains("ada@"), "{asked}");
    }
}

#[tokio::test]
async fn anthropics_clients_and_embeddings_are_guarded_alike() {
    let scene = usual("mask");
    let block = json!({"type": "text", "text": "I am \"Bob\" 😀\n"});
    let body = json!({"model": "main:m", "max_tokens": 9, "system": "Be kind to Ada.",
        "messages": [{"role": "user", "content": [block]}]});
    scene.upstream.next("finder", found("I am \"[PERSON REDACTED]\" 😀\n\nBe kind to [PERSON REDACTED]."));
    let got = read(scene.begin(Operation::Messages, &body.to_string()).await).await;
    assert_eq!(got.status, 200, "{}", got.body);
    let sent = bodies(&scene, "main").pop().unwrap();
    assert_eq!(sent["messages"][0]["content"], "Be kind to [PERSON REDACTED].");
    assert!(sent.to_string().contains(r#"I am \"[PERSON REDACTED]\" 😀\n"#), "{sent}");

    scene.upstream.next("finder", found("[PERSON REDACTED]\nx"));
    let vectors = json!({"data": [], "usage": {"prompt_tokens": 1, "total_tokens": 1}});
    scene.upstream.next("main", Script::json(200, vectors.to_string()));
    let body = json!({"model": "main:m", "input": ["Bob", "x"]});
    read(scene.begin(Operation::Embeddings, &body.to_string()).await).await;
    assert_eq!(bodies(&scene, "main").pop().unwrap()["input"], json!(["[PERSON REDACTED]", "x"]));
}

/// It is a cap of what a client asks: what asks about that is longer.
#[tokio::test]
async fn a_cap_of_one_request_does_not_keep_names_from_being_looked_for() {
    let scene = usual("redact");
    let limits = TokenLimits { request_token_cap: Some(20), ..TokenLimits::default() };
    scene.tokens.put(Token { limits, ..scene.token.clone() });
    scene.upstream.next("finder", found(REDACTED));
    assert_eq!(say(&scene, TEXT).await.status, 200);
    assert!(sent(&scene).contains("PERSON"), "{}", sent(&scene));
    assert_eq!(say(&scene, &"long ".repeat(20)).await.status, 422);
}
