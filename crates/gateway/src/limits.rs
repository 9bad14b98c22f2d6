//! How much and how long: the settings of the data plane.

use std::time::Duration;

use promptgate_forwarded::ProxyTrust;
use promptgate_projects::RecordBodies;

use crate::contextual::ContextualModel;

/// What becomes of an upstream call whose client left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisconnectPolicy {
    /// It is ended at once.
    Cancel,
    /// It is read to its end, so that the usage is the provider's own, but not longer than `limit`.
    /// At most [`GatewayLimits::max_drains`] at a time; the next ones are ended at once.
    Drain {
        /// For how long at most.
        limit: Duration,
    },
}

/// Bounds of every call. A provider's own [`Timeouts`](promptgate_providers::Timeouts) take the
/// place of those here.
#[derive(Debug, Clone)]
pub struct GatewayLimits {
    /// The largest request body.
    pub max_request_bytes: usize,
    /// The largest answer that is no stream.
    pub max_response_bytes: usize,
    /// How long a client may take to send its body.
    pub upload_timeout: Duration,
    /// Until the connection to the provider is there, TLS included.
    pub connect_timeout: Duration,
    /// From then until the answer begins.
    pub first_byte_timeout: Duration,
    /// Between two pieces of the answer.
    pub idle_timeout: Duration,
    /// A whole upstream call, unless it streams.
    pub total_timeout: Duration,
    /// What becomes of an upstream call whose client left.
    pub disconnect: DisconnectPolicy,
    /// How many calls may be drained at a time.
    pub max_drains: usize,
    /// How many upstream calls one call may make.
    pub max_attempts: u32,
    /// How much load repetitions may add to a provider, in percent of its calls.
    pub retry_budget_percent: u32,
    /// What is kept of what is said, where a project does not say.
    pub record_bodies: RecordBodies,
    /// How long the outcome of a call with an `Idempotency-Key` is kept for its repetitions.
    pub idempotency_ttl: Duration,
    /// How long a streamed answer may stand still before what guardrails keep of it goes out, judged as if
    /// it ended there; `None` keeps it until it is decided.
    pub guardrails_hold_back: Option<Duration>,
    /// The model that finds names and addresses in what clients write; `None` where none is set up.
    pub contextual: Option<ContextualModel>,
    /// Whose word about the client's address counts.
    pub proxies: ProxyTrust,
}

impl Default for GatewayLimits {
    fn default() -> Self {
        Self {
            max_request_bytes: 32 * 1024 * 1024,
            max_response_bytes: 64 * 1024 * 1024,
            upload_timeout: Duration::from_mins(1),
            connect_timeout: Duration::from_secs(10),
            first_byte_timeout: Duration::from_mins(2),
            idle_timeout: Duration::from_mins(2),
            total_timeout: Duration::from_mins(10),
            disconnect: DisconnectPolicy::Cancel,
            max_drains: 64,
            max_attempts: 4,
            retry_budget_percent: 20,
            record_bodies: RecordBodies::Full,
            idempotency_ttl: Duration::from_hours(24),
            guardrails_hold_back: None,
            contextual: None,
            proxies: ProxyTrust::Nobody,
        }
    }
}
