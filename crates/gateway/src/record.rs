//! What is known of a call, from its first byte until it is settled.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use promptgate_kernel::{CallId, CredentialId, Money, Revision, Timestamp};
use promptgate_tokens::Token;
use promptgate_usage::{Attempt, Outcome, TokenCounts, UsageEvent};
use promptgate_wire::{Observed, Surface, estimate};
use tokio::time::Instant;
use tracing::Span;

use crate::client_address::client_address;
use crate::endpoint::EndpointNote;
use crate::meter;
use crate::pipeline::Shared;
use crate::receive::{IncomingRequest, Route};
use crate::snapshot::CompiledProvider;

/// More tokens than any one call has; a provider that tells more is not believed.
const MOST_TOKENS: u64 = 1_000_000_000;
const MAX_MODEL_CHARACTERS: usize = 200;
/// What a client that left would have been told; it is in no standard, but in every access log.
pub(crate) const CLIENT_CLOSED_REQUEST: u16 = 499;

/// How a call ended.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) outcome: Outcome,
    pub(crate) status: u16,
    pub(crate) code: Option<&'static str>,
    pub(crate) spent: Spent,
}

/// What an ended call consumed.
#[derive(Debug, Clone)]
pub(crate) enum Spent {
    /// Nothing: no provider worked for it.
    Nothing,
    /// What was seen in the provider's answer.
    Seen(Observed),
    /// A provider may have worked for it, but all that is known are bytes of the answer.
    Unseen {
        /// How many.
        answer_bytes: u64,
    },
}

/// Everything that is known of one call. It is settled once: by [`Self::settle`], or, if the call
/// ends in any other way, when it is dropped.
pub(crate) struct Record {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: CallId,
    pub(crate) route: Route,
    pub(crate) surface: Surface,
    pub(crate) span: Span,
    request_id: HeaderValue,
    arrived_at: Timestamp,
    started: Instant,
    client: IpAddr,
    pub(crate) caller: Option<Arc<Token>>,
    pub(crate) requested_model: Option<String>,
    pub(crate) provider: Option<Arc<CompiledProvider>>,
    pub(crate) model: Option<String>,
    pub(crate) streamed: bool,
    pub(crate) prompt_bytes: u64,
    /// Whether a provider began to answer well, so that it may have worked for the call.
    pub(crate) worked: bool,
    /// Bytes of an answer that is read whole, while it is read.
    pub(crate) answer_bytes: u64,
    pub(crate) attempts: u32,
    /// Each of them.
    pub(crate) tried: Vec<Attempt>,
    /// The credential of the last one.
    pub(crate) credential: Option<CredentialId>,
    /// Hints of the request that the last one left out.
    pub(crate) dropped: Vec<String>,
    pub(crate) revision: Revision,
    /// The AI endpoint that was called.
    pub(crate) endpoint: Option<Box<EndpointNote>>,
    /// What it took, where a provider has answered but the call may fail all the same.
    known_spent: Option<Spent>,
    first_byte: Option<Duration>,
    trace: Vec<String>,
    settled: bool,
}

impl Record {
    pub(crate) fn open(shared: &Arc<Shared>, request: &IncomingRequest) -> Self {
        let id = CallId::mint(&*shared.clock, &*shared.entropy);
        let surface = request.route.surface(&request.headers);
        let span = meter::span(request.route);
        shared.trace_context.continue_from(&span, &request.headers);
        Self {
            id,
            route: request.route,
            surface,
            span,
            request_id: request_id(&request.headers, id),
            arrived_at: shared.clock.now(),
            started: Instant::now(),
            client: client_address(request.peer, &request.headers, &shared.limits.proxies),
            caller: None,
            requested_model: None,
            provider: None,
            model: None,
            streamed: false,
            prompt_bytes: 0,
            worked: false,
            answer_bytes: 0,
            attempts: 0,
            tried: Vec::new(),
            credential: None,
            dropped: Vec::new(),
            revision: shared.snapshot.load().revision(),
            endpoint: None,
            known_spent: None,
            first_byte: None,
            trace: Vec::new(),
            settled: false,
            shared: Arc::clone(shared),
        }
    }

