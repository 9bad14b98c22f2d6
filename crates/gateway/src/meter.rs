//! What operators see of a call: its span, its log line, its metrics.

mod handles;
mod unpriced;

use std::net::IpAddr;
use std::time::Duration;

use metrics::{counter, gauge, histogram};
use promptgate_firewall::guardrails::Verdict;
use promptgate_kernel::{Money, ProjectId, Revision, TokenId};
use promptgate_usage::{Outcome, TokenCounts, UsageEvent};
use tracing::Span;
use tracing::field::{Empty, display};

use crate::ports::SinkError;
use crate::receive::Route;
use crate::refusal::Refusal;
use crate::snapshot::CompiledProvider;

pub(crate) use handles::CallMeters;

/// The span of one call, with the attribute names of OpenTelemetry's conventions for generative AI.
pub(crate) fn span(route: Route) -> Span {
    tracing::info_span!(
        "gateway.request",
        otel.name = route.name(),
        otel.kind = "server",
        gen_ai.operation.name = route.gen_ai_operation(),
        gen_ai.provider.name = Empty,
        gen_ai.request.model = Empty,
        gen_ai.request.stream = Empty,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        http.response.status_code = Empty,
        error.type = Empty,
        request.id = Empty,
        upstream.request.id = Empty,
        project.id = Empty,
        token.id = Empty,
    )
}

/// What is said of a settled call.
pub(crate) struct Settled<'a> {
    pub(crate) route: Route,
    pub(crate) request_id: &'a str,
    /// The provider's own id of its last call.
    pub(crate) provider_request_id: Option<&'a str>,
    pub(crate) project: Option<ProjectId>,
    pub(crate) token: Option<TokenId>,
    pub(crate) provider: Option<&'a CompiledProvider>,
    pub(crate) model: Option<&'a str>,
    /// The tool that calls.
    pub(crate) tool: Option<&'static str>,
    pub(crate) streamed: bool,
    /// Whether it repeats another call and is booked with it.
    pub(crate) repeats: bool,
    pub(crate) status: u16,
    pub(crate) outcome: Outcome,
    pub(crate) code: Option<&'static str>,
    pub(crate) tokens: &'a TokenCounts,
    pub(crate) estimated: bool,
    pub(crate) cost: Money,
    pub(crate) latency: Duration,
    /// What of it the gateway itself took.
    pub(crate) own: Duration,
    pub(crate) first_byte: Option<Duration>,
    pub(crate) attempts: u32,
    pub(crate) client: IpAddr,
    pub(crate) revision: Revision,
}

pub(crate) fn settled(call: &Settled<'_>, span: &Span, meters: &CallMeters) {
    if !span.is_disabled() {
        record(call, span);
    }
    log(call);
    meters.measure(call);
}

fn record(call: &Settled<'_>, span: &Span) {
    span.record("request.id", call.request_id);
    span.record("http.response.status_code", call.status);
    span.record("gen_ai.request.stream", call.streamed);
    span.record("gen_ai.usage.input_tokens", call.tokens.total_input());
    span.record("gen_ai.usage.output_tokens", call.tokens.total_output());
    if let Some(id) = call.provider_request_id {
        span.record("upstream.request.id", id);
    }
    if let Some(provider) = call.provider {
        span.record("gen_ai.provider.name", provider.provider.kind.as_str());
    }
    if let Some(model) = call.model {
        span.record("gen_ai.request.model", model);
    }
    if let Some(code) = call.code {
        span.record("error.type", code);
    }
    if let Some(project) = call.project {
        span.record("project.id", display(project));
    }
    if let Some(token) = call.token {
        span.record("token.id", display(token));
    }
}

/// The canonical line: one per request, without content and secrets.
fn log(call: &Settled<'_>) {
    tracing::info!(
        target: "promptgate::request",
        outcome = call.outcome.as_str(),
        request.id = call.request_id,
        project.id = call.project.map(display),
        token.id = call.token.map(display),
        client.address = %call.client,
        gen_ai.operation.name = call.route.name(),
        provider = call.provider.map(|compiled| compiled.provider.name.as_str()),
        model = call.model,
        upstream.request.id = call.provider_request_id,
        client.tool = call.tool,
        stream = call.streamed,
        http.response.status_code = call.status,
        error.code = call.code,
        gen_ai.usage.input_tokens = call.tokens.total_input(),
        gen_ai.usage.output_tokens = call.tokens.total_output(),
        usage.estimated = call.estimated,
        cost_usd = %call.cost,
        duration_ms = millis(call.latency),
        gateway_ms = millis(call.own),
        first_byte_ms = call.first_byte.map(millis),
        attempts = call.attempts,
        repeats = call.repeats,
        revision = call.revision.number(),
        "{} {}: {}", call.route.name(), call.status, call.outcome
    );
}

fn millis(span: Duration) -> f64 {
    (span.as_secs_f64() * 1e6).round() / 1e3
}

/// A request had no route. Strangers make many of these, so there is no line for each.
pub(crate) fn turned_away(refusal: &Refusal) {
    counter!("promptgate_requests_turned_away_total", "code" => refusal.code()).increment(1);
    tracing::debug!(error.code = refusal.code(), "turned a request away: {}", refusal.message());
}

/// A call came from an address that may not call. `scope` says whose rules keep it out.
pub(crate) fn address_denied(scope: &'static str) {
    counter!("promptgate_firewall_denied_total", "scope" => scope).increment(1);
}

/// Guardrails have read a text.
pub(crate) fn guarded(verdict: &Verdict, micros: i64) {
    #[expect(clippy::cast_precision_loss, reason = "a span of time that fits many times over")]
    histogram!("promptgate_guardrail_seconds").record(micros as f64 / 1e6);
    for found in &verdict.matches {
        let (guardrail, mode) = (found.guardrail.key(), found.mode.name());
        counter!("promptgate_guardrail_matches_total", "guardrail" => guardrail, "mode" => mode).increment(1);
    }
}

/// A model was to find names and addresses in what a client wrote.
pub(crate) fn contextual(outcome: &'static str) {
    counter!("promptgate_guardrail_contextual_total", "outcome" => outcome).increment(1);
}

/// A call that reached no provider was not recorded, because there was no room; its line in the log
/// says all that the event would.
pub(crate) fn event_declined() {
    counter!("promptgate_usage_events_declined_total").increment(1);
}

/// A stream was ended because its limits had no room for more.
pub(crate) fn cut() {
    counter!("promptgate_streams_cut_total").increment(1);
}

/// What became of a request that is to be made once.
pub(crate) fn once(result: &'static str) {
    counter!("promptgate_idempotent_requests_total", "result" => result).increment(1);
}

/// A usage event could not be kept; it is written to the log instead, so that it can be booked.
pub(crate) fn event_lost(event: &UsageEvent, error: &SinkError) {
    counter!("promptgate_usage_events_lost_total").increment(1);
    tracing::error!(
        error = error as &dyn std::error::Error,
        event = serde_json::to_string(event).unwrap_or_default(),
        "a usage event could not be kept"
    );
}

/// Counts an open stream for as long as it lives.
pub(crate) struct OpenStream(());

impl OpenStream {
    pub(crate) fn begin() -> Self {
        gauge!("promptgate_streams_open").increment(1.0);
        Self(())
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        gauge!("promptgate_streams_open").decrement(1.0);
    }
}
