//! Ways around what is inspected: none of them leads anywhere.

use http::Method;

use crate::scripted::{Script, Step, json};
use crate::support::{Bench, CHAT};

#[tokio::test]
async fn inspected_paths_take_one_method() {
    let bench = Bench::new();
    for path in [
        "{p}/v1/chat/completions",
        "{p}/v1/responses",
        "{p}/v1/messages",
        "{p}/v1/messages/count_tokens",
        "{p}/v1/embeddings",
        "/main/v1/chat/completions",
        "/main/v1/responses",
        "/main/v1/embeddings",
        "/claude/v1/messages",
        "/claude/v1/messages/count_tokens",
    ] {
        for method in [Method::PUT, Method::PATCH, Method::DELETE, Method::GET, Method::TRACE] {
            // Below `responses` there are names, and `count_tokens` is no response.
            let answer = bench.ask(bench.at(method.clone(), path, CHAT)).await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method} {path}");
        }
    }
    assert!(bench.upstream.requests().is_empty());
    assert!(bench.events().is_empty());
}

#[tokio::test]
async fn other_spellings_of_a_path_are_other_paths() {
    let bench = Bench::new();
    for path in [
        "{p}/v1/responses/",
        "{p}/v1/chat/completions/",
        "{p}/v1//chat/completions",
        "{p}/v1/chat%2Fcompletions",
        "{p}/v1/models/..%2fchat",
        "{p}/V1/chat/completions",
        "{p}/v1/./chat/completions",
        "/main/v1/responses/",
        "/main/v1/responses/x/",
        "/main/v1/responses/x/compact",
        "/main/v1/responses/a%2Fcancel/cancel",
        "/main/v1/conversations/",
        "/main/v1/conversations/a/b",
        "/main/v1/completions",
        "/main/v1/files",
        "/main/v1/batches",
        "/main/v1/audio/speech",
        "/main/v1/images/generations",
        "/main/v1/moderations",
        "/main/chat/completions",
        "/main/v1/%63hat/completions",
        "/MAIN/v1/chat/completions",
        "/local/api/chat",
        "/claude/v1/complete",
        "/claude/v1/messages/batches",
        "/claude/api/event_logging/",
        "/claude/api/event_logging/../v1/messages",
        "/claude/api/event_logging/%2e%2e/x",
        "/health/v1/chat/completions",
        "/api/v1/chat/completions",
    ] {
        let answer = bench.ask(bench.at(Method::POST, path, CHAT)).await;
        assert_eq!(
            (answer.status, answer.json().to_string().contains("route_not_found")),
            (404, true),
            "{path}"
        );
    }
    assert!(bench.upstream.requests().is_empty());
}

#[tokio::test]
async fn a_family_has_its_own_paths_only() {
    let bench = Bench::new();
    for (path, family) in [
        ("/main/v1/messages", "openai"),
        ("/main/v1/messages/count_tokens", "openai"),
        ("/main/api/event_logging/batch", "openai"),
        ("/claude/v1/chat/completions", "anthropic"),
        ("/claude/v1/responses", "anthropic"),
        ("/claude/v1/embeddings", "anthropic"),
        ("/claude/v1/conversations", "anthropic"),
    ] {
        let answer = bench.ask(bench.at(Method::POST, path, CHAT)).await;
        let body = answer.json();
        assert_eq!((answer.status, &body["error"]["code"]), (404, &"route_not_found".into()), "{path}");
        let is_anthropic = body["type"] == "error";
        assert_eq!(is_anthropic, family == "anthropic", "in the provider's shape: {body}");
    }
    let mut bench = bench;
    bench.reconfigure(|configuration| configuration.project_providers.clear());
    for path in ["/local/v1/responses", "/local/v1/conversations"] {
        assert_eq!(bench.ask(bench.at(Method::POST, path, CHAT)).await.status, 404, "{path}");
    }
    assert!(bench.upstream.requests().is_empty());
}

#[tokio::test]
async fn a_body_that_readers_read_differently_is_refused_on_both_surfaces() {
    let bench = Bench::new();
    for path in ["{p}/v1/chat/completions", "/main/v1/chat/completions"] {
        for body in [
            r#"{"model":"main:gpt-4o","model":"x","messages":[]}"#,
            r#"{"model":"main:gpt-4o","Model":"x","messages":[]}"#,
            r#"{"model":"main:gpt-4o","mod\u0065l":"x","messages":[]}"#,
        ] {
            let answer = bench.ask(bench.at(Method::POST, path, body)).await;
            assert_eq!(
                (answer.status, &answer.json()["error"]["code"]),
                (400, &"ambiguous_body".into()),
                "{body}"
            );
        }
    }
    assert!(bench.upstream.requests().is_empty());
}

#[tokio::test]
async fn a_compressed_list_of_models_does_not_pass() {
    let bench = Bench::new();
    for encoding in ["gzip", "br", "zstd, identity"] {
        let list = Step::Piece(r#"{"data":[{"id":"secret"}]}"#.into());
        let headers = vec![("content-type", "application/json"), ("content-encoding", encoding)];
        bench.upstream.will(Script::Answer { status: 200, headers, steps: vec![list] });
        let mut request = bench.at(Method::GET, "/main/v1/models", "");
        request.headers_mut().insert("accept-encoding", "gzip, br".parse().unwrap());
        let answer = bench.ask(request).await;
        assert_eq!(answer.status, 502, "{encoding}");
        assert_eq!(answer.json()["error"]["code"], "upstream_response_compressed");
        assert!(!answer.text().contains("secret"));
    }
    for sent in bench.upstream.requests() {
        assert_eq!(sent.headers["accept-encoding"], "identity");
    }
    for body in ["<html>", "{}", r#"{"data":{"id":"secret"}}"#] {
        bench.upstream.will(json(200, body));
        let answer = bench.ask(bench.at(Method::GET, "/main/v1/models", "")).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (502, &"upstream_broken".into()),
            "{body}"
        );
    }
}
