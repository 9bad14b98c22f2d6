//! How long what guardrails keep of a stream waits for what decides it.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use promptgate_firewall::guardrails::{Holder, Rules};
use promptgate_projects::ProjectType;
use promptgate_providers::{Operation, ProviderKind};
use promptgate_usage::Outcome;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::limits::GatewayLimits;
use crate::scripted::{Piece, Scene, Script, chunk, credential_of, done, event, finish, provider_at};
use crate::snapshot::Configuration;
use crate::testing::project;

const LONG: Duration = Duration::from_mins(1);
const HALVES: [&str; 2] = ["your key: ghp_0123456789abcdef", "ghijABCDEFGHIJ4dWWYt, keep it"];

fn scene(kind: ProviderKind, mode: &str, hold_back: Option<u64>) -> Scene {
    let (project, one) = (project(ProjectType::AgentProxy), provider_at("one", kind));
    let rules = json!({
        "secret_scanner": {"enabled": true, "direction": "both", "mode": mode},
    });
    let configuration = Configuration {
        projects: vec![project.clone()],
        credentials: vec![credential_of(&one, "k")],
        providers: vec![one],
        guardrails: vec![(Holder::Global, serde_json::from_value::<Rules>(rules).unwrap())],
        ..Configuration::default()
    };
    let limits = GatewayLimits {
        guardrails_hold_back: hold_back.map(Duration::from_secs),
        idle_timeout: 2 * LONG,
        ..GatewayLimits::default()
    };
    Scene::over(project, configuration, limits)
}

/// The words that the client has at which second, piece by piece, and all of the stream.
async fn hear(scene: &Scene, operation: Operation) -> (Vec<(u64, String)>, String) {
    let body = match operation {
        Operation::Responses => json!({"model": "m", "stream": true, "input": "hi"}),
        _ => {
            json!({"model": "m", "stream": true, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]})
        }
    };
    let begun = Instant::now();
    let mut answer = scene.begin(operation, &body.to_string()).await.into_body();
    let (mut heard, mut all): (Vec<(u64, String)>, _) = (Vec::new(), String::new());
    while let Some(frame) = answer.frame().await {
        let piece: Bytes = frame.unwrap().into_data().unwrap();
        let piece = String::from_utf8(piece.to_vec()).unwrap();
        let (at, words) = (begun.elapsed().as_secs(), words(&piece));
        all.push_str(&piece);
        match heard.last_mut() {
            Some((last, heard)) if *last == at => heard.push_str(&words),
            _ if words.is_empty() => {}
            _ => heard.push((at, words)),
        }
    }
    (heard, all)
}

/// What the events of a piece say more of the text.
fn words(piece: &str) -> String {
    let data = piece.lines().filter_map(|line| line.strip_prefix("data: "));
    let events = data.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    let said = |event: Value| {
        ["/choices/0/delta/content", "/delta/text", "/delta"]
            .iter()
            .find_map(|place| event.pointer(place)?.as_str().map(str::to_owned))
    };
    events.filter_map(said).collect()
}

fn heard(pieces: &[(u64, &str)]) -> Vec<(u64, String)> {
    pieces.iter().map(|(at, words)| (*at, (*words).to_owned())).collect()
}

fn says(pieces: impl IntoIterator<Item = Piece>) -> Script {
    Script::sse([chunk("")].into_iter().chain(pieces).chain([finish(), done()]))
}

