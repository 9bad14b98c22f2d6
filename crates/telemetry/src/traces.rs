//! Traces: where they go, and how they cross process boundaries.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{FutureExt, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HeaderExtractor, HeaderInjector, HttpClient};
use opentelemetry_otlp::{ExporterBuildError, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Where traces go: OTLP over HTTP with protobuf.
#[derive(Clone)]
pub struct Traces {
    /// The whole address.
    pub endpoint: String,
    /// Headers to send along, credentials among them.
    pub headers: HashMap<String, String>,
    /// How long one delivery may take.
    pub timeout: Duration,
    /// The name of this service.
    pub service_name: String,
    /// Which process it is.
    pub process: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Carries them.
    pub client: Arc<dyn HttpClient>,
}

impl std::fmt::Debug for Traces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Traces").field("service_name", &self.service_name).finish_non_exhaustive()
    }
}

impl Traces {
    pub(crate) fn provider(self) -> Result<SdkTracerProvider, ExporterBuildError> {
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_shared_http_client(self.client)
            .with_endpoint(self.endpoint)
            .with_headers(self.headers)
            .with_timeout(self.timeout)
            .build()?;
        let resource = Resource::builder()
            .with_service_name(self.service_name)
            .with_attribute(KeyValue::new("service.version", self.version))
            .with_attribute(KeyValue::new("promptgate.process", self.process))
            .build();
        Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
    }
}

/// Makes `span` part of the trace that a request's `traceparent` names, if it names one.
pub fn set_parent(span: &Span, headers: &HeaderMap) {
    if span.is_disabled() {
        return;
    }
    let context =
        TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(headers));
    if context.span().span_context().is_valid() {
        // Without a tracer there is nothing to attach to, and that is fine.
        let _ = span.set_parent(context);
    }
}

/// Runs `work` so that the spans it begins belong to the trace that a request's `traceparent` names,
/// if it names one.
pub async fn within_trace<F: Future>(headers: &HeaderMap, work: F) -> F::Output {
    let context =
        TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(headers));
    work.with_context(context).await
}

/// Writes `traceparent` for a call that belongs to `span`. Leaves the headers alone when `span` is
/// in no trace, so that what a client sent passes as it is.
pub fn inject_context(span: &Span, headers: &mut HeaderMap) {
    if span.is_disabled() {
        return;
    }
    let context = span.context();
    if context.span().span_context().is_valid() {
        TraceContextPropagator::new().inject_context(&context, &mut HeaderInjector(headers));
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn crossing(traced: bool) -> HeaderMap {
        let provider = SdkTracerProvider::builder().build();
        let layer = traced.then(|| tracing_opentelemetry::layer().with_tracer(provider.tracer("test")));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", PARENT.parse().expect("a header value"));
            let span = tracing::info_span!("http.request");
            set_parent(&span, &headers);
            inject_context(&span, &mut headers);
            headers
        })
    }

    #[test]
    fn the_trace_goes_on_under_a_new_parent() {
        let headers = crossing(true);
        let value = headers["traceparent"].to_str().expect("text");
        assert!(value.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && value != PARENT, "{value}");
    }

    #[test]
    fn work_within_a_trace_goes_on_under_it() {
        let provider = SdkTracerProvider::builder().build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let mut given = HeaderMap::new();
            given.insert("traceparent", PARENT.parse().expect("a header value"));
            let trace = |headers: &HeaderMap| {
                let mut headers = headers.clone();
                inject_context(&tracing::info_span!("http.request"), &mut headers);
                headers["traceparent"].to_str().expect("text")[..36].to_owned()
            };
            let ours = within_trace(&given, async { trace(&given) });
            let ours =
                std::pin::pin!(ours).poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
            assert_eq!(ours, std::task::Poll::Ready(PARENT[..36].to_owned()));
            assert_ne!(trace(&given), PARENT[..36], "and nothing else does");
        });
    }

    #[test]
    fn without_traces_the_header_passes_as_it_is() {
        assert_eq!(crossing(false)["traceparent"], PARENT);
    }
}
