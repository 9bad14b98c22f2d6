//! One call to a provider, up to where its answer is certain: whole, or with something in it that a
//! client would miss.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::join;
use futures_util::{StreamExt, stream};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use promptgate_firewall::guardrails::Verdict;
use promptgate_providers::{Operation, Shape};
use promptgate_translate::{
    Block, ChatAnswer, ProviderError, Stop, broken_off, embeddings, read_answer, read_error, write_answer,
    write_error,
};
use promptgate_usage::Outcome;
use promptgate_wire::{Observed, estimate, observe_whole};
use serde_json::value::RawValue;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};

use crate::affinity::{IdWriter, Pin};
use crate::attempt::Sent;
use crate::bodies::NoRoom;
use crate::candidate::{Ask, Candidate};
use crate::failures;
use crate::fault::Fault;
use crate::guardrails::GuardRefusal;
use crate::headers::{add_dropped, passed, provider_request_id};
use crate::outgoing::{Answered, GuardFailed, Passed};
use crate::passage::{Passage, Passing};
use crate::ports::{UpstreamBody, UpstreamError, UpstreamResponse};
use crate::prepare::{Prepared, Times};
use crate::record::{Record, Spent};
use crate::refusal::Refusal;
use crate::relay::{Answer, Relayed};
use crate::reported::{fault_of, fault_of_reported, plain_error, retry_delay};
use crate::resilience::{Course, retry_after};
use crate::stream::{Opened, Ways, apart};

/// As much of an error is read as can hold a message.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// So much of a stream is held back until there is something in it that a client would miss.
const MAX_HELD: usize = 64 * 1024;
/// Where nobody else could answer, the beginning of a stream is held back no longer than this: its
/// client would otherwise take a model that thinks for one that is gone.
const HELD_FOR_NOBODY: Duration = Duration::from_secs(10);

/// A call that failed.
pub(crate) struct Failed {
    pub(crate) fault: Fault,
    /// What the provider said, as the client gets it when nobody else answers.
    pub(crate) told: Option<Box<Told>>,
}

/// An answer that says no.
pub(crate) struct Told {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self { fault, told: None }
    }
}

/// One call.
pub(crate) struct Exchange<'a> {
    pub(crate) prepared: &'a Prepared,
    pub(crate) candidate: &'a Candidate,
    pub(crate) passage: Passage,
    pub(crate) times: Times,
    /// For everything but the stream that was asked for.
    pub(crate) deadline: Instant,
    pub(crate) estimate: bool,
    /// Whose ids the answer has.
    pub(crate) pin: Pin,
}

