//! What is known of a call, from its first byte until it is settled.

mod client_tool;
mod event;
mod headers;
mod timing;
mod transcript;

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use promptgate_forwarded::client_address;
use promptgate_kernel::{CallId, CredentialId, EndpointId, Money, ProviderId, Revision, Timestamp};
use promptgate_limiter::Use;
use promptgate_tokens::Token;
use promptgate_usage::{Attempt, FinishedCall, Guarded, Outcome, Sale, TokenCounts};
use promptgate_wire::{Observed, Surface, estimate};
use tracing::Span;
use uuid::Uuid;

use crate::allowance::{Held, Payers, Told};
use crate::bodies;
use crate::endpoint::EndpointNote;
use crate::meter;
use crate::pipeline::Shared;
use crate::receive::{IncomingRequest, Route};
use crate::snapshot::CompiledProvider;
use client_tool::ClientTool;
use event::{Counted, event};
use timing::Timing;
use transcript::Transcript;

pub(crate) use headers::{ANTHROPIC_REQUEST_ID, REQUEST_ID, request_id};

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

/// How a call ended, and who answered it; for whoever makes it once.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    pub(crate) provider: Option<ProviderId>,
    pub(crate) model: Option<String>,
    pub(crate) endpoint: Option<EndpointId>,
    /// The guardrail that refused it, if one did.
    pub(crate) refused_by: Option<String>,
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

/// Which event a call is booked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Booking {
    /// Its own.
    Own,
    /// That of the call that it repeats, so that there is one.
    OfAnother,
}

/// Who wants a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MadeFor {
    /// Whoever calls.
    Caller,
    /// Somebody of the control plane, who answers for it there.
    Operator,
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
    pub(crate) arrived_at: Timestamp,
    pub(crate) timing: Timing,
    pub(crate) client: IpAddr,
    pub(crate) caller: Option<Arc<Token>>,
    pub(crate) made_for: MadeFor,
    /// Whose limits count for it.
    pub(crate) payers: Option<Box<Payers>>,
    /// What it has reserved of them.
    pub(crate) held_allowance: Option<Box<Held>>,
    /// What its client is told of them.
    pub(crate) told_limits: Option<Box<Told>>,
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
    /// The provider's own id of the last one.
    pub(crate) provider_request_id: Option<String>,
    /// The request id of the call that this one is made for, where the gateway makes it by itself.
    parent_request_id: Option<String>,
    /// How the name of the model led to those who may answer.
    pub(crate) rule: Option<String>,
    /// What the client was told went wrong.
    pub(crate) error_message: Option<String>,
    /// Who calls, as far as it says so.
    pub(crate) tool: ClientTool,
    /// What was said.
    pub(crate) transcript: Transcript,
    pub(crate) revision: Revision,
    pub(crate) booking: Booking,
    /// Where it is told how the call ended.
    ended: Option<Arc<OnceLock<Ended>>>,
    /// What the guardrails did.
    pub(crate) guarded: Option<Box<Guarded>>,
    /// The AI endpoint that was called.
    pub(crate) endpoint: Option<Box<EndpointNote>>,
    /// What it took, where a provider has answered but the call may fail all the same.
    known_spent: Option<Spent>,
    /// What its body takes of the process's memory, if much.
    pub(crate) request_room: bodies::Held,
    /// What an answer takes that is read whole.
    pub(crate) answer_room: bodies::Held,
    /// What was seen of an answer that may still be replaced by another one.
    held: Option<Box<Observed>>,
    first_byte: Option<Duration>,
    trace: Vec<String>,
    settled: bool,
}

impl Record {
    /// Opens the record of a call that has just arrived. It is large and goes from hand to hand, so it
    /// stays in one place.
    pub(crate) fn open(shared: &Arc<Shared>, request: &IncomingRequest) -> Box<Self> {
        let client = client_address(request.peer, &request.headers, &shared.limits.proxies);
        let record = Self::new(shared, request.route, &request.headers, client);
        shared.trace_context.continue_from(&record.span, &request.headers);
        record
    }

    /// Opens the record of a call that the gateway makes by itself for this one. It is a call of its own,
    /// of the same token: other providers and models have other prices. What is said in it is not kept.
    pub(crate) fn beside(&self, route: Route) -> Box<Self> {
        let mut beside = Self::new(&self.shared, route, &HeaderMap::new(), self.client);
        beside.caller.clone_from(&self.caller);
        beside.payers.clone_from(&self.payers);
        if let Some(payers) = &mut beside.payers {
            // It is no call of the endpoint's.
            payers.besides_client();
        }
        beside.revision = self.revision;
        beside.parent_request_id = Some(self.request_id_text().to_owned());
        beside
    }

