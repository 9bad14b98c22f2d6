//! A provider's own API, `/{provider}/…`.

use axum::body::Body;
use http::{Method, Request};
use promptgate_tokens::Scope;
use promptgate_usage::Outcome;

use crate::scripted::json;
use crate::support::Bench;

const CHAT: &str = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hello"}]}"#;
const ANSWER: &str = r#"{"id":"c1","object":"chat.completion","model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;
const MESSAGES: &str =
    r#"{"model":"claude-sonnet-4","max_tokens":9,"messages":[{"role":"user","content":"hello"}]}"#;
const MESSAGE: &str = r#"{"id":"m1","type":"message","role":"assistant","model":"claude-sonnet-4","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}"#;

#[tokio::test]
async fn a_call_goes_to_the_named_provider_with_the_models_own_name() {
    let bench = Bench::new();
    bench.upstream.will(json(200, ANSWER));
    let answer = bench.ask(bench.at(Method::POST, "/main/v1/chat/completions", CHAT)).await;
    assert_eq!((answer.status, answer.text()), (200, ANSWER));
    let sent = bench.upstream.requests().remove(0);
    assert_eq!(
        (sent.url.as_str(), &sent.body[..]),
        ("http://main.test/v1/chat/completions", CHAT.as_bytes())
    );
    let event = bench.event();
    assert_eq!((event.project_id, event.outcome), (bench.wrapper, Outcome::Completed));
    assert_eq!((event.provider.as_deref(), event.model.as_deref()), (Some("main"), Some("gpt-4o")));
}

#[tokio::test]
async fn an_alias_is_no_model_of_a_provider() {
    let bench = Bench::new();
    bench.upstream.will(json(200, ANSWER));
    let body = CHAT.replace("gpt-4o", "fast");
    bench.ask(bench.at(Method::POST, "/main/v1/chat/completions", &body)).await;
    assert_eq!(bench.upstream.requests()[0].body, body);
}

