//! Sixth stage: the request as the provider gets it.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use promptgate_providers::{Operation, ProviderKind};
use promptgate_wire::Envelope;

use crate::inspect::Inspected;
use crate::pipeline::Shared;
use crate::ports::UpstreamRequest;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::snapshot::{CompiledProvider, ProviderAuth};

/// A request that is ready to be sent.
pub(crate) struct Prepared {
    pub(crate) operation: Operation,
    pub(crate) provider: Arc<CompiledProvider>,
    pub(crate) target: Target,
    /// Whether the client asked for a stream.
    pub(crate) stream: bool,
    /// Whether the usage at the end of the stream is the gateway's wish and not for the client.
    pub(crate) hide_usage: bool,
    pub(crate) idle_timeout: Duration,
    pub(crate) first_byte_timeout: Duration,
    pub(crate) total_timeout: Duration,
    _made_here: (),
}

/// Who is asked.
pub(crate) enum Target {
    /// A provider, over HTTP.
    Http(UpstreamRequest),
    /// The gateway itself.
    Echo {
        /// The request.
        envelope: Envelope,
        /// The model's name in the answer.
        model: String,
        /// Whether the stream ends with its usage.
        include_usage: bool,
    },
}

/// Decides on address, headers, credential and the few bytes of the body that change.
pub(crate) fn prepare(
    inspected: Inspected,
    shared: &Shared,
    record: &mut Record,
) -> Result<Prepared, Refusal> {
    let addressed = inspected.addressed;
    let (provider, envelope) = (addressed.provider, addressed.envelope);
    let operation = envelope.operation;
    let hide_usage = envelope.stream && !envelope.asks_usage && can_ask_usage(&provider, operation);
    if hide_usage {
        record.note("usage asked for at the end of the stream");
    }
    let limits = &shared.limits;
    let timeouts = provider.timeouts;
    let first_byte_timeout = timeouts.first_byte.unwrap_or(limits.first_byte_timeout);
    let stream = envelope.stream;
    let target = if provider.provider.kind == ProviderKind::Echo {
        let include_usage = hide_usage || envelope.asks_usage;
        Target::Echo { envelope, model: addressed.model, include_usage }
    } else {
        Target::Http(UpstreamRequest {
            url: provider.url(operation).to_owned(),
            headers: outgoing_headers(&addressed.headers, &provider, shared, record)?,
            body: envelope.outgoing(&addressed.model, hide_usage),
            connect_timeout: timeouts.connect.unwrap_or(limits.connect_timeout),
            first_byte_timeout,
        })
    };
    Ok(Prepared {
        operation,
        target,
        stream,
        hide_usage,
        first_byte_timeout,
        idle_timeout: timeouts.idle.unwrap_or(limits.idle_timeout),
        total_timeout: timeouts.total.unwrap_or(limits.total_timeout),
        provider,
        _made_here: (),
    })
}

/// Whether usage may be asked for. A service that refuses the option has `"streamUsage": false` in
/// its configuration.
fn can_ask_usage(provider: &CompiledProvider, operation: Operation) -> bool {
    let switched_off = provider.provider.config.get("streamUsage") == Some(&serde_json::Value::Bool(false));
    operation == Operation::ChatCompletions && !switched_off
}

fn outgoing_headers(
    from: &HeaderMap,
    provider: &CompiledProvider,
    shared: &Shared,
    record: &Record,
) -> Result<HeaderMap, Refusal> {
    let mut headers = HeaderMap::with_capacity(16);
    for (name, value) in from {
        if passes(name) {
            headers.append(name, value.clone());
        }
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // What is observed on the way must be readable on the way.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(HeaderName::from_static("x-request-id"), record.request_id().clone());
    if provider.provider.kind == ProviderKind::Anthropic {
        headers
            .entry(HeaderName::from_static("anthropic-version"))
            .or_insert(HeaderValue::from_static("2023-06-01"));
    }
    match &provider.auth {
        ProviderAuth::None => {}
        ProviderAuth::Bearer(value) => {
            headers.insert(AUTHORIZATION, value.clone());
        }
        ProviderAuth::ApiKey(value) => {
            headers.insert(HeaderName::from_static("x-api-key"), value.clone());
        }
        ProviderAuth::Unusable => {
            let provider = provider.provider.name.as_str().to_owned();
            return Err(Refusal::CredentialUnusable { provider });
        }
    }
    shared.trace_context.carry_on(&record.span, &mut headers);
    Ok(headers)
}

/// Whether a header of the client reaches the provider. Everything that is not named here stays:
/// credentials, cookies, where the client is, whatever else a network put in, and on whose account
/// the provider is to book, which is not the client's to say.
fn passes(name: &HeaderName) -> bool {
    let text = name.as_str();
    let names_account = matches!(text, "openai-organization" | "openai-project");
    name == ACCEPT
        || matches!(text, "user-agent" | "traceparent" | "tracestate" | "idempotency-key")
        || (text.starts_with("openai-") && !names_account)
        || text.starts_with("anthropic-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_headers_reach_the_provider() {
        let passing = ["accept", "user-agent", "traceparent", "openai-beta", "anthropic-version"];
        let staying = [
            "authorization",
            "x-api-key",
            "cookie",
            "host",
            "x-forwarded-for",
            "x-real-ip",
            "forwarded",
            "accept-encoding",
            "content-length",
            "connection",
            "proxy-authorization",
            "openai-organization",
            "openai-project",
            "x-anything",
        ];
        for name in passing {
            assert!(passes(&HeaderName::from_static(name)), "{name}");
        }
        for name in staying {
            assert!(!passes(&HeaderName::from_static(name)), "{name}");
        }
    }
}
