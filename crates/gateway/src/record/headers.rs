//! What every answer says about its call.

use std::fmt::Write;

use http::{HeaderMap, HeaderName, HeaderValue};
use promptgate_kernel::{CallId, Money};
use promptgate_usage::Guarded;
use promptgate_wire::Surface;

use super::Record;
use crate::headers::ROOM;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(crate) const ANTHROPIC_REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const PROVIDER: HeaderName = HeaderName::from_static("x-promptgate-provider");
const MODEL: HeaderName = HeaderName::from_static("x-promptgate-model");
const COST: HeaderName = HeaderName::from_static("x-promptgate-cost");
const ATTEMPTS: HeaderName = HeaderName::from_static("x-promptgate-attempts");
const GUARDRAILS: HeaderName = HeaderName::from_static("x-promptgate-guardrails");
const REVISION: HeaderName = HeaderName::from_static("x-promptgate-revision");

/// So many rules are named in a header.
const MOST_RULES: usize = 10;

impl Record {
    /// The headers that every answer has, as far as they are known.
    pub(crate) fn headers(&self, cost: Option<Money>) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(ROOM);
        self.put_headers(cost, &mut headers);
        headers
    }

    /// Puts them beside those that are there.
    pub(crate) fn put_headers(&self, cost: Option<Money>, headers: &mut HeaderMap) {
        headers.insert(REQUEST_ID, self.request_id.clone());
        if self.surface == Surface::Anthropic {
            headers.insert(ANTHROPIC_REQUEST_ID, self.request_id.clone());
        }
        if let Some(compiled) = &self.provider {
            put(headers, PROVIDER, compiled.provider.name.as_str());
        }
        if let Some(model) = &self.model {
            put(headers, MODEL, model);
        }
        if let Some(cost) = cost {
            put(headers, COST, &cost.to_string());
        }
        if let Some(guarded) = &self.guarded {
            put(headers, GUARDRAILS, &told(guarded));
        }
        headers.insert(ATTEMPTS, HeaderValue::from(self.attempts));
        headers.insert(REVISION, HeaderValue::from(self.revision.number()));
        self.timing.write(headers);
    }
}

/// What the guardrails did, such as `changed; pii_filter.email, secret_scanner.github_pat; score=0.031`.
fn told(guarded: &Guarded) -> String {
    let mut rules: Vec<&str> = guarded.matches.iter().map(|found| found.rule.as_str()).collect();
    rules.sort_unstable();
    rules.dedup();
    let mut told = guarded.outcome.clone();
    if !rules.is_empty() {
        told.push_str("; ");
        told.push_str(&rules[..rules.len().min(MOST_RULES)].join(", "));
    }
    if let Some(score) = guarded.injection_score {
        let _ = write!(told, "; score={}.{:03}", score / 1_000, score % 1_000);
    }
    told
}

/// Leaves out what no header can hold.
fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// The client's own request id if it is a sane one, else the call's.
pub(crate) fn request_id(headers: &HeaderMap, id: CallId) -> HeaderValue {
    let given = headers.get(REQUEST_ID).filter(|value| {
        (1..=128).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic)
    });
    given.cloned().unwrap_or_else(|| {
        HeaderValue::from_str(&id.to_string()).expect("an id is hexadecimal digits and hyphens")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(given: &[u8]) -> HeaderValue {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_bytes(given).unwrap());
        request_id(&headers, "018f4e6e-0000-7000-8000-000000000001".parse().unwrap())
    }

    #[test]
    fn a_sane_request_id_is_kept_and_another_replaced() {
        assert_eq!(id_for(b"abc-123/x"), "abc-123/x");
        assert_eq!(id_for(&[b'x'; 128]).len(), 128);
        for wrong in [&b""[..], b"two words", b"\xff", &[b'x'; 129]] {
            assert_eq!(id_for(wrong), "018f4e6e-0000-7000-8000-000000000001");
        }
    }
}
