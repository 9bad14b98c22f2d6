//! Ties the gateway's spans to the traces of clients and providers.

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