    fn new(shared: &Arc<Shared>, route: Route, headers: &HeaderMap, client: IpAddr) -> Box<Self> {
        let id = CallId::mint(&*shared.clock, &*shared.entropy);
        let surface = route.surface(headers);
        let span = meter::span(route);
        Box::new(Self {
            id,
            route,
            surface,
            span,
            request_id: request_id(headers, id),
            arrived_at: shared.clock.now(),
            timing: Timing::start(),
            client,
            caller: None,
            made_for: MadeFor::Caller,
            payers: None,
            held_allowance: None,
            told_limits: None,
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
            provider_request_id: None,
            parent_request_id: None,
            rule: None,
            error_message: None,
            tool: ClientTool::of(headers),
            transcript: Transcript::nothing(),
            booking: Booking::Own,
            ended: None,
            revision: shared.snapshot.load().revision(),
            guarded: None,
            endpoint: None,
            known_spent: None,
            request_room: bodies::Held::default(),
            answer_room: bodies::Held::default(),
            held: None,
            first_byte: None,
            trace: Vec::new(),
            settled: false,
            shared: Arc::clone(shared),
        })
    }

    /// Adds a decision to the trace.
    pub(crate) fn note(&mut self, decision: impl Into<String>) {
        self.trace.push(decision.into());
    }

