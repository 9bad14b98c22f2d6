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

/// No rule is named behind so many bytes of a header.
const MOST_BYTES: usize = 1_000;

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
        if let Some(told) = &self.told_limits {
            told.put(self.surface, headers);
        }
        headers.insert(ATTEMPTS, HeaderValue::from(self.attempts));
        headers.insert(REVISION, HeaderValue::from(self.revision.number()));
        self.timing.write(headers);
    }
}

/// What the guardrails did, such as `changed; pii_filter.email, secret_scanner.github_pat; score=0.031`:
/// the outcome; the rules that matched, in order, as many as there is room for; `more=`, how many rules
/// there was none for; `unnamed=`, how many matches there were besides those whose rules are known; and
/// `score=`, how sure an attack is. What is no letter, digit, `-`, `.`, `_` or `~` in a rule is
/// percent-encoded.
fn told(guarded: &Guarded) -> String {
    let mut rules: Vec<&str> = guarded.matches.iter().map(|found| found.rule.as_str()).collect();
    rules.sort_unstable();
    rules.dedup();
    let mut told = guarded.outcome.clone();
    let mut more = 0;
    let mut joint = "; ";
    for rule in rules {
        let rule = encoded(rule);
        if told.len() + joint.len() + rule.len() > MOST_BYTES {
            more += 1;
            continue;
        }
        told.push_str(joint);
        told.push_str(&rule);
        joint = ", ";
    }
    if more > 0 {
        let _ = write!(told, "; more={more}");
    }
    if guarded.more > 0 {
        let _ = write!(told, "; unnamed={}", guarded.more);
    }
    if let Some(score) = guarded.injection_score {
        let _ = write!(told, "; score={}.{:03}", score / 1_000, score % 1_000);
    }
    told
}

/// A rule's id, whose end people may have chosen, as it may stand in a header.
fn encoded(rule: &str) -> String {
    let mut encoded = String::with_capacity(rule.len());
    for byte in rule.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
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
    use promptgate_usage::GuardMatch;

    use super::*;

    fn id_for(given: &[u8]) -> HeaderValue {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_bytes(given).unwrap());
        request_id(&headers, "018f4e6e-0000-7000-8000-000000000001".parse().unwrap())
    }

    fn matched(rules: &[String]) -> Guarded {
        let found = |rule: &String| GuardMatch {
            rule: rule.clone(),
            mode: "mask".into(),
            certainty: "certain".into(),
            score: None,
            part: "messages[0].content".into(),
            start: 0,
            end: 1,
        };
        Guarded {
            outcome: "changed".into(),
            matches: rules.iter().map(found).collect(),
            ..Guarded::default()
        }
    }

    #[test]
    fn every_rule_can_be_told_in_a_header() {
        let rules = ["pii_filter.Größe, 100 %; x=1", "keyword_blocklist.\u{7f}\r\n", "pii_filter.email"];
        let rules = rules.map(str::to_owned);
        let mut guarded = matched(&[rules.as_slice(), rules.as_slice()].concat());
        (guarded.injection_score, guarded.more) = (Some(31), 7);
        let told = told(&guarded);
        assert_eq!(
            told,
            "changed; keyword_blocklist.%7F%0D%0A, pii_filter.Gr%C3%B6%C3%9Fe%2C%20100%20%25%3B%20x%3D1, \
             pii_filter.email; unnamed=7; score=0.031"
        );
        HeaderValue::from_str(&told).unwrap();
        assert_eq!(super::told(&Guarded { outcome: "passed".into(), ..Guarded::default() }), "passed");
    }

    #[test]
    fn what_there_is_no_room_for_is_counted() {
        let long = |number: usize| format!("keyword_blocklist.{number:03}{}", "ü".repeat(30));
        let told = told(&matched(&(0..100).map(long).collect::<Vec<_>>()));
        let (named, more) = told.split_once("; more=").unwrap();
        let named = named.strip_prefix("changed; ").unwrap().split(", ").count();
        assert_eq!(named + more.parse::<usize>().unwrap(), 100);
        assert!(named >= 4 && told.len() < MOST_BYTES + 20, "{told}");
        let too_long =
            matched(&[format!("keyword_blocklist.{}", "ü".repeat(200)), "pii_filter.email".into()]);
        assert_eq!(super::told(&too_long), "changed; pii_filter.email; more=1");
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
