//! What is booked of answers that come to nothing.

use std::time::Duration;

use promptgate_providers::{Operation, ProviderKind};
use promptgate_usage::Outcome;
use tokio::time::timeout;

use crate::scripted::{Piece, Scene, Script, chunk, event, provider_at, read};

const ASK: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi there, how are you"}]}"#;
const STREAM: &str =
    r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"hi there, how are you"}]}"#;
const MESSAGES: &str =
    r#"{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-9","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":700,"output_tokens":1}}}"#;
const OVERLOADED: &str = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;

fn named(name: &str, data: &str) -> Piece {
    Piece::Text(format!("event: {name}\ndata: {data}\n\n"))
}

fn scene(kind: ProviderKind) -> Scene {
    Scene::new(vec![provider_at("one", kind)], vec![])
}

/// A part of Gemini's stream.
fn gemini(text: &str, reason: &str) -> String {
    let parts = if text.is_empty() { String::new() } else { format!(r#"{{"text":"{text}"}}"#) };
    format!(
        r#"{{"candidates":[{{"content":{{"role":"model","parts":[{parts}]}},"finishReason":"{reason}","index":0}}],"usageMetadata":{{"promptTokenCount":7,"thoughtsTokenCount":40,"totalTokenCount":47}}}}"#
    )
}

#[tokio::test(start_paused = true)]
async fn an_error_in_place_of_an_answer_costs_nothing() {
    let error = r#"{"error":{"message":"too much","type":"overloaded_error","code":null}}"#;
    let truths = [
        (ASK, Script::json(200, error)),
        (STREAM, Script::sse([event(error)])),
        (STREAM, Script::sse([chunk(""), event(error)])),
        // Held back no longer, because nobody else could answer.
        (STREAM, Script::sse([chunk(""), Piece::Pause(Duration::from_secs(30)), event(error)])),
    ];
    for (body, script) in truths {
        let scene = scene(ProviderKind::OpenAi);
        scene.upstream.always("one", script.clone());
        scene.chat(body).await;
        let event = scene.event();
        assert_eq!(event.outcome, Outcome::UpstreamFailed, "{script:?}");
        assert_eq!((event.tokens.total(), event.cost.as_nanos()), (0, 0), "{script:?}");
    }
    let scene = scene(ProviderKind::Anthropic);
    scene.upstream.always("one", Script::sse([named("message_start", START), named("error", OVERLOADED)]));
    assert_eq!(read(scene.begin(Operation::Messages, MESSAGES).await).await.status, 503);
    assert_eq!(scene.event().tokens.total(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_error_after_the_first_words_costs_what_was_said() {
    let scene = scene(ProviderKind::OpenAi);
    let error = r#"{"error":{"message":"too much","type":"overloaded_error","code":null}}"#;
    scene.upstream.always("one", Script::sse([chunk("hello there"), event(error)]));
    scene.chat(STREAM).await;
    let event = scene.event();
    assert!(event.tokens.input > 0 && event.tokens.output > 0, "{:?}", event.tokens);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_before_the_first_words_is_booked_what_was_told() {
    let scene = scene(ProviderKind::Anthropic);
    let ping = || named("ping", r#"{"type":"ping"}"#);
    scene.upstream.always("one", Script::sse([named("message_start", START), ping(), Piece::Stall]));
    let call = scene.begin(Operation::Messages, MESSAGES);
    assert!(timeout(Duration::from_secs(1), call).await.is_err(), "nothing was said yet");
    let event = scene.event();
    assert_eq!((event.outcome, event.status), (Outcome::CallerCancelled, 499));
    assert_eq!((event.tokens.input, event.tokens.output), (700, 1), "no bytes of events are tokens");
}

/// Gemini says so of calls of functions that it wrote wrongly.
#[tokio::test(start_paused = true)]
async fn an_answer_that_the_model_breaks_off_is_replaced_if_nothing_was_said() {
    let broken = gemini("", "MALFORMED_FUNCTION_CALL");
    let error = r#"{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"error"}]}"#;
    let answers = [
        (ASK, ProviderKind::Google, Script::json(200, broken.clone())),
        (STREAM, ProviderKind::Google, Script::sse([event(&broken)])),
    ];
    for (body, kind, script) in answers {
        let scene =
            Scene::new(vec![provider_at("one", kind), provider_at("two", ProviderKind::OpenAi)], vec![]);
        scene.upstream.always("one", script.clone());
        scene
            .upstream
            .always("two", if body == ASK { Script::said("hello") } else { Script::streams("hello") });
        let got = scene.chat(body).await;
        assert!(got.status == 200 && got.body.contains("hello"), "{got:?}");
        assert_eq!(got.header("x-promptgate-provider"), "two", "{script:?}");
        assert_eq!(scene.event().outcome, Outcome::Completed);
        // Where nobody else answers, it is an error, and the thoughts have their price.
        let scene = self::scene(kind);
        scene.upstream.always("one", script);
        let got = scene.chat(body).await;
        assert_eq!((got.status, scene.upstream.calls("one") > 0), (502, true), "{got:?}");
        let event = scene.event();
        assert_eq!(event.outcome, Outcome::UpstreamFailed);
        assert_eq!((event.tokens.input, event.tokens.reasoning), (7, 40), "{event:?}");
    }
    // A service that speaks like OpenAI, to a client that does not.
    let scene = Scene::new(
        vec![provider_at("one", ProviderKind::OpenAi), provider_at("two", ProviderKind::Anthropic)],
        vec![],
    );
    scene
        .upstream
        .always("one", Script::sse([chunk(""), event(error), Piece::Text("data: [DONE]\n\n".into())]));
    let said = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-9","content":[{"type":"text","text":"hello"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":7,"output_tokens":3}}"#;
    scene.upstream.always("two", Script::json(200, said));
    let got = read(scene.begin(Operation::Messages, MESSAGES).await).await;
    assert_eq!((got.status, got.header("x-promptgate-provider")), (200, "two"), "{got:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_model_breaks_off_after_its_first_words_has_failed() {
    let (said, broken) = (gemini("hel", "FINISH_REASON_UNSPECIFIED"), gemini("lo", "OTHER"));
    for (body, script) in [
        (ASK, Script::json(200, gemini("hello", "OTHER"))),
        (STREAM, Script::sse([event(&said), event(&broken)])),
    ] {
        let scene = Scene::new(
            vec![provider_at("one", ProviderKind::Google), provider_at("two", ProviderKind::OpenAi)],
            vec![],
        );
        scene.upstream.always("one", script);
        let got = scene.chat(body).await;
        assert_eq!((got.status, scene.upstream.calls("two")), (200, 0), "{got:?}");
        assert!(got.body.contains("lo"), "{got:?}");
        let event = scene.event();
        assert_eq!(event.outcome, Outcome::UpstreamFailed, "{body}");
        assert_eq!(event.tokens.input, 7);
    }
}