    /// Adds a decision to the trace.
    pub(crate) fn note(&mut self, decision: impl Into<String>) {
        self.trace.push(decision.into());
    }

    /// Notes that the provider's answer has begun.
    pub(crate) fn note_first_byte(&mut self) {
        if self.first_byte.is_none() {
            self.first_byte = Some(self.started.elapsed());
        }
    }

    pub(crate) fn request_id(&self) -> &HeaderValue {
        &self.request_id
    }

    pub(crate) fn request_id_text(&self) -> &str {
        self.request_id.to_str().expect("only visible ASCII is taken as a request id")
    }

    /// What a call consumed that fails before its answer is known.
    pub(crate) fn spent_so_far(&self) -> Spent {
        if let Some(known) = &self.known_spent {
            return known.clone();
        }
        if self.worked { Spent::Unseen { answer_bytes: self.answer_bytes } } else { Spent::Nothing }
    }

    /// Notes what a provider's answer took, for the case that the call fails after it.
    pub(crate) fn note_spent(&mut self, spent: &Spent) {
        self.known_spent = Some(spent.clone());
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.settled
    }

    /// Makes the call's end known: usage event, log line, metrics. The first time counts; says what
    /// the call cost.
    pub(crate) fn settle(&mut self, ending: &Ending) -> Option<Money> {
        if self.settled {
            return None;
        }
        self.settled = true;
        let (tokens, estimated) = self.count(&ending.spent);
        let worked = !matches!(ending.spent, Spent::Nothing);
        let priced = match (&self.provider, &self.model) {
            (Some(compiled), Some(model)) if worked => {
                Some(self.shared.prices.price(compiled.provider.kind.as_str(), model, &tokens))
            }
            _ => None,
        };
        let cost = priced.map_or(Money::ZERO, |priced| priced.cost);
        let latency = self.started.elapsed();
        let settled = meter::Settled {
            route: self.route,
            request_id: self.request_id_text(),
            project: self.caller.as_ref().map(|token| token.project_id),
            token: self.caller.as_ref().map(|token| token.id),
            provider: self.provider.as_deref(),
            model: self.model.as_deref(),
            streamed: self.streamed,
            status: ending.status,
            outcome: ending.outcome,
            code: ending.code,
            tokens: &tokens,
            estimated,
            cost,
            latency,
            first_byte: self.first_byte,
            attempts: self.attempts,
            client: self.client,
            revision: self.revision,
        };
        self.span.in_scope(|| meter::settled(&settled, &self.span));
        if let Some(token) = self.caller.take() {
            let endpoint = self.endpoint.take();
            let endpoint = endpoint.as_deref();
            let event = UsageEvent {
                request_id: self.request_id_text().to_owned(),
                owner: token.owner,
                requested_model: self.requested_model.take(),
                provider_id: self.provider.as_ref().map(|compiled| compiled.provider.id),
                provider: self.provider.as_ref().map(|compiled| compiled.provider.name.as_str().to_owned()),
                model: self.model.clone(),
                streamed: self.streamed,
                tokens,
                estimated,
                cost,
                price_version: self.shared.prices.version().to_owned(),
                price_basis: priced.map_or("none", |priced| priced.basis.as_str()).to_owned(),
                latency_us: micros(latency),
                time_to_first_byte_us: self.first_byte.map(micros),
                error_code: ending.code.map(str::to_owned),
                attempts: self.attempts,
                tried: std::mem::take(&mut self.tried),
                credential_id: self.credential,
                dropped: std::mem::take(&mut self.dropped),
                client_ip: Some(self.client.to_string()),
                revision: self.revision,
                trace: std::mem::take(&mut self.trace),
                endpoint_id: endpoint.map(|endpoint| endpoint.id),
                endpoint_slug: endpoint.map(|endpoint| endpoint.slug.clone()),
                parent_request_id: endpoint.and_then(|endpoint| endpoint.parent_request_id.clone()),
                routing_decision: endpoint.and_then(|endpoint| endpoint.routing_decision.clone()),
                cache_hit: endpoint.is_some_and(|endpoint| endpoint.cache_hit),
                cached_tokens: endpoint.map_or(0, |endpoint| endpoint.cached_tokens),
                ..UsageEvent::of_call(
                    self.id,
                    self.arrived_at,
                    token.project_id,
                    token.id,
                    self.route.name(),
                    ending.outcome,
                    ending.status,
                )
            };
            if self.attempts == 0 && !self.shared.sink.has_room() {
                // The room that is left is for calls that cost something.
                meter::event_declined();
            } else if let Err(error) = self.shared.sink.append(&event, None) {
                meter::event_lost(&event, &error);
            }
        }
        priced.map(|priced| priced.cost)
    }

