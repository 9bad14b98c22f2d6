//! Which headers go from the client to a provider, and which come back.

use std::time::Duration;

use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue};
use promptgate_kernel::Timestamp;
use promptgate_providers::{Shape, WireFormat};

use crate::candidate::{Candidate, SecretHeader};
use crate::record::{Record, shortened};
use crate::resilience::{RETRY_AFTER_MS, retry_after};

const ANTHROPIC_BETA: HeaderName = HeaderName::from_static("anthropic-beta");
const ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");
const OPENAI_BETA: HeaderName = HeaderName::from_static("openai-beta");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const UPSTREAM_REQUEST_ID: HeaderName = HeaderName::from_static("x-upstream-request-id");
const DROPPED: HeaderName = HeaderName::from_static("x-promptgate-dropped");
/// More is cut: a header of this length passes everywhere.
const MAX_DROPPED_BYTES: usize = 1_000;

/// How many headers an answer has, with those of the provider, the gateway and the server.
pub(crate) const ROOM: usize = 20;

/// What of an answer's headers passes as it is.
const PASSED: [HeaderName; 7] = [
    CONTENT_TYPE,
    RETRY_AFTER,
    RETRY_AFTER_MS,
    HeaderName::from_static("x-should-retry"),
    HeaderName::from_static("openai-version"),
    HeaderName::from_static("openai-processing-ms"),
    HeaderName::from_static("openai-model"),
];

/// Whether a header of the client may reach a provider. Everything that is not named here stays:
/// credentials, cookies, where the client is, whatever else a network put in, and on whose account
/// the provider is to book, which is not the client's to say. An `Idempotency-Key` is the gateway's own
/// business: one token's key must not meet another's at the provider.
pub(crate) fn passes(name: &HeaderName) -> bool {
    let text = name.as_str();
    let names_account = matches!(text, "openai-organization" | "openai-project");
    name == ACCEPT
        || matches!(text, "user-agent" | "traceparent" | "tracestate")
        || (text.starts_with("openai-") && !names_account)
        || text.starts_with("anthropic-")
}

/// The headers of a call to a provider that speaks `shape`, or anything where there is none. `from`
/// are those of the client, of which few may pass. What its vendor's header asks for and the provider does not
/// know is left out and added to `dropped`.
pub(crate) fn outgoing(
    from: &HeaderMap,
    candidate: &Candidate,
    shape: Option<Shape>,
    secret: Option<&SecretHeader>,
    record: &Record,
    dropped: &mut Vec<String>,
) -> HeaderMap {
    let speaks_anthropic = shape.is_none_or(|shape| matches!(shape, Shape::Messages | Shape::CountTokens));
    let speaks_openai = shape
        .is_none_or(|shape| matches!(shape, Shape::ChatCompletions | Shape::Responses | Shape::Embeddings));
    // With what the client of HTTP adds, a dozen; the map doubles if there are more.
    let mut headers = HeaderMap::with_capacity(12);
    for (name, value) in from.iter().filter(|(name, _)| passes(name)) {
        let text = name.as_str();
        if *name == ANTHROPIC_BETA {
            let known = |beta: &str| speaks_anthropic && candidate.capabilities.takes_beta(beta);
            if let Some(value) = known_betas(value, known, dropped) {
                headers.append(name, value);
            }
        } else if text.starts_with("anthropic-") && !speaks_anthropic
            || text.starts_with("openai-") && !speaks_openai
        {
            if *name == OPENAI_BETA {
                dropped.push(OPENAI_BETA.as_str().to_owned());
            }
        } else {
            headers.append(name, value.clone());
        }
    }
    // What is observed on the way must be readable on the way.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(REQUEST_ID, record.request_id().clone());
    if shape.is_some() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let is_anthropic = candidate.provider.provider.kind.wire_format() == WireFormat::Anthropic;
    if is_anthropic || shape.is_some() && speaks_anthropic {
        headers.entry(ANTHROPIC_VERSION).or_insert(HeaderValue::from_static("2023-06-01"));
    }
    if let Some(secret) = secret {
        headers.insert(secret.name.clone(), secret.value.clone());
    }
    record.shared.trace_context.carry_on(&record.span, &mut headers);
    headers
}

/// The betas of a header that are known; as it came if all are.
fn known_betas(
    value: &HeaderValue,
    known: impl Fn(&str) -> bool,
    dropped: &mut Vec<String>,
) -> Option<HeaderValue> {
    let text = value.to_str().ok()?;
    let betas = || text.split(',').map(str::trim).filter(|beta| !beta.is_empty());
    let before = dropped.len();
    dropped.extend(betas().filter(|beta| !known(beta)).map(|beta| format!("anthropic-beta: {beta}")));
    if dropped.len() == before {
        return Some(value.clone());
    }
    let kept: Vec<_> = betas().filter(|beta| known(beta)).collect();
    if kept.is_empty() { None } else { HeaderValue::from_str(&kept.join(",")).ok() }
}

