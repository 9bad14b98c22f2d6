//! Who is refused, in which order, in which words.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use http::Request;
use promptgate_gateway::GatewayLimits;
use promptgate_kernel::ProjectId;
use promptgate_tokens::{Scope, TokenState};
use promptgate_usage::Outcome;

use crate::scripted::{Step, events, json, piece};
use crate::support::{Bench, CHAT, CHAT_STREAM, DELTA, DONE, MESSAGES, next_piece, one_call};

/// What a row of the table sends, and what it expects.
struct Row {
    what: &'static str,
    project: ProjectId,
    token: Option<String>,
    body: &'static str,
    status: u16,
    code: &'static str,
    /// Whether the call is on record.
    booked: bool,
}

/// Every row breaks what the rows before it break no longer, and everything after: what is
/// answered shows what is checked first.
#[expect(clippy::too_many_lines, reason = "a table")]
fn rows(bench: &Bench) -> Vec<Row> {
    let foreign = bench.mcp;
    let row = |what, project, token: Option<String>, body, status, code, booked| Row {
        what,
        project,
        token,
        body,
        status,
        code,
        booked,
    };
    let none = |token: &mut promptgate_tokens::Token| token.scopes = [Scope::Admin].into_iter().collect();
    let past = |token: &mut promptgate_tokens::Token| token.expires_at = Some(token.created_at);
    let (wrapper, inactive, mcp) = (bench.wrapper, bench.inactive, bench.mcp);
    vec![
        row("no token", foreign, None, "{", 401, "missing_auth_credentials", false),
        row("another kind of key", foreign, Some("sk-123".into()), "{", 401, "malformed_token", false),
        row("a mistyped one", foreign, Some("pg_live_123".into()), "{", 401, "malformed_token", false),
        row("a revoked one", foreign, Some(bench.revoked(wrapper)), "{", 401, "invalid_token", false),
        row(
            "one that is switched off",
            foreign,
            Some(bench.token_with(wrapper, |token| token.state = TokenState::Inactive)),
            "{",
            401,
            "invalid_token",
            false,
        ),
        row(
            "an expired one, without scope",
            foreign,
            Some(bench.token_with(wrapper, |token| {
                past(token);
                none(token);
            })),
            "{",
            401,
            "expired_token",
            false,
        ),
        row(
            "without scope, in a foreign project",
            foreign,
            Some(bench.token_with(wrapper, none)),
            "{",
            403,
            "missing_scope",
            true,
        ),
        row("a foreign project", inactive, Some(bench.token(wrapper)), "{", 403, "foreign_project", true),
        row("an inactive one", inactive, Some(bench.token(inactive)), "{", 403, "project_inactive", true),
        row("of the wrong type", mcp, Some(bench.token(mcp)), "{", 400, "invalid_project_type", true),
        row("no JSON", wrapper, Some(bench.token(wrapper)), "{", 400, "invalid_json", true),
        row("no model", wrapper, Some(bench.token(wrapper)), "{}", 400, "missing_field", true),
        row(
            "two models",
            wrapper,
            Some(bench.token(wrapper)),
            r#"{"model":"a","Model":"b","messages":[]}"#,
            400,
            "ambiguous_body",
            true,
        ),
        row(
            "a model nobody has",
            wrapper,
            Some(bench.token(wrapper)),
            r#"{"model":"mystery","messages":[]}"#,
            404,
            "model_not_found",
            true,
        ),
        row(
            "a provider that is off",
            wrapper,
            Some(bench.token(wrapper)),
            r#"{"model":"off:hidden","messages":[]}"#,
            503,
            "provider_disabled",
            true,
        ),
        row(
            "a provider that the project may not use",
            wrapper,
            Some(bench.token(wrapper)),
            r#"{"model":"local:llama3","messages":[]}"#,
            400,
            "provider_not_enabled",
            true,
        ),
        row(
            "an alias that nobody made",
            wrapper,
            Some(bench.token(wrapper)),
            r#"{"model":"promptgate:slow","messages":[]}"#,
            404,
            "model_not_found",
            true,
        ),
        row(
            "a credential that does not open",
            wrapper,
            Some(bench.token(wrapper)),
            r#"{"model":"sealed:x","messages":[]}"#,
            503,
            "provider_credential_unusable",
            true,
        ),
    ]
}

fn post(project: ProjectId, operation: &str, token: Option<&str>, body: &'static str) -> Request<Body> {
    let request = Request::post(format!("/api/{project}/v1/{operation}"));
    let request = match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    };
    request.body(Body::from(body)).unwrap()
}

