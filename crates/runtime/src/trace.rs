//! Ties the gateway's spans to the traces of clients and providers.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use promptgate_gateway::TraceContext;
use tracing::Span;

/// The W3C trace context, as telemetry reads and writes it.
pub(crate) struct W3cTraceContext;

impl TraceContext for W3cTraceContext {
    fn continue_from(&self, span: &Span, headers: &HeaderMap) {
        promptgate_telemetry::set_parent(span, headers);
    }

    fn carry_on(&self, span: &Span, headers: &mut HeaderMap) {
        promptgate_telemetry::inject_context(span, headers);
    }
}

/// Lets what the control plane does for a request belong to the trace of its client.
pub(crate) async fn continue_trace(request: Request, next: Next) -> Response {
    let headers = request.headers().clone();
    promptgate_telemetry::within_trace(&headers, next.run(request)).await
}
