//! What is written down of calls over scripted providers.

use std::time::Duration;

use promptgate_projects::{ProjectChanges, ProjectType, RecordBodies};
use promptgate_providers::{Operation, ProviderKind};
use promptgate_usage::{CallContent, Outcome, UsageEvent};
use tokio::time::timeout;

use super::shortened;
use crate::limits::{DisconnectPolicy, GatewayLimits};
use crate::scripted::{Piece, Scene, Script, chunk, credential_of, done, event, finish, provider_at, read};
use crate::snapshot::Configuration;
use crate::testing::project;

const ASK: &str = r#"{"model":"m","messages":[{"role":"user","content":"what is it?"}]}"#;
const ASK_STREAM: &str =
    r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"what is it?"}]}"#;
const CHAT: Operation = Operation::ChatCompletions;

#[test]
fn long_model_names_are_cut_between_characters() {
    assert_eq!(shortened(&"ä".repeat(300)), "ä".repeat(200));
    assert_eq!(shortened("gpt"), "gpt");
}

fn scene(names: &[&str], kept: RecordBodies) -> Scene {
    let providers = names.iter().map(|name| provider_at(name, ProviderKind::OpenAi)).collect();
    let limits = GatewayLimits { record_bodies: kept, ..GatewayLimits::default() };
    Scene::with_limits(providers, vec![], limits)
}

fn only(scene: &Scene) -> (UsageEvent, Option<CallContent>) {
    let booked = scene.booked();
    assert_eq!(booked.len(), 1, "{booked:?}");
    booked.into_iter().next().unwrap()
}

