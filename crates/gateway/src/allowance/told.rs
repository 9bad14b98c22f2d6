//! What clients are told about their limits, with every answer.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use promptgate_kernel::Timestamp;
use promptgate_limits::{Limit, Measure, Window};
use promptgate_wire::Surface;

use super::caps::Limits;
use crate::pipeline::Shared;

const DEGRADED: HeaderName = HeaderName::from_static("x-promptgate-limits-degraded");

/// How the tightest limit of a kind stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing {
    limit: u64,
    remaining: u64,
    resets_at: Timestamp,
}

/// What is told of the limits of minutes and hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    at: Timestamp,
    requests: Option<Standing>,
    tokens: Option<Standing>,
    /// What could not be kept together with the other processes.
    degraded: Vec<&'static str>,
}

impl Told {
    pub(super) fn of(limits: &Limits, at: Timestamp, is_degraded: bool, shared: &Shared) -> Option<Self> {
        let tightest = |measure: Measure| {
            let counts = |limit: &&Limit| {
                let window = limit.counter.window;
                limit.counter.measure == measure && matches!(window, Window::Minute | Window::Hour)
            };
            let all = limits.rates.iter().chain(&limits.of_model).filter(counts);
            let standing = |limit: &Limit| Standing {
                limit: limit.cap,
                remaining: shared.limiters.rates.left(limit, at).unwrap_or(limit.cap),
                resets_at: shared.limiters.rates.span(limit, at).until,
            };
            all.map(standing).min_by_key(|standing| standing.remaining)
        };
        let mut degraded = shared.limiters.degraded();
        if is_degraded && degraded.is_empty() {
            degraded.push("limits");
        }
        let told = Self {
            at: shared.clock.now(),
            requests: tightest(Measure::Requests),
            tokens: tightest(Measure::Tokens),
            degraded,
        };
        let says_nothing = told.requests.is_none() && told.tokens.is_none() && told.degraded.is_empty();
        (!says_nothing).then_some(told)
    }

    /// Puts it into the headers of an answer, in the way of OpenAI, and on Anthropic's surface in theirs too.
    pub(crate) fn put(&self, surface: Surface, headers: &mut HeaderMap) {
        for (what, standing) in [("requests", self.requests), ("tokens", self.tokens)] {
            let Some(Standing { limit, remaining, resets_at }) = standing else { continue };
            let left = resets_at.since(self.at);
            put(headers, &format!("x-ratelimit-limit-{what}"), &limit.to_string());
            put(headers, &format!("x-ratelimit-remaining-{what}"), &remaining.to_string());
            put(headers, &format!("x-ratelimit-reset-{what}"), &duration(left));
            if surface == Surface::Anthropic {
                put(headers, &format!("anthropic-ratelimit-{what}-limit"), &limit.to_string());
                put(headers, &format!("anthropic-ratelimit-{what}-remaining"), &remaining.to_string());
                let reset = Timestamp::from_micros(resets_at.as_seconds() * 1_000_000).to_string();
                put(headers, &format!("anthropic-ratelimit-{what}-reset"), &reset);
            }
        }
        if !self.degraded.is_empty()
            && let Ok(value) = HeaderValue::from_str(&self.degraded.join(", "))
        {
            headers.insert(DEGRADED, value);
        }
    }
}

fn put(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
        headers.insert(name, value);
    }
}

/// A span as OpenAI writes it: `6m0s`, `1s`, `250ms`.
fn duration(span: Duration) -> String {
    let millis = span.as_micros().div_ceil(1_000);
    if millis < 1_000 {
        return format!("{millis}ms");
    }
    let seconds = millis.div_ceil(1_000);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_written_as_the_vendor_does() {
        for (millis, written) in
            [(20, "20ms"), (1_000, "1s"), (1_001, "2s"), (60_000, "1m0s"), (3_599_500, "1h0m0s")]
        {
            assert_eq!(duration(Duration::from_millis(millis)), written);
        }
    }
}
