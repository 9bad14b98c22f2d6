//! Which pages of other origins may call the API: CORS.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode};

use super::Edge;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE, OPTIONS");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, Accept, X-API-Key, anthropic-version, X-Admin-API-Key, Idempotency-Key, \
     X-Request-Id, X-Promptgate-Wait-Revision",
);
const READABLE: HeaderValue = HeaderValue::from_static(
    "X-Request-Id, Retry-After, Location, X-Promptgate-Revision, X-Promptgate-Revision-Served, \
     X-Promptgate-Replicas-Behind",
);
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// Answers every `OPTIONS`, and tells browsers whose pages may read the other answers.
pub(crate) async fn cors(State(edge): State<Arc<Edge>>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let allowed = origin.filter(|origin| {
        origin.to_str().is_ok_and(|origin| edge.allowed_origins.iter().any(|allowed| allowed == origin))
    });
    let mut response = match (request.method(), &allowed) {
        (&Method::OPTIONS, Some(_)) => StatusCode::NO_CONTENT.into_response(),
        (&Method::OPTIONS, None) => (StatusCode::FORBIDDEN, "origin not allowed").into_response(),
        _ => next.run(request).await,
    };
    if !edge.allowed_origins.is_empty() {
        // Without it, a cache gives one origin's answer to another.
        response.headers_mut().append(header::VARY, HeaderValue::from_static("Origin"));
    }
    if let Some(origin) = allowed {
        allow(response.headers_mut(), origin);
    }
    response
}

fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, READABLE);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
}

#[cfg(test)]
mod tests {
    use crate::Edge;
    use crate::testing::{Answer, Api, request};

    async fn asked(api: &Api, method: &str, path: &str, origin: Option<&str>) -> Answer {
        let mut request = request(method, path, "");
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
            request.headers_mut().insert("access-control-request-method", "PUT".parse().unwrap());
        }
        api.answer(request).await
    }

    async fn api() -> Api {
        let allowed_origins = vec!["http://localhost:3000".to_owned(), "https://ui.example".to_owned()];
        Api::behind(Edge { allowed_origins, ..Edge::default() }).await
    }

    #[tokio::test]
    async fn a_preflight_of_an_allowed_page_is_answered_whatever_it_asks_for() {
        let api = api().await;
        for path in ["/api/v1/admin/users/x/groups", "/api/v1/nowhere", "/auth/password", "/"] {
            let answer = asked(&api, "OPTIONS", path, Some("http://localhost:3000")).await;
            assert_eq!((answer.status, answer.text()), (204, ""), "{path}");
            assert_eq!(answer.header("access-control-allow-origin"), "http://localhost:3000");
            assert_eq!(answer.header("access-control-allow-credentials"), "true");
            assert_eq!(answer.header("access-control-max-age"), "600");
            assert_eq!(answer.header("vary"), "Origin");
            assert!(answer.header("access-control-allow-methods").contains("PUT"));
            for name in ["Authorization", "Content-Type", "Accept", "X-API-Key", "anthropic-version"] {
                assert!(answer.header("access-control-allow-headers").contains(name), "{name}");
            }
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
        }
    }

    #[tokio::test]
    async fn other_pages_are_turned_away() {
        let api = api().await;
        for origin in [None, Some("null"), Some("https://ui.example.evil"), Some("https://UI.example")] {
            let answer = asked(&api, "OPTIONS", "/api/v1/admin/users", origin).await;
            assert_eq!((answer.status, answer.text()), (403, "origin not allowed"), "{origin:?}");
            assert_eq!(answer.header("access-control-allow-origin"), "");
        }
    }

    #[tokio::test]
    async fn answers_can_be_read_by_allowed_pages_alone_refusals_too() {
        let api = api().await;
        let answer = asked(&api, "GET", "/api/v1/admin/projects", Some("https://ui.example")).await;
        assert_eq!(
            (answer.status, answer.header("access-control-allow-origin")),
            (401, "https://ui.example")
        );
        let answer = asked(&api, "GET", "/health", Some("https://evil.example")).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, ""));
        assert_eq!(answer.header("vary"), "Origin");
    }
}