    /// Notes that the provider's answer has begun.
    pub(crate) fn note_first_byte(&mut self) {
        if self.first_byte.is_none() {
            self.first_byte = Some(self.timing.elapsed());
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
        match &self.held {
            _ if !self.worked => Spent::Nothing,
            Some(seen) => Spent::Seen((**seen).clone()),
            None => Spent::Unseen { answer_bytes: self.answer_bytes },
        }
    }

    /// Forgets what was seen of an answer: somebody else is asked.
    pub(crate) fn begin_anew(&mut self) {
        (self.worked, self.answer_bytes, self.held) = (false, 0, None);
        self.answer_room = bodies::Held::default();
    }

    /// Notes what was seen of an answer that may still be replaced.
    pub(crate) fn note_held(&mut self, seen: Observed) {
        self.held = Some(Box::new(seen));
    }

    /// Notes what a provider's answer took, for the case that the call fails after it.
    pub(crate) fn note_spent(&mut self, spent: &Spent) {
        self.known_spent = Some(spent.clone());
    }

    /// What the endpoint that was called says that a thousand tokens cost.
    pub(crate) fn per_thousand(&self) -> Option<Money> {
        self.endpoint.as_ref()?.per_thousand
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.settled
    }

    /// What tells how the call ended, once it has.
    pub(crate) fn ending(&mut self) -> Arc<OnceLock<Ended>> {
        Arc::clone(self.ended.get_or_insert_default())
    }

    /// Makes the call's end known: usage event, log line, metrics. The first time counts; says what
    /// the call cost.
    pub(crate) fn settle(&mut self, ending: &Ending) -> Option<Money> {
        if self.settled {
            return None;
        }
        self.settled = true;
        if let Some(ended) = &self.ended {
            let _ = ended.set(Ended {
                outcome: ending.outcome,
                provider: self.provider.as_ref().map(|compiled| compiled.provider.id),
                model: self.model.clone(),
                endpoint: self.endpoint.as_ref().map(|endpoint| endpoint.id),
                refused_by: self.guarded.as_ref().and_then(|guarded| guarded.refused_by.clone()),
            });
        }
        let (tokens, estimated) = self.count(&ending.spent);
        let worked = !matches!(ending.spent, Spent::Nothing);
        let snapshot = self.shared.snapshot.load();
        let priced = match (&self.provider, &self.model) {
            (Some(compiled), Some(model)) if worked => {
                let sale = Sale {
                    provider: compiled.provider.name.as_str(),
                    kind: compiled.provider.kind.as_str(),
                    model,
                    embedding: self.route.embeds(),
                    per_thousand: self.per_thousand(),
                };
                Some(snapshot.prices().charge(&self.shared.prices, sale, &tokens))
            }
            _ => None,
        };
        let charged = priced.map(|priced| priced.cost);
        let cost = charged.unwrap_or(Money::ZERO);
        let latency = self.timing.elapsed();
        let settled = meter::Settled {
            route: self.route,
            request_id: self.request_id_text(),
            provider_request_id: self.provider_request_id.as_deref(),
            project: self.caller.as_ref().map(|token| token.project_id),
            token: self.caller.as_ref().map(|token| token.id),
            provider: self.provider.as_deref(),
            model: self.model.as_deref(),
            tool: self.tool.name,
            streamed: self.streamed,
            repeats: self.booking == Booking::OfAnother,
            status: ending.status,
            outcome: ending.outcome,
            code: ending.code,
            tokens: &tokens,
            estimated,
            cost,
            latency,
            own: self.timing.own(),
            first_byte: self.first_byte,
            attempts: self.attempts,
            client: self.client,
            revision: self.revision,
        };
        self.span.in_scope(|| meter::settled(&settled, &self.span, &self.shared.meters));
        let held = self.held_allowance.take();
        let (holder, is_booked) = (held.as_ref().and_then(|held| held.holder()), self.caller.is_some());
        let held = held.map(|held| held.settle(self.used(ending, &tokens, cost, is_booked)));
        if let Some(token) = self.caller.take().filter(|_| self.booking == Booking::Own) {
            let price_basis = priced.map_or("none", |priced| priced.basis.as_str());
            let price_version =
                priced.map_or(self.shared.prices.version(), |priced| priced.version).to_owned();
            let holder = holder.map(|holder| Uuid::from_u128(holder.0));
            let counted =
                Counted { tokens, estimated, cost, price_basis, price_version, latency, held, holder };
            self.book(&token, ending, counted);
        }
        charged
    }

    /// What counts of a call against its limits. One that was refused does not count; nor does one that is
    /// booked with another.
    fn used(&self, ending: &Ending, tokens: &TokenCounts, cost: Money, is_booked: bool) -> Use {
        let is_own = is_booked && self.booking == Booking::Own;
        let was_refused =
            self.attempts == 0 && matches!(ending.outcome, Outcome::Refused | Outcome::GatewayFailed);
        Use {
            requests: u64::from(is_own && !was_refused),
            tokens: if is_own { tokens.total() } else { 0 },
            cost: if is_own { u64::try_from(cost.as_nanos()).unwrap_or(0) } else { 0 },
        }
    }

    fn book(&mut self, token: &Token, ending: &Ending, counted: Counted) {
        let content = self.transcript.finish(self.id, self.arrived_at, token.project_id);
        let mut event = event(self, token, ending, counted);
        if let Some(content) = &content {
            event.count_content(content);
        }
        self.shared.meters.unpriced.note(&event);
        let call = Arc::new(FinishedCall { event, content });
        if self.attempts == 0 && !self.shared.sink.has_room() {
            // The room that is left is for calls that cost something.
            meter::event_declined();
        } else if let Err(error) = self.shared.sink.append(&call) {
            meter::event_lost(&call.event, &error);
        }
    }

    /// Why the call went where it went.
    fn routing(&mut self) -> Option<String> {
        let rule = self.rule.take()?;
        match (self.tried.first(), self.tried.last()) {
            (Some(first), Some(last)) if first.provider != last.provider || first.model != last.model => {
                Some(format!("{rule}; failed over from `{}` to `{}`", first.provider, last.provider))
            }
            _ => Some(rule),
        }
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
}

impl Drop for Record {
    /// Nobody waits for the answer any more.
    fn drop(&mut self) {
        if !self.settled {
            // A provider that is being asked may have read the prompt already; one that said no has not.
            let spent = match self.known_spent.take() {
                None if !self.worked && self.attempts > 0 && self.timing.is_calling() => {
                    Spent::Unseen { answer_bytes: self.answer_bytes }
                }
                known => known.unwrap_or_else(|| self.spent_so_far()),
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

/// A model's name, short enough to be kept.
pub(crate) fn shortened(model: &str) -> String {
    short(model).to_owned()
}

/// As much of a model's name as is kept.
pub(crate) fn short(model: &str) -> &str {
    // Few are so long that their characters must be counted.
    let is_long = model.len() > MAX_MODEL_CHARACTERS;
    let end = if is_long { model.char_indices().nth(MAX_MODEL_CHARACTERS) } else { None };
    &model[..end.map_or(model.len(), |(end, _)| end)]
}

#[cfg(test)]
mod tests;
