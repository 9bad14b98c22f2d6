//! How a call's trace continues the client's and goes on at the provider.

use http::HeaderMap;

/// Ties the gateway's spans to the traces of clients and providers.
pub trait TraceContext: Send + Sync {
    /// Makes the trace that `headers` tell of the parent of `span`.
    fn continue_from(&self, span: &tracing::Span, headers: &HeaderMap);

    /// Writes the trace that `span` belongs to into the headers of an outgoing request. They hold
    /// the client's `traceparent` and `tracestate` already.
    fn carry_on(&self, span: &tracing::Span, headers: &mut HeaderMap);
}

/// For a process without traces of its own: what the client sent goes on to the provider.
#[derive(Debug, Clone, Copy, Default)]
pub struct PassedOn;

impl TraceContext for PassedOn {
    fn continue_from(&self, _: &tracing::Span, _: &HeaderMap) {}

    fn carry_on(&self, _: &tracing::Span, _: &mut HeaderMap) {}
}