impl Exchange<'_> {
    /// Makes the call and reads its answer. An answer that is no stream is read to its end, so that
    /// its cost is known before its head goes out.
    pub(crate) async fn make(
        &self,
        sent: Sent,
        course: &Course<'_>,
        record: &mut Record,
    ) -> Result<Relayed, Failed> {
        let response = match sent {
            Sent::There(request) => {
                let upstream = record.shared.upstream.clone();
                let answer = async {
                    let answer = upstream.call(request);
                    if self.prepared.stream { answer.await } else { self.in_time(answer).await }
                };
                if record.transcript.is_worth_reading() {
                    // What is asked is read for the record while the provider is at it: the call goes
                    // out first.
                    let reading = async {
                        yield_now().await;
                        record.transcript.read();
                    };
                    join(answer, reading).await.0
                } else {
                    answer.await
                }
            }
            Sent::Here(response) => Ok(response),
        };
        let response = response.map_err(|error| failed(error, record))?;
        self.read(response, course, record).await
    }

    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, UpstreamError>>,
    ) -> Result<T, UpstreamError> {
        timeout_at(self.deadline, work).await.unwrap_or(Err(UpstreamError::TotalTimeout))
    }

    async fn read(
        &self,
        response: UpstreamResponse,
        course: &Course<'_>,
        record: &mut Record,
    ) -> Result<Relayed, Failed> {
        let UpstreamResponse { status, headers, mut body, waited } = response;
        record.worked = status.is_success();
        record.provider_request_id = provider_request_id(&headers);
        let is_unread = matches!(self.passage, Passage::Unread);
        if is_compressed(&headers) {
            return Err(Fault::Compressed.into());
        }
        if !is_unread && matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT) {
            return Err(Fault::Broken.into());
        }
        let mut passing_headers = passed(&headers, record.shared.clock.now());
        add_dropped(&mut passing_headers, &record.dropped);
        if self.estimate {
            passing_headers.insert("x-promptgate-estimate", HeaderValue::from_static("true"));
        }
        if !status.is_success() {
            return Box::pin(self.refused(status, &headers, passing_headers, &mut body, record)).await;
        }
        if self.is_stream(&headers) {
            if !self.prepared.stream && matches!(self.passage, Passage::Other { .. }) {
                record.note("the provider answered with a stream that nobody asked for");
                return Err(Fault::Broken.into());
            }
            record.streamed = true;
            passing_headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
            let opened = Box::pin(self.hold(body, waited, course, record)).await?;
            let answer = Answer::Stream(Box::new(opened));
            return Ok(Relayed::new(status, passing_headers, answer));
        }
        record.streamed = false;
        let limit = record.shared.limits.max_response_bytes;
        let body = self.read_whole(&mut body, limit, record).await.map_err(|error| failed(error, record))?;
        let answer = match &self.passage {
            Passage::Unread => Whole { body, ..Whole::default() },
            _ if body.is_empty() => {
                record.note("the provider answered with nothing");
                return Err(Fault::Broken.into());
            }
            Passage::Same { operation, .. } => {
                // Clients read it by its type, which some services leave out.
                passing_headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
                self.same(*operation, body, record)?
            }
            Passage::Other { from, to, context } => {
                passing_headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                let answer = match read_answer(*from, &body) {
                    Ok(answer) => answer,
                    Err(unreadable) => {
                        if let Some(error) = read_error(*from, &body) {
                            return Err(self.reported(&error, record));
                        }
                        record.note(unreadable.to_string());
                        return Err(Fault::Broken.into());
                    }
                };
                let is_broken_off = answer.stop == Stop::Error;
                let observed = observed(&answer);
                if is_broken_off && answer.blocks.is_empty() {
                    return Err(self.broken_off(observed, record));
                }
                let whole = Whole { observed, is_broken_off, ..Whole::default() };
                if let Ask::Chat(_) = self.prepared.ask {
                    record.note_spent(&self.spent(whole.observed.clone()));
                    match self.ruled_chat(answer, whole.observed.output_bytes, record).await {
                        Ok(answer) => {
                            record.transcript.said(&answer);
                            Whole { chat: Some(answer), ..whole }
                        }
                        Err(refusal) => Whole { refused: Some(refusal), ..whole },
                    }
                } else {
                    Whole { body: write_answer(*to, &answer, context), ..whole }
                }
            }
            Passage::Embeddings { model, encoding } => {
                passing_headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                let embedded = embeddings::read_cohere(&body, model, *encoding).map_err(|unreadable| {
                    record.note(unreadable.to_string());
                    Fault::Broken
                })?;
                let observed = Observed { tokens: embedded.usage, ended: true, ..Observed::default() };
                Whole { body: embedded.body, observed, ..Whole::default() }
            }
        };
        let answer = Box::pin(self.answer(answer, record)).await;
        Ok(Relayed::new(status, passing_headers, answer))
    }

    /// A whole answer, as the guardrails let it pass, with what it took.
    async fn answer(&self, whole: Whole, record: &mut Record) -> Answer {
        let Whole { body, observed, chat, is_broken_off, refused } = whole;
        let spent = self.spent(observed);
        // It may wait for a reader, and its client may leave.
        record.note_spent(&spent);
        let body = match self.ids(false, record) {
            Some(ids) => ids.whole(&body),
            None => body,
        };
        let (outcome, code) = if is_broken_off {
            record.note("the model broke off its answer");
            (Outcome::UpstreamFailed, Some(Fault::Broken.code()))
        } else {
            (Outcome::Completed, None)
        };
        let (body, shown, refused) = match refused {
            None if chat.is_none() => match self.ruled(body, record).await {
                Ok((body, shown)) => (body, shown, None),
                Err(refusal) => (Bytes::new(), None, Some(refusal)),
            },
            refused => (body, None, refused),
        };
        Answer::Whole { body, spent, outcome, code, chat, shown, refused }
    }

    /// What an answer took in which that was seen.
    fn spent(&self, observed: Observed) -> Spent {
        let is_free =
            matches!(self.passage, Passage::Unread) || self.prepared.operation == Operation::CountTokens;
        if is_free { Spent::Nothing } else { Spent::Seen(observed) }
    }

    /// A body as the rules for what models say let it pass, and as its client gets it, where that is
    /// another.
    async fn ruled(&self, body: Bytes, record: &mut Record) -> Result<(Bytes, Option<Bytes>), Box<Refusal>> {
        let outgoing = self.prepared.outgoing.clone();
        if outgoing.is_idle() {
            return Ok((body, None));
        }
        let operation = self.prepared.operation;
        let answered = match self.passage {
            Passage::Unread => Answered::Kept,
            _ => Answered::By(operation),
        };
        let reading = record.shared.readers.read(body.len(), move || {
            let passed = outgoing.inspect(answered, body)?;
            let shown = outgoing.restored(operation, &passed.body);
            Ok((passed, shown))
        });
        match reading.await.unwrap_or(Err(GuardFailed)) {
            Ok((Passed { body, verdict, micros }, shown)) => {
                guarded(verdict, micros, record)?;
                Ok((body, shown))
            }
            Err(GuardFailed) => Err(Box::new(Refusal::GuardFailed)),
        }
    }

    /// The same for an answer in no vendor's words, which has so many bytes.
    async fn ruled_chat(
        &self,
        mut answer: ChatAnswer,
        bytes: u64,
        record: &mut Record,
    ) -> Result<Box<ChatAnswer>, Box<Refusal>> {
        let outgoing = self.prepared.outgoing.clone();
        if outgoing.is_idle() {
            return Ok(Box::new(answer));
        }
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let reading = record.shared.readers.read(bytes, move || {
            let passed = outgoing.inspect_chat(&mut answer)?;
            Ok((passed, Box::new(answer)))
        });
        let (Passed { verdict, micros, .. }, answer) = reading
            .await
            .unwrap_or(Err(GuardFailed))
            .map_err(|GuardFailed| Box::new(Refusal::GuardFailed))?;
        guarded(verdict, micros, record)?;
        Ok(answer)
    }

    /// What a whole answer is whose status says that all is well.
    fn same(&self, operation: Operation, body: Bytes, record: &mut Record) -> Result<Whole, Failed> {
        let observed = observe_whole(operation, &body);
        if !observed.ended && serde_json::from_slice::<&RawValue>(&body).is_err() {
            record.note("the provider answered with something that is not JSON");
            return Err(Fault::Broken.into());
        }
        if observed.error_event {
            let error = read_error(operation.into(), &body).or_else(|| plain_error(&body));
            return Err(self.reported(&error.unwrap_or_default(), record));
        }
        Ok(Whole { body, observed, ..Whole::default() })
    }

    /// An answer whose status says no.
    async fn refused(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        mut passing: HeaderMap,
        body: &mut UpstreamBody,
        record: &mut Record,
    ) -> Result<Relayed, Failed> {
        record.note(format!("the provider answered {status}"));
        let said = self.read_whole(body, MAX_ERROR_BYTES, record).await;
        let is_whole = said.is_ok();
        let said = self.candidate.provider.without_credential(said.unwrap_or_default());
        let said = self.with_ids_of_client(said);
        let shape = self.passage.provider_shape();
        let error = shape.and_then(|shape| read_error(shape, &said)).or_else(|| plain_error(&said));
        let after = retry_after(headers, record.shared.clock.now()).or_else(|| retry_delay(&said));
        let fault = fault_of(status, error.as_ref(), after);
        if !matches!(fault, Fault::Rejected { .. } | Fault::RateLimited { .. }) {
            return Err(fault.into());
        }
        let body = match self.passage {
            Passage::Same { .. } | Passage::Unread if is_whole => said,
            // Half an error, or one that is too long, says nothing to anybody.
            _ => {
                passing.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                self.written(status, &error.unwrap_or_default(), record)
            }
        };
        Err(Failed { fault, told: Some(Box::new(Told { status, headers: passing, body })) })
    }

    /// What a provider says of a thing that it keeps, with the id that the client knows it by.
    fn with_ids_of_client(&self, said: Bytes) -> Bytes {
        let known = self.prepared.answer_ids.iter().flat_map(|ids| &ids.known);
        known.fold(said, |said, (own, id)| {
            let text = String::from_utf8_lossy(&said);
            if !own.is_empty() && text.contains(own) { text.replace(own, id).into() } else { said }
        })
    }

    /// An error in place of an answer, under a status that said that all is well.
    fn reported(&self, error: &ProviderError, record: &mut Record) -> Failed {
        record.note("the provider reported an error in its answer");
        // Nothing came of it, whatever the status said: it costs nothing.
        record.worked = false;
        let message = self.candidate.provider.without_credential(error.message.clone().into());
        let message = String::from_utf8_lossy(&message).into_owned();
        let error = &ProviderError { message, ..error.clone() };
        let fault = fault_of_reported(error);
        if !matches!(fault, Fault::Rejected { .. } | Fault::RateLimited { .. }) {
            return fault.into();
        }
        let status = StatusCode::from_u16(fault.status()).unwrap_or(StatusCode::BAD_GATEWAY);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let body = self.written(status, error, record);
        Failed { fault, told: Some(Box::new(Told { status, headers, body })) }
    }

    /// A model that stopped before it said anything: it may have thought for long, and that has its price.
    fn broken_off(&self, seen: Observed, record: &mut Record) -> Failed {
        let failed = self.reported(&broken_off(), record);
        record.worked = true;
        record.note_held(seen);
        failed
    }

    /// A provider's error in the client's words.
    fn written(&self, status: StatusCode, error: &ProviderError, record: &Record) -> Bytes {
        let shape = Shape::from(self.prepared.operation);
        let body = write_error(shape, status.as_u16(), error, record.request_id_text());
        self.candidate.provider.without_credential(body)
    }

    /// Holds the beginning of a stream back until there is something in it that a client would miss.
    /// Until then a failure is nobody's but ours: somebody else may be asked.
    async fn hold(
        &self,
        mut upstream: UpstreamBody,
        waited: Duration,
        course: &Course<'_>,
        record: &mut Record,
    ) -> Result<Opened, Failed> {
        let mut passing = self.passage.stream().with_ids(self.ids(true, record));
        let begun = Instant::now();
        let over = begun + self.times.first_byte.saturating_sub(waited);
        let (mut held, mut size) = (Vec::new(), 0);
        let most = record.held_allowance.as_ref().and_then(|held| held.most_output());
        let room = most.map_or(u64::MAX, |most| most.saturating_mul(estimate::BYTES_PER_TOKEN));
        while !(passing.has_content() || passing.has_ended() || size > MAX_HELD) {
            let for_nobody = size > 0 && !course.has_other();
            let until = if for_nobody { over.min(begun + HELD_FOR_NOBODY) } else { over };
            match timeout_at(until, upstream.next()).await {
                Ok(Some(Ok(piece))) => {
                    let (piece, rest) = apart(piece, room);
                    if !rest.is_empty() {
                        upstream = stream::iter(rest).chain(upstream).boxed();
                    }
                    size += piece.len();
                    record.answer_bytes = size as u64;
                    let out = passing.push(piece);
                    if !out.is_empty() {
                        held.push(out);
                    }
                    self.look_for_error(&passing, &held, record)?;
                    record.note_held(passing.observed());
                }
                Ok(Some(Err(error))) => return Err(failed(error, record).into()),
                Ok(None) => {
                    let rest = passing.end();
                    if !rest.is_empty() {
                        held.push(rest);
                    }
                    self.look_for_error(&passing, &held, record)?;
                    if !passing.has_ended() && !passing.is_unread() && !passing.has_content() {
                        record.note("the answer ended before it said anything");
                        return Err(Fault::Broken.into());
                    }
                    record.note_first_byte();
                    let opened =
                        Opened::new(upstream, passing, held, self.times.idle, self.candidate, self.ways());
                    return Ok(opened.finished());
                }
                // It lives and thinks, and nobody else could do better, or could not while it was waited for.
                Err(_) if for_nobody || (size > 0 && !course.has_other()) => break,
                Err(_) => return Err(failed(UpstreamError::FirstByteTimeout, record).into()),
            }
        }
        record.note_first_byte();
        Ok(Opened::new(upstream, passing, held, self.times.idle, self.candidate, self.ways()))
    }

    fn look_for_error(&self, passing: &Passing, held: &[Bytes], record: &mut Record) -> Result<(), Failed> {
        if passing.has_content() || !passing.has_reported() {
            return Ok(());
        }
        if passing.is_broken_off() {
            return Err(self.broken_off(passing.observed(), record));
        }
        let error = passing.reported(held, self.passage.provider_shape()).unwrap_or_default();
        Err(self.reported(&error, record))
    }

    /// What guardrails do with a stream.
    fn ways(&self) -> Ways {
        let (outgoing, operation) = (&self.prepared.outgoing, self.prepared.operation);
        Ways { rules: outgoing.rules(operation), values: outgoing.values(operation) }
    }

    /// What writes the ids of the answer that lead back, if it has any.
    fn ids(&self, streamed: bool, record: &Record) -> Option<IdWriter> {
        let is_own = matches!(self.passage, Passage::Same { .. } | Passage::Unread);
        let ids = self.prepared.answer_ids.as_ref().filter(|_| is_own)?;
        Some(IdWriter::new(ids.clone(), self.pin, record.shared.affinity.clone(), streamed))
    }

    /// The provider decides whether it streams; its content type says so.
    fn is_stream(&self, headers: &HeaderMap) -> bool {
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let is =
            |kind: &str| content_type.get(..kind.len()).is_some_and(|start| start.eq_ignore_ascii_case(kind));
        is("text/event-stream") || (self.prepared.stream && !is("application/json") && !is("text/html"))
    }

    async fn read_whole(
        &self,
        body: &mut UpstreamBody,
        limit: usize,
        record: &mut Record,
    ) -> Result<Bytes, UpstreamError> {
        let mut first: Option<Bytes> = None;
        let mut buffer = BytesMut::new();
        let mut size = 0;
        loop {
            let pause = Instant::now() + self.times.idle;
            let next = match timeout_at(pause.min(self.deadline), body.next()).await {
                Ok(next) => next,
                Err(_) if pause < self.deadline => return Err(UpstreamError::IdleTimeout),
                Err(_) => return Err(UpstreamError::TotalTimeout),
            };
            let Some(chunk) = next.transpose()? else { break };
            if record.worked {
                record.note_first_byte();
            }
            size += chunk.len();
            if size > limit {
                return Err(UpstreamError::TooLarge);
            }
            let room = record.shared.bodies.grow(&mut record.answer_room, size);
            room.map_err(|NoRoom| UpstreamError::NoRoom)?;
            record.answer_bytes = size as u64;
            // Most answers are one piece, which needs no copy.
            if first.is_none() && buffer.is_empty() {
                first = Some(chunk);
            } else {
                if let Some(first) = first.take() {
                    buffer.extend_from_slice(&first);
                }
                buffer.extend_from_slice(&chunk);
            }
        }
        Ok(first.unwrap_or_else(|| buffer.freeze()))
    }
}