/// What of the provider's headers the client gets: what describes this answer. Those that describe
/// the operator's account with the provider stay. There is room for the gateway's own.
pub(crate) fn passed(from: &HeaderMap, now: Timestamp) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(ROOM);
    for name in PASSED {
        if let Some(value) = from.get(&name) {
            headers.insert(name, value.clone());
        }
    }
    if headers.contains_key(RETRY_AFTER) || headers.contains_key(RETRY_AFTER_MS) {
        add_retry_after(&mut headers, retry_after(from, now));
    }
    if let Some(id) = own_id(from) {
        headers.insert(UPSTREAM_REQUEST_ID, id.clone());
    }
    headers
}

/// The provider's own id of a call.
pub(crate) fn provider_request_id(from: &HeaderMap) -> Option<String> {
    own_id(from)?.to_str().ok().map(shortened)
}

fn own_id(from: &HeaderMap) -> Option<&HeaderValue> {
    from.get("x-request-id").or_else(|| from.get("request-id"))
}

/// Says when to try again in both ways that clients read, as far as they are not said yet.
pub(crate) fn add_retry_after(headers: &mut HeaderMap, after: Option<Duration>) {
    let Some(after) = after else { return };
    let millis = u64::try_from(after.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX);
    headers.entry(RETRY_AFTER).or_insert_with(|| HeaderValue::from(millis.div_ceil(1_000)));
    headers.entry(RETRY_AFTER_MS).or_insert_with(|| HeaderValue::from(millis));
}

/// Tells the client which hints of its request were left out.
pub(crate) fn add_dropped(headers: &mut HeaderMap, dropped: &[String]) {
    if dropped.is_empty() {
        return;
    }
    let mut text = String::new();
    for name in dropped {
        let name: String = name.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').collect();
        if text.len() + name.len() + 2 > MAX_DROPPED_BYTES {
            break;
        }
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&name);
    }
    if let Ok(value) = HeaderValue::from_str(&text) {
        headers.insert(DROPPED, value);
    }
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
            "idempotency-key",
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

    #[test]
    fn unknown_betas_are_left_out_and_reported() {
        let filtered = |text: &'static str| {
            let mut dropped = Vec::new();
            let value = HeaderValue::from_static(text);
            let kept = known_betas(&value, |beta| beta.starts_with("known-"), &mut dropped);
            (kept.map(|kept| kept.to_str().unwrap().to_owned()), dropped)
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(filtered("known-1,  known-2"), (text("known-1,  known-2"), vec![]), "as it came");
        let dropped = vec!["anthropic-beta: new-1".to_owned()];
        assert_eq!(filtered("known-1, new-1,known-2"), (text("known-1,known-2"), dropped.clone()));
        assert_eq!(filtered("new-1"), (None, dropped));
    }

    #[test]
    fn retry_after_is_told_both_ways() {
        // Wed, 21 Oct 2026 07:28:00 GMT.
        let now = Timestamp::from_micros(1_792_567_680_000_000);
        let mut from = HeaderMap::new();
        from.insert(RETRY_AFTER, HeaderValue::from_static("7"));
        let told = passed(&from, now);
        assert_eq!(
            (&told[RETRY_AFTER], &told[RETRY_AFTER_MS]),
            (&"7".parse().unwrap(), &"7000".parse().unwrap())
        );
        from.insert(RETRY_AFTER, HeaderValue::from_static("Wed, 21 Oct 2026 07:28:09 GMT"));
        let told = passed(&from, now);
        assert_eq!(told[RETRY_AFTER], "Wed, 21 Oct 2026 07:28:09 GMT");
        assert_eq!(told[RETRY_AFTER_MS], "9000");
    }

    #[test]
    fn cookies_and_account_headers_stay() {
        let mut from = HeaderMap::new();
        for name in ["set-cookie", "server", "openai-organization", "x-ratelimit-limit-requests"] {
            from.insert(name, HeaderValue::from_static("x"));
        }
        from.insert("request-id", HeaderValue::from_static("req_1"));
        let told = passed(&from, Timestamp::default());
        assert_eq!(told.len(), 1);
        assert_eq!(told[UPSTREAM_REQUEST_ID], "req_1");
    }

    #[test]
    fn what_was_dropped_fits_into_a_header() {
        let mut headers = HeaderMap::new();
        add_dropped(&mut headers, &[]);
        assert!(headers.is_empty());
        add_dropped(&mut headers, &["top_k".into(), "messages[0].cache_control".into()]);
        assert_eq!(headers[DROPPED], "top_k, messages[0].cache_control");
        add_dropped(&mut headers, &vec!["x".repeat(90); 100]);
        assert!(headers[DROPPED].len() <= MAX_DROPPED_BYTES);
    }
}
