//! One call for a request: what is sent to whom, and what becomes of the answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use promptgate_providers::{Feature, Operation, Preset, Shape};
use promptgate_translate::embeddings::Asked;
use promptgate_translate::{
    Block, ChatRequest, Context, Message, Number, Outgoing, Role, Target, Untranslatable, count, embeddings,
    read_request, write_request,
};
use promptgate_wire::{BadRequest, Edits, Envelope, echo};

use crate::allowance::most_output;
use crate::candidate::{Ask, Candidate, SecretHeader};
use crate::headers::outgoing;
use crate::passage::Passage;
use crate::ports::{UpstreamRequest, UpstreamResponse};
use crate::prepare::{Prepared, Times};
use crate::record::Record;
use crate::refusal::Refusal;

/// A call that can be made.
pub(crate) struct Attempt {
    pub(crate) sent: Sent,
    pub(crate) passage: Passage,
    /// Hints of the request that the provider does not understand.
    pub(crate) dropped: Vec<String>,
    /// Whether the answer is the gateway's estimate of what the provider does not tell.
    pub(crate) estimate: bool,
}

/// Who answers.
pub(crate) enum Sent {
    /// A provider.
    There(UpstreamRequest),
    /// The gateway itself; here is its answer.
    Here(UpstreamResponse),
}

/// Writes a request for one candidate after the other. What was read for one is kept for the next.
pub(crate) struct Writer<'a> {
    prepared: &'a Prepared,
    chat: Option<Arc<ChatRequest>>,
}

/// A body for a provider, and the way of its answer.
struct Written {
    shape: Shape,
    body: Bytes,
    passage: Passage,
    dropped: Vec<String>,
}

impl<'a> Writer<'a> {
    pub(crate) const fn new(prepared: &'a Prepared) -> Self {
        Self { prepared, chat: None }
    }