#[tokio::test]
async fn what_is_wrong_first_is_said_and_known_callers_are_booked() {
    let bench = Bench::new();
    for row in rows(&bench) {
        let before = bench.events().len();
        let request = post(row.project, "chat/completions", row.token.as_deref(), row.body);
        let answer = bench.ask(request).await;
        let body = answer.json();
        assert_eq!(
            (answer.status, body["error"]["code"].as_str()),
            (row.status, Some(row.code)),
            "{}",
            row.what
        );
        assert!(body["error"]["message"].as_str().is_some_and(|text| text.len() > 10), "{}", row.what);
        let events = bench.events().split_off(before);
        assert_eq!(events.len(), usize::from(row.booked), "{}", row.what);
        if let [event] = &events[..] {
            assert_eq!((event.status, event.error_code.as_deref()), (row.status, Some(row.code)));
            assert_ne!(event.outcome, Outcome::Completed);
            assert_eq!((event.tokens.total(), event.attempts), (0, 0));
            assert!(!event.trace.is_empty());
        }
    }
    assert!(bench.upstream.requests().is_empty());
}

#[tokio::test]
async fn the_wrong_type_names_the_right_ones_on_every_route() {
    let bench = Bench::new();
    let token = bench.token(bench.mcp);
    for (method, path) in [
        ("POST", "chat/completions"),
        ("POST", "responses"),
        ("POST", "messages"),
        ("POST", "messages/count_tokens"),
        ("POST", "embeddings"),
        ("GET", "models"),
        ("GET", "models/x"),
        ("GET", "responses/resp_1"),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/{}/v1/{path}", bench.mcp))
            .header("authorization", format!("Bearer {token}"))
            .body(Body::from("{}"))
            .unwrap();
        let answer = bench.ask(request).await;
        let body = answer.json();
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.contains("`ai_wrapper`") && message.contains("`agent_proxy`"), "{path}: {message}");
        assert_eq!((answer.status, &body["error"]["code"]), (400, &"invalid_project_type".into()), "{path}");
        if !path.starts_with("messages") {
            assert_eq!(body["error"]["type"], "invalid_project_type", "{path}");
            assert_eq!(body["type"], "invalid_project_type", "{path}");
        }
    }
}

