//! What a client is told when a provider fails.

use promptgate_gateway::GatewayLimits;
use promptgate_gateway::ports::UpstreamError;
use promptgate_usage::Outcome;
use std::time::Duration;

use crate::scripted::{Script, Step, events, json, piece};
use crate::support::{Bench, CHAT, CHAT_STREAM, MESSAGES, one_call};

const ERROR: &str = r#"{"error":{"message":"no such thing","type":"x"}}"#;

#[tokio::test]
async fn every_failure_to_call_has_its_own_code() {
    let rows = [
        (UpstreamError::Connect("refused".into()), 502, "upstream_unreachable"),
        (UpstreamError::ConnectTimeout, 504, "upstream_connect_timeout"),
        (UpstreamError::FirstByteTimeout, 504, "upstream_first_byte_timeout"),
        (UpstreamError::Broken("reset".into()), 502, "upstream_broken"),
    ];
    for (error, status, code) in rows {
        for body in [CHAT, CHAT_STREAM] {
            let bench = Bench::new();
            bench.upstream.will(Script::Fail(match &error {
                UpstreamError::Connect(_) => UpstreamError::Connect("refused".into()),
                UpstreamError::Broken(_) => UpstreamError::Broken("reset".into()),
                UpstreamError::ConnectTimeout => UpstreamError::ConnectTimeout,
                _ => UpstreamError::FirstByteTimeout,
            }));
            let answer = bench.chat(body).await;
            assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (status, Some(code)));
            assert_eq!(answer.header("x-should-retry"), Some("true"));
            assert_eq!(answer.header("x-promptgate-attempts"), Some("1"));
            let event = bench.event();
            assert_eq!((event.outcome, event.error_code.as_deref()), (Outcome::UpstreamFailed, Some(code)));
            assert_eq!((event.attempts, event.tokens.total()), (1, 0));
        }
    }
}

#[tokio::test]
async fn what_the_provider_says_about_the_request_passes_as_it_is() {
    for status in [400, 404, 413, 422] {
        let bench = Bench::new();
        bench.upstream.will(json(status, ERROR));
        let answer = bench.chat(CHAT_STREAM).await;
        assert_eq!((answer.status, answer.text()), (status, ERROR));
        let event = bench.event();
        assert_eq!((event.status, event.error_code.as_deref()), (status, Some("upstream_rejected")));
        assert_eq!((event.cost.as_nanos(), event.price_basis.as_str()), (0, "none"));
    }
}

#[tokio::test]
async fn a_provider_that_repeats_its_credential_is_not_quoted() {
    const SAYS: &str = r#"{"error":{"message":"no such key: sk-claude","type":"x"}}"#;
    for status in [200, 400, 404, 422, 429, 500, 503, 529] {
        let bench = Bench::new();
        bench.upstream.will(json(status, SAYS));
        let answer = bench.ask(bench.request("messages", MESSAGES)).await;
        assert!(answer.text().contains("no such key: [credential]"), "{status}: {}", answer.text());
        assert!(!serde_json::to_string(&bench.event()).unwrap().contains("sk-claude"));
    }
}