/// An answer that is here as a whole.
#[derive(Default)]
struct Whole {
    body: Bytes,
    observed: Observed,
    chat: Option<Box<ChatAnswer>>,
    /// Whether the model stopped without being done.
    is_broken_off: bool,
    /// Why the client does not get it.
    refused: Option<Box<Refusal>>,
}

/// Takes down what the rules found, and says whether the answer is refused.
fn guarded(verdict: Verdict, micros: i64, record: &mut Record) -> Result<(), Box<Refusal>> {
    record.guarded(&verdict, micros);
    let Some(blocked) = verdict.refusal else { return Ok(()) };
    let refusal = Refusal::from(GuardRefusal::Blocked(blocked));
    failures::note(&Arc::clone(&record.shared), record, record.caller.as_deref(), &refusal);
    Err(Box::new(refusal))
}

/// What an answer took, as the translation saw it.
fn observed(answer: &ChatAnswer) -> Observed {
    let bytes = answer.blocks.iter().map(|block| match block {
        Block::Text { text, .. } | Block::Thinking { text, .. } | Block::Refusal { text } => text.len(),
        Block::ToolCall { name, arguments, .. } => name.len() + arguments.len(),
        _ => 0,
    });
    let output_bytes = bytes.sum::<usize>() as u64;
    Observed {
        tokens: answer.usage.filter(|tokens| tokens.total() > 0 || output_bytes == 0),
        output_bytes,
        model: answer.model.clone(),
        response_id: answer.id.clone(),
        ended: true,
        ..Observed::default()
    }
}

/// Whether an answer cannot be read: it was asked for without any encoding.
fn is_compressed(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().any(|value| {
        let value = value.as_bytes().trim_ascii();
        !value.is_empty() && !value.eq_ignore_ascii_case(b"identity")
    })
}

/// Says once what went wrong, with its cause.
pub(crate) fn failed(error: UpstreamError, record: &mut Record) -> Fault {
    tracing::warn!(
        error = &error as &dyn std::error::Error,
        provider = record.provider.as_ref().map(|compiled| compiled.provider.name.as_str()),
        request.id = record.request_id_text(),
        "a call to a provider failed"
    );
    record.note(error.to_string());
    error.into()
}