#[tokio::test]
async fn embeddings_of_a_provider_without_any_are_refused_by_name() {
    let bench = Bench::new();
    for model in ["claude:claude-sonnet-4", "gem:gemini-2.5-pro"] {
        let body = format!(r#"{{"model":"{model}","input":"x"}}"#);
        let answer = bench.ask(bench.request("embeddings", &body)).await;
        let body = answer.json();
        assert_eq!((answer.status, &body["error"]["code"]), (400, &"unsupported_by_provider".into()));
        let message = body["error"]["message"].as_str().unwrap();
        let (provider, _) = model.split_once(':').unwrap();
        assert!(message.contains(&format!("`{provider}`")) && message.contains("embeddings are unsupported"));
    }
    assert!(bench.upstream.requests().is_empty());
}

#[tokio::test]
async fn garbage_costs_no_lookup() {
    let bench = Bench::new();
    for token in ["sk-123", "pg_live_", "pg_live_0000000000000000000000000000000000000000000000000"] {
        bench.ask(post(bench.wrapper, "chat/completions", Some(token), CHAT)).await;
    }
    assert_eq!(bench.tokens.lookups.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_store_that_is_away_is_not_the_clients_fault() {
    let bench = Bench::new();
    let token = bench.token(bench.wrapper);
    bench.tokens.away.store(true, Ordering::SeqCst);
    let answer = bench.ask(post(bench.wrapper, "chat/completions", Some(&token), CHAT)).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (503, &"auth_unavailable".into()));
    assert_eq!((answer.header("retry-after"), answer.header("x-should-retry")), (Some("1"), Some("true")));
}

#[tokio::test]
async fn a_foreign_call_is_booked_with_the_tokens_own_project() {
    let bench = Bench::new();
    let token = bench.token(bench.wrapper);
    bench.ask(post(bench.inactive, "chat/completions", Some(&token), CHAT)).await;
    assert_eq!(bench.event().project_id, bench.wrapper);
}

#[tokio::test]
async fn each_surface_says_no_in_its_own_shape() {
    let bench = Bench::new();
    let anthropic = bench.ask(post(bench.wrapper, "messages", None, MESSAGES)).await;
    let body = anthropic.json();
    assert_eq!(anthropic.status, 401);
    assert_eq!((&body["type"], &body["error"]["type"]), (&"error".into(), &"authentication_error".into()));
    assert_eq!(body["request_id"].as_str(), anthropic.header("request-id"));
    assert_eq!(anthropic.header("www-authenticate"), Some("Bearer realm=\"promptgate\""));
    let openai = bench.ask(post(bench.wrapper, "embeddings", None, "{}")).await.json();
    assert_eq!(openai["error"]["type"], "authentication_error");
    let unknown =
        bench.ask(bench.request("messages", r#"{"model":"mystery","messages":[],"max_tokens":1}"#)).await;
    assert_eq!((unknown.status, &unknown.json()["error"]["type"]), (404, &"not_found_error".into()));
}

#[tokio::test]
async fn x_api_key_is_a_token_too() {
    let bench = Bench::new();
    let request = Request::post(format!("/api/{}/v1/chat/completions", bench.wrapper))
        .header("x-api-key", bench.token(bench.wrapper))
        .body(Body::from(r#"{"model":"echo:echo","messages":[{"role":"user","content":"hi"}]}"#))
        .unwrap();
    assert_eq!(bench.ask(request).await.status, 200);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_by_its_length_or_while_it_is_read() {
    let limits = GatewayLimits { max_request_bytes: 100, ..one_call() };
    let bench = Bench::with_limits(limits);
    let fits = format!(r#"{{"model":"echo:echo","messages":[],"x":"{}"}}"#, "x".repeat(58));
    assert_eq!(fits.len(), 100);
    assert_ne!(bench.chat(&fits).await.status, 413);
    let declared = bench.chat(&format!("{fits} ")).await;
    assert_eq!((declared.status, &declared.json()["error"]["code"]), (413, &"request_body_too_large".into()));
    let pieces = futures_util::stream::iter([(); 2].map(|()| Ok::<_, std::io::Error>("x".repeat(60))));
    let (head, _) = bench.request("messages", "").into_parts();
    let streamed = bench.ask(Request::from_parts(head, Body::from_stream(pieces))).await;
    assert_eq!((streamed.status, &streamed.json()["error"]["type"]), (413, &"request_too_large".into()));
    assert_eq!(bench.events().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_is_given_up() {
    let limits = GatewayLimits { upload_timeout: Duration::from_secs(7), ..one_call() };
    let bench = Bench::with_limits(limits);
    let never = futures_util::stream::pending::<Result<&str, std::io::Error>>();
    let (head, _) = bench.request("chat/completions", "").into_parts();
    let answer = bench.ask(Request::from_parts(head, Body::from_stream(never))).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (408, &"request_timeout".into()));
    assert_eq!(bench.event().status, 408);
}

#[tokio::test]
async fn without_any_provider_the_way_out_is_named() {
    let bench = Bench::without_providers();
    let answer = bench.chat(CHAT).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (503, &"no_provider".into()));
    assert_eq!(answer.header("x-should-retry"), Some("false"));
}

#[tokio::test]
async fn a_process_that_ends_admits_nobody() {
    let bench = Bench::new();
    bench.gateway.stop_admitting();
    let answer = bench.chat(CHAT).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (503, &"shutting_down".into()));
    assert_eq!(bench.event().outcome, Outcome::GatewayFailed);
}

#[tokio::test]
async fn no_call_is_made_whose_usage_could_not_be_kept() {
    let bench = Bench::new();
    bench.sink.no_room.store(true, Ordering::SeqCst);
    let answer = bench.chat(CHAT).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (503, &"usage_spool_full".into()));
    assert_eq!((answer.header("retry-after"), answer.header("x-should-retry")), (Some("1"), Some("true")));
    assert_eq!(bench.chat("{").await.status, 400);
    assert!(bench.upstream.requests().is_empty());
    assert!(bench.events().is_empty(), "the room that is left is for calls under way");
    bench.sink.no_room.store(false, Ordering::SeqCst);
    bench.upstream.will(json(200, "{}"));
    assert_eq!(bench.chat(CHAT).await.status, 200);
    assert_eq!(bench.events().len(), 1);
}

#[tokio::test]
async fn a_call_under_way_is_kept_when_the_room_ends() {
    let bench = Bench::new();
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    bench.upstream.will(events(vec![piece(DELTA), Step::Wait(gate.clone()), piece(DONE)]));
    let mut body = bench.send(bench.request("chat/completions", CHAT_STREAM)).await.into_body();
    assert!(next_piece(&mut body).await.is_some());
    bench.sink.no_room.store(true, Ordering::SeqCst);
    gate.add_permits(1);
    while next_piece(&mut body).await.is_some() {}
    assert_eq!(bench.event().outcome, Outcome::Completed);
}
