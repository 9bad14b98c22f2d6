//! The outermost layer: request id, security headers, failures told and logged, one line a request.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;

use axum::Json;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method};
use promptgate_kernel::{CallId, Timestamp};
use serde_json::Value;
use tracing::Instrument;

use crate::ApiState;
use crate::edge::Client;
use crate::error::{ApiError, Failure};
use crate::headers::{REQUEST_ID, given_request_id, secure};

struct Observed {
    id: String,
    own: CallId,
    method: Method,
    path: String,
    client: Option<IpAddr>,
    user_agent: String,
    started: Timestamp,
}

/// Wraps every request of the API.
pub(crate) async fn observe(State(state): State<ApiState>, mut request: Request, next: Next) -> Response {
    let clock = &*state.control.clock;
    // The audit log names requests by an id that nobody outside has chosen.
    let own = CallId::mint(clock, &*state.control.entropy);
    let id = given_request_id(request.headers()).unwrap_or_else(|| own.to_string());
    let client = Client { request: Some(own), ..Client::of(&request, &state.edge) };
    let observed = Observed::of(id, own, &request, &client, clock.now());
    request.extensions_mut().insert(client);
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str);
    let span = tracing::info_span!("http.request", request.id = %observed.id, http.route = route);
    // A panic ends its request alone, and is answered and logged like every other defect.
    let handled = AssertUnwindSafe(next.run(request).instrument(span)).catch_unwind().await;
    let mut response = handled.unwrap_or_else(|_| ApiError::defect("a handler panicked").into_response());
    if let Some(failure) = response.extensions_mut().remove::<Failure>() {
        response = told(response, failure, &observed);
    }
    secure(response.headers_mut());
    if let Ok(id) = HeaderValue::from_str(&observed.id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    observed.log(&response, clock.now());
    response
}

/// Logs why it failed, once and here, and puts the request's id into the body. The headers stay: a page of
/// another origin may read the failure as it may read the rest.
fn told(response: Response, failure: Failure, observed: &Observed) -> Response {
    tracing::error!(
        request.id = %observed.id,
        code = failure.code,
        cause = %failure.cause,
        "request {} failed: {}", observed.id, failure.cause
    );
    let mut body = failure.body;
    if let Value::Object(members) = &mut body {
        members.insert(failure.id_member.to_owned(), observed.id.clone().into());
    }
    let (mut parts, _) = response.into_parts();
    for of_the_body in [CONTENT_LENGTH, CONTENT_TYPE] {
        parts.headers.remove(of_the_body);
    }
    (parts, Json(body)).into_response()
}

impl Observed {
    fn of(id: String, own: CallId, request: &Request, client: &Client, started: Timestamp) -> Self {
        let agent = request.headers().get(http::header::USER_AGENT);
        Self {
            id,
            own,
            method: request.method().clone(),
            path: request.uri().path().chars().take(512).collect(),
            client: client.address,
            user_agent: agent
                .and_then(|agent| agent.to_str().ok())
                .unwrap_or("-")
                .chars()
                .take(256)
                .collect(),
            started,
        }
    }