#[tokio::test]
async fn anthropics_clients_may_send_their_token_as_x_api_key() {
    let bench = Bench::new();
    bench.upstream.will(json(200, MESSAGE));
    let request = Request::post("/claude/v1/messages")
        .header("x-api-key", bench.token(bench.wrapper))
        .header("cookie", "session=1")
        .header("x-forwarded-for", "1.2.3.4")
        .body(Body::from(MESSAGES))
        .unwrap();
    let answer = bench.ask(request).await;
    assert_eq!((answer.status, answer.text()), (200, MESSAGE));
    let sent = bench.upstream.requests().remove(0);
    assert_eq!(sent.url, "http://claude.test/v1/messages");
    assert_eq!(sent.headers["x-api-key"], "sk-claude");
    for name in ["cookie", "x-forwarded-for", "authorization"] {
        assert!(!sent.headers.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn who_is_refused_and_how() {
    let bench = Bench::new();
    let chat_only = bench.token(bench.wrapper);
    let foreign = bench.token(bench.mcp);
    let post = |token: &str, path: &str| bench.by(token, Method::POST, path, CHAT);
    let rows = [
        (
            "no token",
            Request::post("/main/v1/chat/completions").body(Body::from(CHAT)).unwrap(),
            401,
            "missing_auth_credentials",
        ),
        (
            "no token, no provider",
            Request::post("/none/v1/chat/completions").body(Body::from(CHAT)).unwrap(),
            401,
            "missing_auth_credentials",
        ),
        ("no provider", post(&chat_only, "/none/v1/chat/completions"), 404, "provider_not_found"),
        (
            "a project of another type",
            post(&foreign, "/main/v1/chat/completions"),
            400,
            "invalid_project_type",
        ),
        ("a provider that is off", post(&chat_only, "/off/v1/chat/completions"), 503, "provider_disabled"),
        (
            "one that the project may not use",
            post(&chat_only, "/local/v1/chat/completions"),
            400,
            "provider_not_enabled",
        ),
        (
            "one that cannot be opened",
            post(&chat_only, "/sealed/v1/chat/completions"),
            503,
            "provider_credential_unusable",
        ),
        (
            "malformed JSON",
            bench.by(&chat_only, Method::POST, "/main/v1/chat/completions", "{"),
            400,
            "invalid_json",
        ),
        (
            "a list without its scope",
            bench.by(&chat_only, Method::GET, "/main/v1/models", ""),
            403,
            "missing_scope",
        ),
    ];
    for (what, request, status, code) in rows {
        let answer = bench.ask(request).await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (status, &code.into()), "{what}");
    }
    let anthropic = bench.ask(bench.by(&chat_only, Method::POST, "/claude/v1/messages", "{")).await.json();
    assert_eq!((&anthropic["type"], &anthropic["error"]["code"]), (&"error".into(), &"invalid_json".into()));
    assert!(bench.upstream.requests().is_empty());
}

#[tokio::test]
async fn without_any_provider_the_gateway_is_not_ready() {
    let bench = Bench::without_providers();
    let answer = bench.ask(bench.at(Method::POST, "/main/v1/chat/completions", CHAT)).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (503, &"no_provider".into()));
}

#[tokio::test]
async fn the_list_of_models_is_the_providers_and_one_model_is_found_in_it() {
    let bench = Bench::new();
    let list =
        r#"{"object":"list","data":[{"id":"gpt-4o","x":1.0},{"id":"org/ft:a"},{"owned_by":"nobody"}]}"#;
    let ask = async |path: &str| {
        bench.upstream.will(json(200, list));
        bench.ask(bench.at(Method::GET, path, "")).await
    };
    let answer = ask("/main/v1/models?limit=2").await;
    assert_eq!(answer.text(), r#"{"object":"list","data":[{"id":"gpt-4o","x":1.0},{"id":"org/ft:a"}]}"#);
    assert_eq!(ask("/main/v1/models/gpt-4o").await.text(), r#"{"id":"gpt-4o","x":1.0}"#);
    assert_eq!(ask("/main/v1/models/org/ft:a").await.text(), r#"{"id":"org/ft:a"}"#);
    assert_eq!(ask("/main/v1/models/org%2Fft%3Aa").await.text(), r#"{"id":"org/ft:a"}"#);
    let missing = ask("/main/v1/models/none").await;
    assert_eq!((missing.status, &missing.json()["error"]["code"]), (404, &"model_not_found".into()));
    let sent = bench.upstream.requests();
    assert_eq!(
        (sent[0].method.as_str(), sent[0].url.as_str()),
        ("GET", "http://main.test/v1/models?limit=2")
    );
    assert_eq!(sent[0].headers["authorization"], "Bearer sk-main");
    assert_eq!(sent[1].url, "http://main.test/v1/models");
}

#[tokio::test]
async fn anthropics_list_is_asked_as_a_whole_for_one_model() {
    let bench = Bench::new();
    bench.upstream.will(json(200, r#"{"data":[{"type":"model","id":"claude-x"}],"has_more":false}"#));
    let answer = bench.ask(bench.at(Method::GET, "/claude/v1/models/claude-x", "")).await;
    assert_eq!(answer.text(), r#"{"type":"model","id":"claude-x"}"#);
    let sent = bench.upstream.requests().remove(0);
    assert_eq!(sent.url, "http://claude.test/v1/models?limit=1000");
    assert_eq!(sent.headers["anthropic-version"], "2023-06-01");
}

#[tokio::test]
async fn who_lists_nothing_is_listed_by_what_the_operator_knows() {
    let bench = Bench::new();
    let list = bench.ask(bench.at(Method::GET, "/gem/v1/models", "")).await.json();
    assert_eq!(
        (list["data"].as_array().unwrap().len(), &list["data"][0]["id"]),
        (1, &"gemini-2.5-pro".into())
    );
    let head = bench.ask(bench.at(Method::HEAD, "/gem/v1/models", "")).await;
    assert_eq!((head.status, head.text()), (200, ""));
    assert!(bench.upstream.requests().is_empty());
}

#[tokio::test]
async fn a_list_that_fails_is_the_providers_fault() {
    let bench = Bench::new();
    for (status, told, code) in [(500, 502, "upstream_error"), (401, 502, "upstream_auth_failed")] {
        bench.upstream.will(json(status, r#"{"error":{"message":"no sk-main"}}"#));
        let answer = bench.ask(bench.at(Method::GET, "/main/v1/models", "")).await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (told, &code.into()));
        assert!(!answer.text().contains("sk-main"));
    }
}

#[tokio::test]
async fn what_anthropics_clients_report_is_passed_on() {
    let bench = Bench::new();
    bench.upstream.will(json(200, r#"{"accepted":1}"#));
    let request = bench.at(Method::POST, "/claude/api/event_logging/batch?x=1", r#"{"events":[]}"#);
    assert_eq!(bench.ask(request).await.text(), r#"{"accepted":1}"#);
    let sent = bench.upstream.requests().remove(0);
    assert_eq!(sent.url, "http://claude.test/api/event_logging/batch?x=1");
    assert_eq!(
        (&sent.body[..], &sent.headers["x-api-key"]),
        (&br#"{"events":[]}"#[..], &"sk-claude".parse().unwrap())
    );
    assert_eq!(bench.event().operation, "event_logging");
}

#[tokio::test]
async fn a_token_for_models_alone_may_not_chat() {
    let bench = Bench::new();
    let token = bench.token_with(bench.wrapper, |token| token.scopes = [Scope::Models].into_iter().collect());
    let answer = bench.ask(bench.by(&token, Method::POST, "/main/v1/chat/completions", CHAT)).await;
    assert_eq!(answer.status, 403);
}
