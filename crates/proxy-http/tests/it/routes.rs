//! Paths, methods and headers.

use axum::body::Body;
use http::{Method, Request};

use crate::support::Bench;

fn request(method: Method, path: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn health_is_one_exact_body() {
    let bench = Bench::new();
    let answer = bench.ask(request(Method::GET, "/health")).await;
    assert_eq!((answer.status, answer.text()), (200, r#"{"status":"ok"}"#));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(bench.ask(request(Method::HEAD, "/health")).await.status, 200);
}

#[tokio::test]
async fn what_has_no_route_is_told_in_the_shape_of_its_neighbours() {
    let bench = Bench::new();
    let id = bench.wrapper;
    let rows = [
        (Method::POST, format!("/api/{id}/v1/files"), 404, "/error/code", "route_not_found"),
        (Method::PATCH, "/main/v1/responses/resp_1".to_owned(), 405, "/error/code", "method_not_allowed"),
        (Method::POST, "/claude/v1/messages/x".to_owned(), 404, "/error/type", "not_found_error"),
        (Method::POST, "/api/control/mcp".to_owned(), 404, "/code", "route_not_found"),
        (Method::POST, format!("/api/{id}/v1/messages/x"), 404, "/error/type", "not_found_error"),
        (Method::GET, "/nothing".to_owned(), 404, "/code", "route_not_found"),
        (Method::GET, format!("/api/{id}/v1/chat/completions"), 405, "/error/code", "method_not_allowed"),
        (Method::PUT, format!("/api/{id}/v1/messages"), 405, "/error/code", "method_not_allowed"),
        (Method::POST, "/api/none/v1/embeddings".to_owned(), 404, "/error/code", "project_not_found"),
        (Method::POST, "/api/none/v1/messages".to_owned(), 404, "/error/type", "not_found_error"),
        (Method::POST, "/api/%ff/v1/embeddings".to_owned(), 404, "/error/code", "project_not_found"),
    ];
    for (method, path, status, pointer, value) in rows {
        let answer = bench.ask(request(method, &path)).await;
        let body = answer.json();
        assert_eq!(
            (answer.status, body.pointer(pointer).and_then(|value| value.as_str())),
            (status, Some(value)),
            "{path}: {body}"
        );
        assert_eq!(answer.headers.contains_key("allow"), status == 405);
        assert!(answer.header("x-request-id").is_some());
    }
    assert!(bench.events().is_empty());
}

#[tokio::test]
async fn options_name_the_methods_and_invite_no_other_origin() {
    let bench = Bench::new();
    let path = format!("/api/{}/v1/chat/completions", bench.wrapper);
    let answer = bench.ask(request(Method::OPTIONS, &path)).await;
    assert_eq!((answer.status, answer.header("allow")), (204, Some("POST")));
    let answer = bench.ask(request(Method::OPTIONS, "/main/v1/conversations/conv_1")).await;
    assert_eq!((answer.status, answer.header("allow")), (204, Some("GET, HEAD, POST, DELETE")));
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let bench = Bench::new();
    let paths = ["/health", "/nothing", &format!("/api/{}/v1/models", bench.wrapper)];
    for path in paths {
        let answer = bench.ask(request(Method::GET, path)).await;
        let value = |name| answer.header(name).unwrap_or_else(|| panic!("{path} has no {name}"));
        assert_eq!(
            value("content-security-policy"),
            "frame-ancestors 'none'; base-uri 'self'; object-src 'none'"
        );
        assert_eq!(value("permissions-policy"), "camera=(), microphone=(), geolocation=()");
        assert_eq!(value("referrer-policy"), "no-referrer");
        assert_eq!(value("x-content-type-options"), "nosniff");
        assert_eq!(value("x-frame-options"), "DENY");
    }
}