#[tokio::test]
async fn nor_is_one_that_repeats_it_in_the_middle_of_a_stream() {
    const SAYS: &str = r#"{"type":"error","error":{"message":"no such key: sk-claude"}}"#;
    let stream = MESSAGES.replacen('{', r#"{"stream":true,"#, 1);
    for (head, tail) in [("event: error\ndata: ", "\n\n"), ("data: ", "")] {
        let bench = Bench::new();
        let (first, second) = SAYS.split_at(SAYS.len() - 8);
        let steps = vec![piece(&format!("{head}{first}")), piece(&format!("{second}{tail}"))];
        bench.upstream.will(events(steps));
        let answer = bench.ask(bench.request("messages", &stream)).await;
        assert!(answer.text().contains("no such key: [credential]"), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_refused_credential_is_not_the_clients_matter_whatever_the_status() {
    for error in [
        r#"{"error":{"message":"wrong key sk-ma**in","code":"invalid_api_key"}}"#,
        r#"{"type":"error","error":{"type":"authentication_error","message":"wrong key sk-ma**in"}}"#,
    ] {
        let bench = Bench::new();
        bench.upstream.will(json(400, error));
        let answer = bench.chat(CHAT).await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (502, &"upstream_auth_failed".into()));
        assert!(!answer.text().contains("sk-ma"));
    }
}

#[tokio::test]
async fn an_answer_with_nothing_in_it_is_no_answer() {
    for body in [CHAT, CHAT_STREAM] {
        for (status, kind) in [(200, "application/json"), (204, "application/json"), (204, "text/plain")] {
            let bench = Bench::new();
            let headers = vec![("content-type", kind)];
            bench.upstream.will(Script::Answer { status, headers, steps: vec![] });
            let answer = bench.chat(body).await;
            assert_eq!((answer.status, &answer.json()["error"]["code"]), (502, &"upstream_broken".into()));
            assert_eq!(bench.event().outcome, Outcome::UpstreamFailed);
        }
    }
}

#[tokio::test]
async fn a_page_in_place_of_an_answer_is_no_answer() {
    for body in [CHAT, CHAT_STREAM] {
        for kind in ["text/html", "application/json"] {
            let bench = Bench::new();
            let headers = vec![("content-type", kind)];
            bench.upstream.will(Script::Answer { status: 200, headers, steps: vec![piece("<html>Sign in")] });
            let answer = bench.chat(body).await;
            assert_eq!((answer.status, &answer.json()["error"]["code"]), (502, &"upstream_broken".into()));
        }
    }
}

#[tokio::test]
async fn an_error_under_a_good_status_is_booked_as_a_failure() {
    let bench = Bench::new();
    bench.upstream.will(json(200, ERROR));
    let answer = bench.chat(CHAT).await;
    let body = answer.json();
    assert_eq!(
        (answer.status, &body["error"]["code"]),
        (502, &"upstream_error".into()),
        "the status is true"
    );
    assert!(body["error"]["message"].as_str().unwrap().contains("no such thing"));
    let event = bench.event();
    let code = event.error_code.as_deref();
    assert_eq!((event.outcome, code), (Outcome::UpstreamFailed, Some("upstream_error")));
}

#[tokio::test]
async fn a_compressed_answer_is_refused_because_its_usage_cannot_be_read() {
    for (status, kind) in [(200, "application/json"), (200, "text/event-stream"), (400, "application/json")] {
        let bench = Bench::new();
        let headers = vec![("content-type", kind), ("content-encoding", "gzip")];
        bench.upstream.will(Script::Answer { status, headers, steps: vec![piece("\u{1f}")] });
        let answer = bench.chat(CHAT_STREAM).await;
        let code = answer.json()["error"]["code"].clone();
        assert_eq!((answer.status, code), (502, "upstream_response_compressed".into()));
        assert_eq!(bench.event().tokens.total() > 0, status == 200, "the provider may have worked for it");
    }
}

#[tokio::test]
async fn a_rate_limit_passes_with_the_time_to_wait() {
    let bench = Bench::new();
    bench.upstream.will(Script::Answer {
        status: 429,
        headers: vec![("content-type", "application/json"), ("retry-after", "7")],
        steps: vec![piece(ERROR)],
    });
    let answer = bench.chat(CHAT).await;
    assert_eq!((answer.status, answer.text()), (429, ERROR));
    assert_eq!((answer.header("retry-after"), answer.header("retry-after-ms")), (Some("7"), Some("7000")));
    assert_eq!(bench.event().error_code.as_deref(), Some("upstream_rate_limited"));
}

#[tokio::test]
async fn the_providers_own_troubles_are_told_in_our_words_and_its_message() {
    let rows = [
        (500, 502, "upstream_error", true),
        (502, 502, "upstream_error", true),
        (503, 503, "upstream_overloaded", true),
        (529, 503, "upstream_overloaded", true),
        (401, 502, "upstream_auth_failed", false),
        (403, 502, "upstream_auth_failed", false),
        (302, 502, "upstream_broken", false),
    ];
    for (theirs, ours, code, has_message) in rows {
        let bench = Bench::new();
        bench.upstream.will(json(theirs, ERROR));
        let answer = bench.ask(bench.request("messages", MESSAGES)).await;
        let body = answer.json();
        assert_eq!((answer.status, body["error"]["code"].as_str()), (ours, Some(code)), "{theirs}");
        let message = body["error"]["message"].as_str().unwrap();
        assert_eq!(message.contains("no such thing"), has_message, "{message}");
        assert!(bench.event().trace.iter().any(|note| note.contains(&theirs.to_string())));
    }
}

#[tokio::test]
async fn an_answer_larger_than_is_kept_is_refused() {
    let bench = Bench::with_limits(GatewayLimits { max_response_bytes: 10, ..one_call() });
    bench.upstream.will(json(200, "12345678901"));
    let answer = bench.chat(CHAT).await;
    assert_eq!(
        (answer.status, &answer.json()["error"]["code"]),
        (502, &"upstream_response_too_large".into())
    );
    assert_eq!(answer.header("x-should-retry"), Some("false"));
}

fn stalling(steps: Vec<Step>) -> Script {
    Script::Answer { status: 200, headers: vec![("content-type", "application/json")], steps }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_stalls_or_takes_too_long_is_given_up() {
    let limits = GatewayLimits {
        idle_timeout: Duration::from_secs(10),
        total_timeout: Duration::from_secs(25),
        ..one_call()
    };
    let code = async |script| {
        let bench = Bench::with_limits(limits.clone());
        bench.upstream.will(script);
        let answer = bench.chat(CHAT).await;
        assert_eq!((answer.status, bench.upstream.open()), (504, 0));
        let event = bench.event();
        (answer.json()["error"]["code"].as_str().unwrap().to_owned(), event.tokens.total() > 0)
    };
    assert_eq!(code(stalling(vec![piece("{"), Step::Stall])).await, ("upstream_idle_timeout".into(), true));
    assert_eq!(code(Script::NeverAnswer).await, ("upstream_total_timeout".into(), false));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer() {
    let bench = Bench::new();
    bench.upstream.will(stalling(vec![piece("{"), Step::Break]));
    let answer = bench.chat(CHAT).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (502, &"upstream_broken".into()));
    assert!(bench.event().estimated, "the provider may have worked for it");
}