    /// The path without its query, which may hold what must not be logged.
    fn log(&self, response: &Response, now: Timestamp) {
        let status = response.status().as_u16();
        let micros = u32::try_from(now.since(self.started).as_micros()).unwrap_or(u32::MAX);
        let duration = f64::from(micros) / 1_000.0;
        // Only what a client has named otherwise needs the audit log's own name beside it.
        let own = Some(self.own.to_string()).filter(|own| *own != self.id);
        let client = self.client.map_or_else(|| "-".to_owned(), |client| client.to_string());
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    request.id = %self.id,
                    audit.request = own,
                    http.method = %self.method,
                    http.path = %self.path,
                    http.status = status,
                    duration_ms = duration,
                    remote_addr = %client,
                    user_agent = %self.user_agent,
                    "{} {} answered {status}", self.method, self.path
                )
            };
        }
        match status {
            500.. => line!(error),
            400.. => line!(warn),
            _ => line!(info),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use promptgate_kernel::{OsEntropy, RepositoryError};
    use promptgate_store::{Access, Store, UnitOfWork};
    use promptgate_tokens::{TokenEnv, TokenSecret};

    use crate::Edge;
    use crate::testing::Api;

    /// A store that fails on everything, with a detail that nobody outside may see.
    struct Broken {
        corrupt: bool,
    }

    impl Broken {
        fn error(&self) -> RepositoryError {
            let source = "password=canary".into();
            if self.corrupt {
                RepositoryError::Corrupt { table: "projects", id: "1".into(), source }
            } else {
                RepositoryError::Unavailable { source }
            }
        }
    }

    #[async_trait]
    impl Store for Broken {
        async fn begin(&self, _: Access) -> Result<Box<dyn UnitOfWork>, RepositoryError> {
            Err(self.error())
        }

        async fn ping(&self) -> Result<(), RepositoryError> {
            Err(self.error())
        }
    }

    #[tokio::test]
    async fn a_failure_tells_its_request_id_and_nothing_else() {
        for (corrupt, status, code) in [(true, 500, "internal_error"), (false, 503, "store_unavailable")] {
            let api = Api::over(Arc::new(Broken { corrupt })).await;
            let answer = api.get("/api/v1/admin/projects").await;
            let expected = format!(r#"{{"error":"{code}","requestId":"{}"}}"#, answer.header("x-request-id"));
            assert_eq!((answer.status, answer.text()), (status, &*expected));
            assert_eq!(answer.header("cache-control"), "no-store");
        }
    }

    /// A store with a defect.
    struct Defective;

    #[async_trait]
    impl Store for Defective {
        async fn begin(&self, _: Access) -> Result<Box<dyn UnitOfWork>, RepositoryError> {
            panic!("canary")
        }

        async fn ping(&self) -> Result<(), RepositoryError> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error_with_its_request_id() {
        let answer = Api::over(Arc::new(Defective)).await.get("/api/v1/admin/projects").await;
        let expected =
            format!(r#"{{"error":"internal_error","requestId":"{}"}}"#, answer.header("x-request-id"));
        assert_eq!((answer.status, answer.text()), (500, &*expected));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }

    #[tokio::test]
    async fn a_page_of_an_allowed_origin_reads_the_failure() {
        let edge = Edge { allowed_origins: vec!["http://localhost:3000".into()], ..Edge::default() };
        let api = Api::over_with(Arc::new(Broken { corrupt: false }), edge).await;
        let mut request = crate::testing::request("GET", "/api/v1/admin/projects", "");
        request.headers_mut().insert("origin", "http://localhost:3000".parse().unwrap());
        request.headers_mut().insert("x-admin-api-key", crate::testing::KEY.parse().unwrap());
        let answer = api.answer(request).await;
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert_eq!(answer.header("access-control-allow-origin"), "http://localhost:3000");
        assert_eq!(answer.header("access-control-allow-credentials"), "true");
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.json()["requestId"], answer.header("x-request-id"));
    }

    #[tokio::test]
    async fn a_project_route_never_blames_the_token_for_the_store() {
        let api = Api::over(Arc::new(Broken { corrupt: false })).await;
        let token = TokenSecret::generate(TokenEnv::Live, &OsEntropy);
        let answer = api.with_token("/api/018f4e6e-0000-7000-8000-000000000001/info", token.expose()).await;
        assert_eq!((answer.status, &answer.json()["ok"]), (503, &false.into()));
        assert_eq!(answer.json()["request_id"], answer.header("x-request-id"));
        assert!(!answer.text().contains("canary"));
    }

    #[tokio::test]
    async fn health_is_degraded_while_the_database_is_away() {
        let api = Api::over(Arc::new(Broken { corrupt: false })).await;
        let answer = api.without_key("GET", "/health").await;
        let expected = r#"{"status":"degraded","checks":{"database":"error"}}"#;
        assert_eq!((answer.status, answer.text()), (503, expected));
    }
}