    /// The tokens of what was consumed, and whether they are an estimate.
    pub(crate) fn count(&self, spent: &Spent) -> (TokenCounts, bool) {
        let estimated = |answer_bytes| {
            let input = estimate::tokens_of_bytes(self.prompt_bytes);
            let output = estimate::tokens_of_bytes(answer_bytes);
            (TokenCounts { input, output, ..TokenCounts::default() }, true)
        };
        match spent {
            Spent::Nothing => (TokenCounts::default(), false),
            Spent::Unseen { answer_bytes } => estimated(*answer_bytes),
            // A call that was answered took something, whatever its provider says.
            Spent::Seen(observed) => match observed.tokens {
                Some(tokens) if (1..=MOST_TOKENS).contains(&tokens.total()) => (tokens, observed.partial),
                _ => estimated(observed.output_bytes),
            },
        }
    }

    /// The headers that every answer has, as far as they are known.
    pub(crate) fn headers(&self, cost: Option<Money>) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(12);
        headers.insert(REQUEST_ID, self.request_id.clone());
        if self.surface == Surface::Anthropic {
            headers.insert(ANTHROPIC_REQUEST_ID, self.request_id.clone());
        }
        if let Some(compiled) = &self.provider {
            put(&mut headers, PROVIDER, compiled.provider.name.as_str());
        }
        if let Some(model) = &self.model {
            put(&mut headers, MODEL, model);
        }
        if let Some(cost) = cost {
            put(&mut headers, COST, &cost.to_string());
        }
        headers.insert(ATTEMPTS, HeaderValue::from(self.attempts));
        headers.insert(REVISION, HeaderValue::from(self.revision.number()));
        headers
    }
}

impl Drop for Record {
    /// Nobody waits for the answer any more.
    fn drop(&mut self) {
        if !self.settled {
            // A provider that was asked may have read the prompt already, whatever became of it.
            let spent = match (self.known_spent.take(), self.attempts) {
                (Some(known), _) => known,
                (None, 0) => Spent::Nothing,
                (None, _) => Spent::Unseen { answer_bytes: self.answer_bytes },
            };
            self.note("the client left");
            self.settle(&Ending {
                outcome: Outcome::CallerCancelled,
                status: CLIENT_CLOSED_REQUEST,
                code: Some("caller_cancelled"),
                spent,
            });
        }
    }
}

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(crate) const ANTHROPIC_REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const PROVIDER: HeaderName = HeaderName::from_static("x-promptgate-provider");
const MODEL: HeaderName = HeaderName::from_static("x-promptgate-model");
const COST: HeaderName = HeaderName::from_static("x-promptgate-cost");
const ATTEMPTS: HeaderName = HeaderName::from_static("x-promptgate-attempts");
const REVISION: HeaderName = HeaderName::from_static("x-promptgate-revision");

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

/// A model's name, short enough to be kept.
pub(crate) fn shortened(model: &str) -> String {
    match model.char_indices().nth(MAX_MODEL_CHARACTERS) {
        Some((end, _)) => model[..end].to_owned(),
        None => model.to_owned(),
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
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

    #[test]
    fn long_model_names_are_cut_between_characters() {
        assert_eq!(shortened(&"ä".repeat(300)), "ä".repeat(200));
        assert_eq!(shortened("gpt"), "gpt");
    }
}