fn calls_tool() -> Script {
    let call = |delta: &str| {
        event(&format!(r#"{{"id":"c9","model":"m","choices":[{{"index":0,"delta":{delta}}}]}}"#))
    };
    Script::sse([
        call(r#"{"role":"assistant","content":"let me "}"#),
        call(r#"{"content":"look"}"#),
        Piece::Pause(Duration::from_secs(1)),
        call(
            r#"{"tool_calls":[{"index":0,"id":"t1","type":"function","function":{"name":"look","arguments":""}}]}"#,
        ),
        call(r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"at\":1}"}}]}"#),
        call("{}"),
        done(),
    ])
}

#[tokio::test(start_paused = true)]
async fn a_call_leaves_everything_that_is_known_of_it() {
    let scene = scene(&["one", "two"], RecordBodies::Full);
    scene.upstream.next("one", Script::fails(500));
    scene.upstream.next("one", Script::fails(500));
    scene.upstream.next("two", calls_tool().header("x-request-id", "req-of-two"));
    let headers = [("user-agent", "codex_cli_rs/0.38.0"), ("session_id", "s-1"), ("x-request-id", "mine")];
    let got = read(scene.send(CHAT, ASK_STREAM, &headers).await).await;
    assert_eq!(got.status, 200);
    let (event, content) = only(&scene);
    assert_eq!((event.request_id.as_str(), event.outcome), ("mine", Outcome::Completed));
    assert_eq!((event.client_tool.as_deref(), event.client_session.as_deref()), (Some("codex"), Some("s-1")));
    assert_eq!(event.provider_response_id.as_deref(), Some("c9"));
    let tried: Vec<_> =
        event.tried.iter().map(|tried| (tried.provider.as_str(), tried.fault.is_some())).collect();
    assert_eq!(tried.last(), Some(&("two", false)), "{tried:?}");
    assert_eq!(tried.len(), event.attempts as usize);
    let routing = event.routing_decision.unwrap();
    assert!(routing.ends_with("; failed over from `one` to `two`"), "{routing}");
    let upstream = Duration::from_micros(event.upstream_us.unwrap().unsigned_abs());
    assert!((Duration::from_secs(1)..Duration::from_secs(2)).contains(&upstream), "{upstream:?}");
    assert_eq!((event.error_code, event.error_message), (None, None));
    assert_eq!((event.prompted, event.tool_calls), (true, 1));
    assert_eq!(event.provider_kind.as_deref(), Some("openai"));

    let content = content.unwrap();
    assert_eq!((content.call_id, content.project_id), (event.id, scene.project.id));
    assert_eq!(content.prompt().as_deref(), Some("what is it?"));
    assert_eq!(content.request.as_deref(), Some(ASK_STREAM));
    let response: serde_json::Value = serde_json::from_str(content.response.as_deref().unwrap()).unwrap();
    assert_eq!(response["content"], "let me look");
    assert_eq!(response["tool_calls"][0]["arguments"], r#"{"at":1}"#);
    let [call] = &content.tool_calls[..] else { panic!("{content:?}") };
    assert_eq!(
        (call.id.as_str(), call.name.as_str(), call.arguments.as_str()),
        ("t1", "look", r#"{"at":1}"#)
    );
    for sent in scene.upstream.seen() {
        assert_eq!(sent.header("x-request-id"), "mine");
    }
}

#[tokio::test]
async fn a_provider_without_an_id_for_its_answer_has_one_for_the_request() {
    let scene = scene(&["one"], RecordBodies::None);
    let body = r#"{"object":"list","data":[{"index":0,"embedding":[0.5]}],"usage":{"prompt_tokens":1,"total_tokens":1}}"#;
    scene.upstream.next("one", Script::json(200, body).header("x-request-id", "req-7"));
    let asked = r#"{"model":"m","input":"x"}"#;
    let got = read(scene.send(Operation::Embeddings, asked, &[]).await).await;
    assert_eq!((got.status, got.header("x-upstream-request-id")), (200, "req-7"));
    assert_eq!(only(&scene).0.provider_response_id.as_deref(), Some("req-7"));
}

#[tokio::test]
async fn each_mode_keeps_what_it_says_and_a_project_may_say_otherwise() {
    let modes = [
        (RecordBodies::Full, None, true, true),
        (RecordBodies::Prompts, None, true, false),
        (RecordBodies::None, None, false, false),
        (RecordBodies::None, Some(RecordBodies::Full), true, true),
        (RecordBodies::Full, Some(RecordBodies::None), false, false),
    ];
    for (process, own, prompts, bodies) in modes {
        let changes = ProjectChanges { record_bodies: Some(own), ..ProjectChanges::default() };
        let project =
            project(ProjectType::AgentProxy).change(changes, promptgate_kernel::Timestamp::default());
        let project = project.unwrap();
        let providers = vec![provider_at("one", ProviderKind::OpenAi)];
        let projects = vec![project.clone()];
        let configuration = Configuration { projects, providers, ..Configuration::default() };
        let limits = GatewayLimits { record_bodies: process, ..GatewayLimits::default() };
        let scene = Scene::over(project, configuration, limits);
        scene.upstream.next("one", Script::said("it is"));
        let got = scene.chat(ASK).await;
        let content = only(&scene).1;
        assert_eq!(content.is_some(), prompts, "{process:?} {own:?}");
        let Some(content) = content else { continue };
        assert_eq!(content.prompt().as_deref(), Some("what is it?"));
        assert_eq!(content.request.as_deref(), bodies.then_some(ASK));
        assert_eq!(content.response.as_deref(), bodies.then_some(got.body.as_str()));
    }
}

#[tokio::test]
async fn what_went_wrong_is_told_without_the_providers_credential() {
    let provider = provider_at("one", ProviderKind::OpenAi);
    let credential = credential_of(&provider, "sk-very-secret");
    let scene = Scene::new(vec![provider], vec![credential]);
    let refusals = [
        Script::json(400, r#"{"error":{"message":"bad key sk-very-secret","type":"invalid_request_error"}}"#),
        Script::json(529, r#"{"error":{"message":"busy, sk-very-secret","type":"overloaded"}}"#),
    ];
    for refusal in refusals {
        scene.upstream.always("one", refusal);
        let got = scene.chat(ASK).await;
        assert!(got.status >= 400 && !got.body.contains("sk-very-secret"));
        let (event, content) = only(&scene);
        let message = event.error_message.unwrap();
        assert!(message.contains("`one`") && !message.contains("sk-very-secret"), "{message}");
        assert!(event.error_code.is_some());
        assert!(!format!("{content:?}").contains("sk-very-secret"), "{content:?}");
    }
    let got = scene.chat(r#"{"model":"nobody's","messages":[]}"#).await;
    let (event, _) = only(&scene);
    assert_eq!((got.status, event.attempts), (404, 0));
    assert!(event.error_message.unwrap().contains("nobody's"));
}

#[tokio::test(start_paused = true)]
async fn what_was_seen_before_the_client_left_is_kept() {
    for disconnect in [DisconnectPolicy::Cancel, DisconnectPolicy::Drain { limit: Duration::from_mins(1) }] {
        let limits = GatewayLimits { disconnect, ..GatewayLimits::default() };
        let scene = Scene::with_limits(vec![provider_at("one", ProviderKind::OpenAi)], vec![], limits);
        let pause = Piece::Pause(Duration::from_secs(5));
        scene
            .upstream
            .next("one", Script::sse([chunk("so far"), pause, chunk(" so good"), finish(), done()]));
        let answer = read(scene.begin(CHAT, ASK_STREAM).await);
        assert!(timeout(Duration::from_secs(1), answer).await.is_err(), "the client leaves");
        scene.tasks.close();
        scene.tasks.wait().await;
        let (event, content) = only(&scene);
        assert_eq!(event.outcome, Outcome::CallerCancelled);
        let said = content.unwrap().response.unwrap();
        let all = disconnect != DisconnectPolicy::Cancel;
        assert!(said.contains("so far") && said.contains("so good") == all, "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_client_is_told_where_its_time_went() {
    let scene = scene(&["one"], RecordBodies::Full);
    let Script::Answer { status, headers, mut pieces } = Script::said("hello") else { unreachable!() };
    pieces.insert(0, Piece::Pause(Duration::from_millis(250)));
    scene.upstream.next("one", Script::Answer { status, headers, pieces });
    let got = scene.chat(ASK).await;
    assert_eq!(
        got.header("server-timing"),
        "auth;dur=0.000, upstream;dur=250.000, gateway;dur=0.000, total;dur=250.000"
    );
    let refused = scene.chat(r#"{"model":"m"}"#).await;
    assert!(refused.status == 400 && refused.header("server-timing").starts_with("auth;dur="));
}
