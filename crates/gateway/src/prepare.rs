//! Sixth stage: what all calls for a request have in common.

use http::HeaderMap;
use promptgate_providers::{Operation, Timeouts};

use crate::admit::asks;
use crate::affinity::AnswerIds;
use crate::allowance;
use crate::candidate::{Ask, Candidate};
use crate::inspect::Inspected;
use crate::limits::GatewayLimits;
use crate::outgoing::Outgoing;
use crate::record::Record;
use crate::refusal::Refusal;

/// A request that is ready to be sent to any of its candidates.
pub(crate) struct Prepared {
    pub(crate) operation: Operation,
    pub(crate) ask: Ask,
    /// Who may answer, in the order in which they are asked.
    pub(crate) candidates: Vec<Candidate>,
    /// The client's headers; few of them may reach a provider.
    pub(crate) headers: HeaderMap,
    /// Whether the client asked for a stream.
    pub(crate) stream: bool,
    /// How long this may take, before what the provider and the process say.
    pub(crate) timeouts: Timeouts,
    /// Which ids of the answer lead back to its provider.
    pub(crate) answer_ids: Option<AnswerIds>,
    /// What guardrails do with the answer.
    pub(crate) outgoing: Outgoing,
    _made_here: (),
}

/// Decides what of the request reaches whoever is asked. What guardrails changed may take more or less.
pub(crate) async fn prepare(inspected: Inspected, record: &mut Record) -> Result<Prepared, Refusal> {
    if inspected.is_changed {
        let addressed = &inspected.addressed;
        allowance::adjust(&asks(&addressed.ask), &addressed.candidates, record).await?;
    }
    let outgoing = Outgoing::new(&inspected.addressed.policy, inspected.vault);
    let addressed = inspected.addressed;
    let stream = match &addressed.ask {
        Ask::Body(envelope) => envelope.stream,
        Ask::Chat(request) => request.stream,
        Ask::Forward(_) => false,
    };
    Ok(Prepared {
        answer_ids: addressed.answer_ids,
        outgoing,
        ..Prepared::new(addressed.operation, addressed.ask, addressed.candidates, addressed.headers, stream)
    })
}

impl Prepared {
    /// A request without wishes of its own about time.
    pub(crate) fn new(
        operation: Operation,
        ask: Ask,
        candidates: Vec<Candidate>,
        headers: HeaderMap,
        stream: bool,
    ) -> Self {
        Self {
            operation,
            ask,
            candidates,
            headers,
            stream,
            timeouts: Timeouts::default(),
            answer_ids: None,
            outgoing: Outgoing::default(),
            _made_here: (),
        }
    }

    /// Whether a stream ends with what it took: chat completions say so only to whoever asks.
    pub(crate) fn tells_usage(&self) -> bool {
        match &self.ask {
            Ask::Body(envelope) => self.operation != Operation::ChatCompletions || envelope.asks_usage,
            Ask::Chat(request) => request.include_usage,
            Ask::Forward(_) => false,
        }
    }

    /// How long a call to a candidate may take.
    pub(crate) fn times(&self, candidate: &Candidate, limits: &GatewayLimits) -> Times {
        let (own, provider) = (self.timeouts, candidate.provider.timeouts);
        Times {
            connect: own.connect.or(provider.connect).unwrap_or(limits.connect_timeout),
            first_byte: own.first_byte.or(provider.first_byte).unwrap_or(limits.first_byte_timeout),
            idle: own.idle.or(provider.idle).unwrap_or(limits.idle_timeout),
            total: own.total.or(provider.total).unwrap_or(limits.total_timeout),
        }
    }
}

/// How long a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    /// Until the connection is there, TLS included.
    pub(crate) connect: std::time::Duration,
    /// From then until the answer says something.
    pub(crate) first_byte: std::time::Duration,
    /// Between two pieces of the answer.
    pub(crate) idle: std::time::Duration,
    /// In all, unless it streams.
    pub(crate) total: std::time::Duration,
}