    /// The call of a candidate. Refused when the candidate cannot be asked this at all.
    pub(crate) fn attempt(
        &mut self,
        candidate: &Candidate,
        secret: Option<&SecretHeader>,
        times: Times,
        record: &mut Record,
    ) -> Result<Attempt, Refusal> {
        let prepared = self.prepared;
        if let Ask::Forward(forward) = &prepared.ask {
            let mut dropped = Vec::new();
            let mut headers = outgoing(&prepared.headers, candidate, None, secret, record, &mut dropped);
            if !forward.body.is_empty() {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
            let request = UpstreamRequest {
                method: forward.method.clone(),
                url: forward.url.clone(),
                headers,
                body: forward.body.clone(),
                connect_timeout: times.connect,
                first_byte_timeout: times.first_byte,
            };
            let (sent, passage) = (Sent::There(request), Passage::Unread);
            return Ok(Attempt { sent, passage, dropped, estimate: false });
        }
        let operation = prepared.operation;
        if operation == Operation::CountTokens
            && !candidate.capabilities.speaks(Shape::CountTokens)
            && let Ask::Body(envelope) = &prepared.ask
        {
            record.note(format!("`{}` counts no tokens: estimated", candidate.provider.label));
            let body = count::estimate(envelope.body()).map_err(bad_request)?;
            let sent = Sent::Here(answered("application/json", vec![body]));
            let passage = Passage::Same { operation, hide_usage: false };
            return Ok(Attempt { sent, passage, dropped: Vec::new(), estimate: true });
        }
        let Written { shape, body, passage, mut dropped } = self.write(candidate, record)?;
        if candidate.provider.provider.kind.is_built_in() {
            let sent = Sent::Here(echoed(shape, body, candidate, record)?);
            return Ok(Attempt { sent, passage, dropped, estimate: false });
        }
        let request = UpstreamRequest {
            method: Method::POST,
            url: url(candidate, shape, prepared.stream)?,
            headers: outgoing(&prepared.headers, candidate, Some(shape), secret, record, &mut dropped),
            body,
            connect_timeout: times.connect,
            first_byte_timeout: times.first_byte,
        };
        Ok(Attempt { sent: Sent::There(request), passage, dropped, estimate: false })
    }

    fn write(&mut self, candidate: &Candidate, record: &mut Record) -> Result<Written, Refusal> {
        let operation = self.prepared.operation;
        match &self.prepared.ask {
            Ask::Body(envelope) if candidate.capabilities.speaks(operation.into()) => {
                let most = bounded(candidate, record);
                Ok(same(envelope, candidate, most, record))
            }
            Ask::Body(envelope) if operation == Operation::Embeddings => {
                embedded(envelope, candidate).ok_or_else(|| unsupported(candidate, operation))?
            }
            Ask::Body(envelope) => {
                let shape = self.chat_shape(candidate)?;
                let chat = match &self.chat {
                    Some(chat) => Arc::clone(chat),
                    None => Arc::new(read_request(operation.into(), envelope.body()).map_err(bad_request)?),
                };
                self.chat = Some(Arc::clone(&chat));
                self.translated(&chat, shape, candidate, record)
            }
            Ask::Chat(chat) => self.translated(chat, self.chat_shape(candidate)?, candidate, record),
            Ask::Forward(_) => Err(unsupported(candidate, operation)),
        }
    }

    fn chat_shape(&self, candidate: &Candidate) -> Result<Shape, Refusal> {
        let operation = self.prepared.operation;
        let shape = candidate.capabilities.chat_shape().filter(|_| Shape::from(operation).is_chat());
        shape.ok_or_else(|| unsupported(candidate, operation))
    }

    fn translated(
        &self,
        chat: &ChatRequest,
        from: Shape,
        candidate: &Candidate,
        record: &mut Record,
    ) -> Result<Written, Refusal> {
        let preset = candidate.preset.as_deref().map(|preset| with_preset(chat, preset));
        let chat = preset.as_ref().unwrap_or(chat);
        let most = bounded(candidate, record).filter(|_| chat.max_output.is_none());
        let bounded = most.map(|most| ChatRequest { max_output: Some(most), ..chat.clone() });
        let chat = bounded.as_ref().unwrap_or(chat);
        let target = Target {
            model: &candidate.model,
            capabilities: &candidate.capabilities,
            stream: self.prepared.stream,
        };
        let Outgoing { body, dropped } = write_request(from, chat, &target).map_err(bad_request)?;
        let to = Shape::from(self.prepared.operation);
        record.note(format!("translated from {to} to {from}"));
        let context = context(to, candidate, chat.include_usage, record);
        Ok(Written { shape: from, body, passage: Passage::Other { from, to, context }, dropped })
    }
}

/// How much a candidate may write where nobody else says it, because that was reserved.
fn bounded(candidate: &Candidate, record: &Record) -> Option<u64> {
    let most = record.held_allowance.as_ref()?.injected()?;
    Some(most.min(most_output(candidate)))
}

/// The client's own body, but for what must change.
fn same(envelope: &Envelope, candidate: &Candidate, most: Option<u64>, record: &mut Record) -> Written {
    let operation = envelope.operation;
    let hide_usage =
        envelope.stream && !envelope.asks_usage && candidate.capabilities.has(Feature::StreamUsage);
    let hide_usage = hide_usage && operation == Operation::ChatCompletions;
    if hide_usage {
        record.note("usage asked for at the end of the stream");
    }
    let body = envelope.outgoing(&Edits {
        model: &candidate.model,
        ask_usage: hide_usage,
        preset: candidate.preset.as_deref().map(|preset| (preset, &*candidate.capabilities)),
        most_output: most.map(|most| (most, &*candidate.capabilities)),
    });
    let passage = Passage::Same { operation, hide_usage };
    Written { shape: operation.into(), body, passage, dropped: Vec::new() }
}

fn embedded(envelope: &Envelope, candidate: &Candidate) -> Option<Result<Written, Refusal>> {
    let capabilities = &candidate.capabilities;
    if !capabilities.speaks(Shape::CohereEmbed) {
        return None;
    }
    let written = embeddings::write_cohere(envelope.body(), &candidate.model, capabilities);
    Some(written.map_err(bad_request).map(|Asked { outgoing, encoding }| Written {
        shape: Shape::CohereEmbed,
        body: outgoing.body,
        passage: Passage::Embeddings { model: candidate.model.clone(), encoding },
        dropped: outgoing.dropped,
    }))
}

fn context(to: Shape, candidate: &Candidate, include_usage: bool, record: &Record) -> Context {
    let prefix = match to {
        Shape::Responses => "resp_",
        Shape::Messages => "msg_",
        _ => "chatcmpl-",
    };
    Context {
        id: format!("{prefix}{}", record.id),
        model: candidate.model.clone(),
        created: record.shared.clock.now().as_seconds(),
        include_usage,
    }
}

/// The request with what an alias gives where the client gives nothing.
fn with_preset(chat: &ChatRequest, preset: &Preset) -> ChatRequest {
    let mut chat = chat.clone();
    let has_system = chat.messages.iter().any(|message| message.role == Role::System);
    if let Some(prompt) = preset.system_prompt.as_ref().filter(|_| !has_system) {
        let blocks = vec![Block::Text { text: prompt.clone(), cache: None }];
        chat.messages.insert(0, Message { role: Role::System, blocks });
    }
    let number = |number: Option<f64>| Number::parse(&serde_json::Number::from_f64(number?)?.to_string());
    let sampling = &mut chat.sampling;
    sampling.temperature = sampling.temperature.take().or_else(|| number(preset.temperature));
    sampling.top_p = sampling.top_p.take().or_else(|| number(preset.top_p));
    chat.max_output = chat.max_output.or(preset.max_tokens);
    chat
}

fn bad_request(untranslatable: Untranslatable) -> Refusal {
    let Untranslatable { field, message, code } = untranslatable;
    Refusal::BadRequest(BadRequest { field, message, code })
}

fn url(candidate: &Candidate, shape: Shape, stream: bool) -> Result<String, Refusal> {
    candidate.provider.provider.url(shape, &candidate.model, stream).map_err(|error| {
        let (field, message) = (Some("model".to_owned()), error.to_string());
        Refusal::BadRequest(BadRequest { field, message, code: "invalid_field" })
    })
}

fn unsupported(candidate: &Candidate, operation: Operation) -> Refusal {
    let provider = &candidate.provider.provider;
    Refusal::Unsupported { provider: provider.name.as_str().to_owned(), kind: provider.kind, operation }
}

/// The built-in provider's answer.
fn echoed(
    shape: Shape,
    body: Bytes,
    candidate: &Candidate,
    record: &Record,
) -> Result<UpstreamResponse, Refusal> {
    let operations = Operation::ALL.into_iter();
    let operation = operations.clone().find(|operation| Shape::from(*operation) == shape);
    let operation = operation.ok_or_else(|| unsupported(candidate, Operation::ChatCompletions))?;
    let envelope = Envelope::parse(operation, body).map_err(Refusal::BadRequest)?;
    let include_usage = envelope.asks_usage;
    answer_ourselves(&envelope, &candidate.model, include_usage, record)
}

fn answer_ourselves(
    envelope: &Envelope,
    model: &str,
    include_usage: bool,
    record: &Record,
) -> Result<UpstreamResponse, Refusal> {
    let id = record.id.to_string();
    let reply = echo::Reply { id: &id, model, at: record.shared.clock.now(), include_usage };
    let (pieces, content_type) = if envelope.stream {
        (echo::events(envelope, &reply).map_err(Refusal::BadRequest)?, "text/event-stream")
    } else {
        (vec![echo::whole(envelope, &reply).map_err(Refusal::BadRequest)?], "application/json")
    };
    Ok(answered(content_type, pieces))
}

fn answered(content_type: &'static str, pieces: Vec<Bytes>) -> UpstreamResponse {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let body = stream::iter(pieces.into_iter().map(Ok)).boxed();
    UpstreamResponse { status: StatusCode::OK, headers, body, waited: Duration::ZERO }
}
