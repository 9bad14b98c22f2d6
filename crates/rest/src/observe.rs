//! The outermost layer: request id, security headers, failures told and logged, one line a request.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method};
use promptgate_kernel::{CallId, Timestamp};
use serde_json::Value;
use tracing::Instrument;

use crate::ApiState;
use crate::error::Failure;
use crate::headers::{REQUEST_ID, given_request_id, secure};

struct Observed {
    id: String,
    method: Method,
    path: String,
    peer: Option<SocketAddr>,
    user_agent: String,
    started: Timestamp,
}

/// Wraps every request of the API.
pub(crate) async fn observe(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let clock = &*state.control.clock;
    let id = given_request_id(request.headers())
        .unwrap_or_else(|| CallId::mint(clock, &*state.control.entropy).to_string());
    let observed = Observed::of(id, &request, clock.now());
    let span = tracing::info_span!("http.request", request.id = %observed.id, http.route = %observed.path);
    let mut response = next.run(request).instrument(span).await;
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

/// Logs why it failed, once and here, and puts the request's id into the body.
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
    (response.status(), Json(body)).into_response()
}

impl Observed {
    fn of(id: String, request: &Request, started: Timestamp) -> Self {
        let agent = request.headers().get(http::header::USER_AGENT);
        Self {
            id,
            method: request.method().clone(),
            path: request.uri().path().chars().take(512).collect(),
            peer: request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0),
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
        let duration = now.since(self.started).as_secs_f64() * 1_000.0;
        let peer = self.peer.map_or_else(|| "-".to_owned(), |peer| peer.to_string());
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    request.id = %self.id,
                    http.method = %self.method,
                    http.path = %self.path,
                    http.status = status,
                    duration_ms = duration,
                    remote_addr = %peer,
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
