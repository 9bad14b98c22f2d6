//! One call to a provider, up to where its answer is certain: whole, or with something in it that a
//! client would miss.

mod hold;
mod rejected;
mod whole;

use bytes::Bytes;
use futures_util::future::join;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use promptgate_providers::Operation;
use promptgate_translate::{Stop, embeddings, read_answer, read_error, write_answer};
use promptgate_wire::Observed;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};

use crate::affinity::{IdWriter, Pin};
use crate::attempt::Sent;
use crate::candidate::{Ask, Candidate};
use crate::fault::Fault;
use crate::headers::{add_dropped, passed, provider_request_id};
use crate::passage::Passage;
use crate::ports::{UpstreamError, UpstreamResponse};
use crate::prepare::{Prepared, Times};
use crate::record::{Record, Spent};
use crate::relay::{Answer, Relayed};
use crate::resilience::Course;
use whole::{Whole, observed};

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

    /// What an answer took in which that was seen.
    fn spent(&self, observed: Observed) -> Spent {
        let is_free =
            matches!(self.passage, Passage::Unread) || self.prepared.operation == Operation::CountTokens;
        if is_free { Spent::Nothing } else { Spent::Seen(observed) }
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
