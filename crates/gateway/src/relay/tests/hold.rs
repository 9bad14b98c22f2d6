//! The beginning of a stream is held back until it is worth something.

use std::time::Duration;

use http_body_util::BodyExt;
use promptgate_providers::{Operation, ProviderKind};
use promptgate_usage::Outcome;
use tokio::time::{Instant, advance, timeout};

use crate::limits::{DisconnectPolicy, GatewayLimits};
use crate::scripted::{Got, Piece, Scene, Script, chunk, done, event, finish, provider_at, read};

const ASK: &str = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;

fn scene(names: &[&str]) -> Scene {
    Scene::new(names.iter().map(|name| provider_at(name, ProviderKind::OpenAi)).collect(), vec![])
}

/// The words of a stream of chat completions.
fn words(got: &Got) -> String {
    let events = got.body.split("\n\n").filter_map(|event| event.strip_prefix("data: "));
    let chunks = events.filter_map(|data| serde_json::from_str::<serde_json::Value>(data).ok());
    chunks.filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned)).collect()
}

fn reported(kind: &str) -> Piece {
    event(&format!(r#"{{"error":{{"message":"too much","type":"{kind}","code":null}}}}"#))
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_fails_before_it_says_anything_is_replaced() {
    let failures = [
        Script::sse([]),
        Script::sse([chunk("")]),
        Script::sse([chunk(""), Piece::Break]),
        Script::sse([Piece::Stall]),
        Script::sse([chunk(""), Piece::Stall]),
        Script::sse([Piece::Text(": ping\n\n".into()), Piece::Pause(Duration::from_mins(3)), chunk("late")]),
        Script::sse([chunk(""), reported("overloaded_error")]),
        Script::sse([reported("rate_limit_error")]),
        Script::sse([Piece::Text("data: {\"error\":{\"message\":\"cut\",\"code\":\"502\"}}\n".into())]),
        Script::fails(503),
    ];
    for failure in failures {
        let scene = scene(&["one", "two"]);
        scene.upstream.next("one", failure.clone());
        scene.upstream.always("two", Script::streams("hello"));
        let got = scene.chat(ASK).await;
        assert_eq!((got.status, words(&got).as_str()), (200, "hello"), "{failure:?}: {got:?}");
        assert_eq!(got.header("x-promptgate-attempts"), "2");
        assert_eq!(got.header("content-type"), "text/event-stream");
        assert_eq!(got.body.matches("[DONE]").count(), 1);
        let event = scene.event();
        assert_eq!((event.outcome, event.tried.len()), (Outcome::Completed, 2));
        assert_eq!(scene.upstream.open(), 0, "nothing is left of the first one");
    }
}

#[tokio::test(start_paused = true)]
async fn with_nobody_else_the_truth_has_a_status() {
    let truths = [
        (Script::sse([chunk(""), reported("overloaded_error")]), 503, "upstream_overloaded"),
        (Script::sse([reported("invalid_request_error")]), 400, "invalid_request_error"),
        (Script::sse([reported("rate_limit_error")]), 429, "rate_limit_error"),
        (Script::sse([reported("authentication_error")]), 502, "upstream_auth_failed"),
        (Script::sse([]), 502, "upstream_broken"),
        (
            Script::sse([Piece::Text("data: {\"error\":{\"message\":\"cut\",\"code\":\"503\"}}\n".into())]),
            503,
            "upstream_overloaded",
        ),
        (Script::sse([Piece::Stall]), 504, "upstream_first_byte_timeout"),
    ];
    for (failure, status, code) in truths {
        let scene = scene(&["one"]);
        scene.upstream.always("one", failure.clone());
        let got = scene.chat(ASK).await;
        let said = got.json()["error"]["code"].as_str().unwrap_or_default().to_owned();
        assert_eq!((got.status, said.as_str()), (status, code), "{failure:?}: {got:?}");
        assert!(got.header("content-type").starts_with("application/json"));
    }
}

#[tokio::test(start_paused = true)]
async fn after_the_first_words_there_is_one_error_and_nothing_twice() {
    let failures = [
        Script::sse([chunk(""), chunk("hel"), Piece::Break]),
        Script::sse([chunk(""), chunk("hel"), Piece::Stall]),
        Script::sse([chunk("hel"), reported("overloaded_error")]),
    ];
    for failure in failures {
        let scene = scene(&["one", "two"]);
        scene.upstream.next("one", failure.clone());
        let got = scene.chat(ASK).await;
        assert_eq!((got.status, words(&got).as_str()), (200, "hel"), "{failure:?}");
        assert_eq!(got.body.matches("\"error\"").count(), 1, "{got:?}");
        assert_eq!(scene.upstream.calls("two"), 0);
        assert_eq!(scene.event().outcome, Outcome::UpstreamFailed);
    }
}

#[tokio::test(start_paused = true)]
async fn every_event_passes_at_once_after_the_first_words() {
    let scene = scene(&["one", "two"]);
    let pause = || Piece::Pause(Duration::from_secs(1));
    scene.upstream.always(
        "one",
        Script::sse([chunk(""), pause(), chunk("a"), pause(), chunk("b"), pause(), finish(), done()]),
    );
    let begun = Instant::now();
    let mut response = scene.begin(Operation::ChatCompletions, ASK).await;
    assert_eq!(begun.elapsed(), Duration::from_secs(1), "the head goes out with the first words");
    let mut arrived = Vec::new();
    while let Some(frame) = response.body_mut().frame().await {
        let text = String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap();
        arrived.push((begun.elapsed().as_secs(), text.matches("data: ").count()));
    }
    assert_eq!(arrived, [(1, 1), (1, 1), (2, 1), (3, 1), (3, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_thinks_for_long_is_let_through_when_nobody_else_could_answer() {
    let thinking = || {
        Script::sse([
            chunk(""),
            Piece::Pause(Duration::from_secs(100)),
            Piece::Text(": ping\n\n".into()),
            Piece::Pause(Duration::from_secs(100)),
            chunk("wise"),
            finish(),
            done(),
        ])
    };
    let scene = scene(&["one"]);
    scene.upstream.always("one", thinking());
    let begun = Instant::now();
    let response = scene.begin(Operation::ChatCompletions, ASK).await;
    assert_eq!(begun.elapsed(), Duration::from_secs(10), "its client hears of it");
    let got = read(response).await;
    assert_eq!((got.status, words(&got).as_str()), (200, "wise"));
}

#[tokio::test]
async fn an_answer_without_words_that_ends_well_is_an_answer() {
    let scene = scene(&["one", "two"]);
    scene.upstream.always("one", Script::sse([chunk(""), finish(), done()]));
    let got = scene.chat(ASK).await;
    assert_eq!((got.status, words(&got).as_str(), got.header("x-promptgate-attempts")), (200, "", "1"));
    assert_eq!(scene.event().outcome, Outcome::Completed);
}

#[tokio::test]
async fn what_is_held_back_is_bounded() {
    let scene = scene(&["one", "two"]);
    let comments = std::iter::repeat_n(Piece::Text(format!(": {}\n\n", "x".repeat(8 * 1024))), 9);
    scene.upstream.always("one", Script::sse(comments.chain([Piece::Stall])));
    let response = scene.begin(Operation::ChatCompletions, ASK).await;
    assert_eq!(response.status(), 200, "it begins although it said nothing yet");
}

#[tokio::test(start_paused = true)]
async fn nobody_else_is_called_for_a_client_that_left() {
    for disconnect in [DisconnectPolicy::Cancel, DisconnectPolicy::Drain { limit: Duration::from_mins(10) }] {
        let limits = GatewayLimits { disconnect, ..GatewayLimits::default() };
        let providers = ["one", "two"].map(|name| provider_at(name, ProviderKind::OpenAi));
        let scene = Scene::with_limits(providers.to_vec(), vec![], limits);
        let slow = Script::sse([chunk(""), Piece::Pause(Duration::from_secs(30)), Piece::Break]);
        scene.upstream.always("one", slow);
        scene.upstream.always("two", Script::streams("x"));
        let call = scene.begin(Operation::ChatCompletions, ASK);
        assert!(timeout(Duration::from_secs(5), call).await.is_err(), "the client waits no longer");
        if disconnect == DisconnectPolicy::Cancel {
            assert_eq!(scene.upstream.open(), 0, "the call ends with its client");
        }
        advance(Duration::from_mins(2)).await;
        scene.tasks.close();
        scene.tasks.wait().await;
        assert_eq!(scene.upstream.calls("two"), 0, "{disconnect:?}");
        let event = scene.event();
        assert_eq!((event.outcome, event.status), (Outcome::CallerCancelled, 499));
    }
}