#[tokio::test(start_paused = true)]
async fn however_long_a_model_pauses_half_a_secret_is_not_shown() {
    let scene = scene(ProviderKind::OpenAi, "mask", None);
    scene.upstream.always("one", says([chunk(HALVES[0]), Piece::Pause(LONG), chunk(HALVES[1])]));
    let (said, all) = hear(&scene, Operation::ChatCompletions).await;
    let expected = [(0, "your key: "), (60, "[GitHub personal access token REDACTED], keep it")];
    assert_eq!(said, heard(&expected), "{all}");
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_for_too_long_goes_out_in_every_format() {
    // Groq speaks chat completions only.
    let scene = scene(ProviderKind::Groq, "mask", Some(2));
    let stalls = [
        (["all feels well and goo", "d"], [(0, "all feels well and "), (2, "goo"), (60, "d")]),
        (
            ["write ghp_0123456789abcdefghijABCDEFGHIJ4dWWYt", " now"],
            [(0, "write "), (2, "[GitHub personal access token REDACTED]"), (60, " now")],
        ),
        // What its operator has accepted: the beginning is shown, and the rest is not.
        (
            HALVES,
            [
                (0, "your key: "),
                (2, "ghp_0123456789abcdef"),
                (60, "[GitHub personal access token REDACTED], keep it"),
            ],
        ),
    ];
    for (pieces, expected) in stalls {
        for operation in [Operation::ChatCompletions, Operation::Messages, Operation::Responses] {
            let [first, second] = pieces.map(chunk);
            scene.upstream.always("one", says([first, Piece::Pause(LONG), second]));
            let (said, all) = hear(&scene, operation).await;
            assert_eq!(said, heard(&expected), "{operation:?}: {all}");
        }
    }
    for booked in scene.events() {
        assert_eq!(booked.outcome, Outcome::Completed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_translated_stream_lets_go_too() {
    let scene = scene(ProviderKind::Google, "mask", Some(2));
    let said = |text: &str, end: &str| {
        let content = json!({"role": "model", "parts": [{"text": text}]});
        let mut candidate = json!({"content": content, "index": 0});
        if !end.is_empty() {
            candidate["finishReason"] = end.into();
        }
        event(&json!({"candidates": [candidate]}).to_string())
    };
    let pieces = [said("all feels well and goo", ""), Piece::Pause(LONG), said("d", "STOP")];
    scene.upstream.always("one", Script::sse(pieces));
    let (said, all) = hear(&scene, Operation::ChatCompletions).await;
    assert_eq!(said, heard(&[(0, "all feels well and "), (2, "goo"), (60, "d")]), "{all}");
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_when_it_is_let_go_ends_the_answer_and_the_call() {
    let scene = scene(ProviderKind::OpenAi, "block", Some(2));
    scene
        .upstream
        .always("one", says([chunk("write ghp_0123456789abcdefghijABCDEFGHIJ4dWWYt"), Piece::Stall]));
    let begun = Instant::now();
    let (said, all) = hear(&scene, Operation::ChatCompletions).await;
    assert_eq!((said, begun.elapsed().as_secs()), (heard(&[(0, "write ")]), 2), "{all}");
    assert!(all.contains("content_filter") && all.ends_with("data: [DONE]\n\n"), "{all}");
    assert_eq!(scene.upstream.open(), 0);
    assert_eq!(scene.event().error_code.as_deref(), Some("guardrail_blocked"));
}

#[tokio::test(start_paused = true)]
async fn only_more_of_a_text_puts_it_off() {
    let scene = scene(ProviderKind::OpenAi, "mask", Some(3));
    let pings =
        (0..10).flat_map(|_| [Piece::Pause(Duration::from_secs(1)), Piece::Text(": ping\n\n".into())]);
    scene.upstream.always("one", says([chunk("some goo")].into_iter().chain(pings).chain([chunk("d")])));
    assert_eq!(
        hear(&scene, Operation::ChatCompletions).await.0,
        heard(&[(0, "some "), (3, "goo"), (10, "d")])
    );
    let letters = (0..10).flat_map(|_| [Piece::Pause(Duration::from_secs(2)), chunk("x")]);
    scene
        .upstream
        .always("one", says([chunk("some ")].into_iter().chain(letters).chain([Piece::Pause(LONG)])));
    assert_eq!(hear(&scene, Operation::ChatCompletions).await.0, heard(&[(0, "some "), (23, "xxxxxxxxxx")]));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_says_nothing_more_is_given_up_all_the_same() {
    let scene = scene(ProviderKind::OpenAi, "mask", Some(2));
    scene.upstream.always("one", says([chunk("some goo"), Piece::Stall]));
    let begun = Instant::now();
    let (said, all) = hear(&scene, Operation::ChatCompletions).await;
    assert_eq!((said, begun.elapsed()), (heard(&[(0, "some "), (2, "goo")]), 2 * LONG), "{all}");
    assert_eq!(scene.event().error_code.as_deref(), Some("upstream_idle_timeout"));
}
