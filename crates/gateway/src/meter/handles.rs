//! The metrics of calls, looked up once for all calls of a kind.

use std::sync::{Arc, OnceLock};

use metrics::{Counter, Histogram, SharedString, counter, histogram};
use promptgate_usage::TokenCounts;
use quick_cache::sync::Cache;

use super::Settled;
use super::unpriced::Unpriced;

/// More kinds of calls than an installation has; the least used are looked up again beyond that.
const MOST_KINDS: usize = 1_024;

/// What the metrics of calls are kept under.
pub(crate) struct CallMeters {
    kinds: Cache<Kind, Arc<Handles>>,
    /// What of them has no price.
    pub(crate) unpriced: Unpriced,
}

/// What calls have in common whose metrics are the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Kind {
    operation: &'static str,
    provider: Option<Arc<str>>,
    status: &'static str,
    outcome: &'static str,
}

/// The metrics of a kind. One that has no value yet is not shown.
struct Handles {
    requests: Counter,
    duration: Histogram,
    own: Histogram,
    provider: SharedString,
    first_byte: OnceLock<Histogram>,
    tokens: [OnceLock<Counter>; 8],
    cost: OnceLock<Counter>,
}

impl Default for CallMeters {
    fn default() -> Self {
        Self { kinds: Cache::new(MOST_KINDS), unpriced: Unpriced::default() }
    }
}

impl CallMeters {
    /// Counts a settled call.
    pub(super) fn measure(&self, call: &Settled<'_>) {
        let operation = call.route.name();
        let handles = self.handles(Kind {
            operation,
            provider: call.provider.map(|compiled| Arc::clone(&compiled.label)),
            status: match call.status {
                200..300 => "2xx",
                300..400 => "3xx",
                400..500 => "4xx",
                _ => "5xx",
            },
            outcome: call.outcome.as_str(),
        });
        let provider = || handles.provider.clone();
        handles.requests.increment(1);
        handles.duration.record(call.latency);
        handles.own.record(call.own);
        if let Some(first_byte) = call.first_byte {
            let histogram = || {
                histogram!(
                    "promptgate_time_to_first_byte_seconds",
                    "operation" => operation, "provider" => provider(),
                )
            };
            handles.first_byte.get_or_init(histogram).record(first_byte);
        }
        for ((class, count), handle) in classes(call.tokens).into_iter().zip(&handles.tokens) {
            if count > 0 {
                let counter =
                    || counter!("promptgate_tokens_total", "class" => class, "provider" => provider());
                handle.get_or_init(counter).increment(count);
            }
        }
        if let Ok(nanos @ 1..) = u64::try_from(call.cost.as_nanos()) {
            let counter = || counter!("promptgate_cost_nanodollars_total", "provider" => provider());
            handles.cost.get_or_init(counter).increment(nanos);
        }
    }

    fn handles(&self, kind: Kind) -> Arc<Handles> {
        if let Some(handles) = self.kinds.get(&kind) {
            return handles;
        }
        let handles = Arc::new(Handles::of(&kind));
        self.kinds.insert(kind, Arc::clone(&handles));
        handles
    }
}

impl Handles {
    fn of(kind: &Kind) -> Self {
        let operation = kind.operation;
        let provider =
            kind.provider.clone().map_or(SharedString::const_str("none"), SharedString::from_shared);
        Self {
            requests: counter!(
                "promptgate_requests_total",
                "operation" => operation, "provider" => provider.clone(),
                "status" => kind.status, "outcome" => kind.outcome,
            ),
            duration: histogram!(
                "promptgate_request_duration_seconds",
                "operation" => operation, "provider" => provider.clone(),
            ),
            own: histogram!("promptgate_gateway_duration_seconds", "operation" => operation),
            provider,
            first_byte: OnceLock::new(),
            tokens: std::array::from_fn(|_| OnceLock::new()),
            cost: OnceLock::new(),
        }
    }
}

const fn classes(tokens: &TokenCounts) -> [(&'static str, u64); 8] {
    [
        ("input", tokens.input),
        ("cache_read", tokens.cache_read),
        ("cache_write_5m", tokens.cache_write_5m),
        ("cache_write_1h", tokens.cache_write_1h),
        ("audio_input", tokens.audio_input),
        ("output", tokens.output),
        ("reasoning", tokens.reasoning),
        ("audio_output", tokens.audio_output),
    ]
}
