//! Seventh stage: the provider is called and its answer begins.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use promptgate_providers::Operation;
use promptgate_usage::Outcome;
use promptgate_wire::{Envelope, Observer, echo, observe_whole};
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};

use crate::fault::Fault;
use crate::ports::{UpstreamBody, UpstreamError, UpstreamResponse};
use crate::prepare::{Prepared, Target};
use crate::record::{Record, Spent};
use crate::refusal::Refusal;

/// As much of an error is read as can hold a message.
const MAX_ERROR_BYTES: usize = 64 * 1024;
const MAX_ERROR_CHARACTERS: usize = 500;

const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
const UPSTREAM_REQUEST_ID: HeaderName = HeaderName::from_static("x-upstream-request-id");

/// A call whose answer has begun.
pub(crate) struct Relayed {
    pub(crate) status: StatusCode,
    /// What of the provider's headers the client gets.
    pub(crate) headers: HeaderMap,
    pub(crate) answer: Answer,
    _made_here: (),
}

/// The body of an answer.
pub(crate) enum Answer {
    /// It is here as a whole.
    Whole {
        /// The body.
        body: Bytes,
        /// What it consumed.
        spent: Spent,
        /// How the call ended.
        outcome: Outcome,
        /// Why, if not well.
        code: Option<&'static str>,
    },
    /// It arrives piece by piece.
    Stream {
        /// What is still to come.
        upstream: UpstreamBody,
        /// Watches it.
        observer: Box<Observer>,
        /// How long the provider may take to its first piece.
        first_byte_timeout: Duration,
        /// How long it may pause.
        idle_timeout: Duration,
    },
}

/// Calls the provider. An answer that is no stream is read to its end here, so that its cost is
/// known before its head goes out.
pub(crate) async fn relay(prepared: Prepared, record: &mut Record) -> Result<Relayed, Refusal> {
    let provider = prepared.provider.provider.name.as_str().to_owned();
    record.attempts += 1;
    let call = Call {
        operation: prepared.operation,
        stream: prepared.stream,
        hide_usage: prepared.hide_usage,
        first_byte_timeout: prepared.first_byte_timeout,
        idle_timeout: prepared.idle_timeout,
        deadline: Instant::now() + prepared.total_timeout,
    };
    let response = match prepared.target {
        Target::Http(request) => {
            let upstream = record.shared.upstream.clone();
            let answer = upstream.call(request);
            if call.stream { answer.await } else { call.in_time(answer).await }
        }
        Target::Echo { envelope, model, include_usage } => {
            Ok(answer_ourselves(&envelope, &model, include_usage, record)?)
        }
    };
    let refuse = |fault| Refusal::Upstream { provider: provider.clone(), fault };
    let response = response.map_err(|error| refuse(failed(error, record)))?;
    call.read(response, record).await.map_err(refuse)
}

/// What of a prepared request still matters when its answer begins.
struct Call {
    operation: Operation,
    stream: bool,
    hide_usage: bool,
    first_byte_timeout: Duration,
    idle_timeout: Duration,
    deadline: Instant,
}

impl Call {
    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, UpstreamError>>,
    ) -> Result<T, UpstreamError> {
        timeout_at(self.deadline, work).await.unwrap_or(Err(UpstreamError::TotalTimeout))
    }

    async fn read(&self, response: UpstreamResponse, record: &mut Record) -> Result<Relayed, Fault> {
        let UpstreamResponse { status, headers, mut body } = response;
        let mut passed = passed_headers(&headers);
        record.worked = status.is_success();
        if is_compressed(&headers) {
            record.note(format!("the provider answered {status}, compressed"));
            return Err(Fault::Compressed);
        }
        if status == StatusCode::NO_CONTENT || status == StatusCode::RESET_CONTENT {
            record.note(format!("the provider answered {status}"));
            return Err(Fault::Broken);
        }
        if status.is_success() && self.is_stream(&headers) {
            record.streamed = true;
            passed.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
            let answer = Answer::Stream {
                upstream: body,
                observer: Box::new(Observer::new(self.operation, true, self.hide_usage)),
                first_byte_timeout: self.first_byte_timeout.max(self.idle_timeout),
                idle_timeout: self.idle_timeout,
            };
            return Ok(Relayed { status, headers: passed, answer, _made_here: () });
        }
        record.streamed = false;
        if status.is_server_error() || matches!(status.as_u16(), 401 | 403) || !is_final(status) {
            record.note(format!("the provider answered {status}"));
            let text = self.read_whole(&mut body, MAX_ERROR_BYTES, record).await.unwrap_or_default();
            return Err(fault_of(status, &headers, &without_credential(text, record)));
        }
        let limit = record.shared.limits.max_response_bytes;
        let body = self.read_whole(&mut body, limit, record).await.map_err(|error| failed(error, record))?;
        let answer = if status.is_success() {
            self.judge(body, record)?
        } else {
            record.note(format!("the provider answered {status}"));
            let body = without_credential(body, record);
            if is_about_credential(&body) {
                return Err(Fault::AuthFailed { status: status.as_u16() });
            }
            let code = match status {
                StatusCode::TOO_MANY_REQUESTS => "upstream_rate_limited",
                _ => "upstream_rejected",
            };
            let code = Some(code);
            Answer::Whole { body, spent: Spent::Nothing, outcome: Outcome::UpstreamFailed, code }
        };
        Ok(Relayed { status, headers: passed, answer, _made_here: () })
    }

    /// What a whole answer is whose status says that all is well.
    fn judge(&self, body: Bytes, record: &mut Record) -> Result<Answer, Fault> {
        if body.is_empty() {
            record.note("the provider answered with nothing");
            return Err(Fault::Broken);
        }
        let observed = observe_whole(self.operation, &body);
        if !observed.ended && serde_json::from_slice::<&RawValue>(&body).is_err() {
            record.note("the provider answered with something that is not JSON");
            return Err(Fault::Broken);
        }
        if observed.error_event {
            record.note("the provider reported an error in its answer");
            let (outcome, code) = (Outcome::UpstreamFailed, Some("upstream_error"));
            let body = without_credential(body, record);
            return Ok(Answer::Whole { body, spent: Spent::Seen(observed), outcome, code });
        }
        Ok(Answer::Whole { body, spent: Spent::Seen(observed), outcome: Outcome::Completed, code: None })
    }

    /// The provider decides whether it streams; its content type says so.
    fn is_stream(&self, headers: &HeaderMap) -> bool {
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let is =
            |kind: &str| content_type.get(..kind.len()).is_some_and(|start| start.eq_ignore_ascii_case(kind));
        is("text/event-stream") || (self.stream && !is("application/json") && !is("text/html"))
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
            let pause = Instant::now() + self.idle_timeout;
            let next = match timeout_at(pause.min(self.deadline), body.next()).await {
                Ok(next) => next,
                Err(_) if pause < self.deadline => return Err(UpstreamError::IdleTimeout),
                Err(_) => return Err(UpstreamError::TotalTimeout),
            };
            let Some(chunk) = next.transpose()? else { break };
            record.note_first_byte();
            size += chunk.len();
            if size > limit {
                return Err(UpstreamError::TooLarge);
            }
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

/// Whether a status is an answer to what was asked, and not a redirection or an interim one.
fn is_final(status: StatusCode) -> bool {
    status.is_success() || status.is_client_error()
}

/// Whether an answer cannot be read: it was asked for without any encoding.
fn is_compressed(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().any(|value| {
        let value = value.as_bytes().trim_ascii();
        !value.is_empty() && !value.eq_ignore_ascii_case(b"identity")
    })
}

fn without_credential(said: Bytes, record: &Record) -> Bytes {
    match &record.provider {
        Some(provider) => provider.without_credential(said),
        None => said,
    }
}

/// Whether an error speaks of the credential, which is not the client's. Some do under a status of
/// their own, and show a part of it.
fn is_about_credential(body: &[u8]) -> bool {
    let Ok(body) = serde_json::from_slice::<serde_json::Value>(body) else { return false };
    let says = |name: &str, word: &str| body["error"][name].as_str() == Some(word);
    says("code", "invalid_api_key") || says("type", "authentication_error")
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

fn fault_of(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Fault {
    let message = message_of(body);
    let retry_after = retry_after(headers);
    let code = status.as_u16();
    match code {
        401 | 403 => Fault::AuthFailed { status: code },
        503 | 529 => Fault::Overloaded { status: code, message, retry_after },
        500..=599 => Fault::Failed { status: code, message, retry_after },
        _ => Fault::Broken,
    }
}

/// What the vendor's error says. All kinds say it in `error.message`; some in `error` or `message`.
fn message_of(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let error = body.get("error");
    let text = error
        .and_then(|error| error.get("message"))
        .or(error)
        .filter(|text| text.is_string())
        .or_else(|| body.get("message"))?
        .as_str()?;
    Some(text.chars().take(MAX_ERROR_CHARACTERS).collect())
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &HeaderName| -> Option<f64> {
        let number: f64 = headers.get(name)?.to_str().ok()?.trim().parse().ok()?;
        (0.0..=86_400_000.0).contains(&number).then_some(number)
    };
    number(&RETRY_AFTER_MS)
        .map(|millis| millis / 1e3)
        .or_else(|| number(&RETRY_AFTER))
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

/// What of the provider's headers the client gets: what describes this answer. Those that describe
/// the operator's account with the provider stay.
fn passed_headers(from: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    let names = [
        CONTENT_TYPE,
        RETRY_AFTER,
        RETRY_AFTER_MS,
        HeaderName::from_static("x-should-retry"),
        HeaderName::from_static("openai-version"),
        HeaderName::from_static("openai-processing-ms"),
        HeaderName::from_static("openai-model"),
    ];
    for name in names {
        if let Some(value) = from.get(&name) {
            headers.insert(name, value.clone());
        }
    }
    if headers.contains_key(RETRY_AFTER) || headers.contains_key(RETRY_AFTER_MS) {
        add_retry_after(&mut headers, retry_after(from));
    }
    if let Some(id) = from.get("x-request-id").or_else(|| from.get("request-id")) {
        headers.insert(UPSTREAM_REQUEST_ID, id.clone());
    }
    headers
}

/// Says when to try again in both ways that clients read, as far as they are not said yet.
pub(crate) fn add_retry_after(headers: &mut HeaderMap, after: Option<Duration>) {
    let Some(after) = after else { return };
    let millis = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
    headers.entry(RETRY_AFTER).or_insert_with(|| HeaderValue::from(millis.div_ceil(1_000)));
    headers.entry(RETRY_AFTER_MS).or_insert_with(|| HeaderValue::from(millis));
}

fn answer_ourselves(
    envelope: &Envelope,
    model: &str,
    include_usage: bool,
    record: &Record,
) -> Result<UpstreamResponse, Refusal> {
    let id = record.id.to_string();
    let reply = echo::Reply { id: &id, model, at: record.shared.clock.now(), include_usage };
    let streams = envelope.stream && envelope.operation != Operation::Embeddings;
    let (pieces, content_type) = if streams {
        (echo::events(envelope, &reply).map_err(Refusal::BadRequest)?, "text/event-stream")
    } else {
        (vec![echo::whole(envelope, &reply).map_err(Refusal::BadRequest)?], "application/json")
    };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let body = stream::iter(pieces.into_iter().map(Ok)).boxed();
    Ok(UpstreamResponse { status: StatusCode::OK, headers, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_understood_in_the_vendors_shapes() {
        let message = |body: &str| message_of(body.as_bytes());
        assert_eq!(message(r#"{"error":{"message":"no"}}"#).unwrap(), "no");
        assert_eq!(message(r#"{"type":"error","error":{"type":"x","message":"no"}}"#).unwrap(), "no");
        assert_eq!(message(r#"{"error":"no"}"#).unwrap(), "no");
        assert_eq!(message(r#"{"message":"no"}"#).unwrap(), "no");
        assert_eq!(message("<html>"), None);
        assert_eq!(message(&format!(r#"{{"error":"{}"}}"#, "x".repeat(2_000))).unwrap().len(), 500);
    }

    #[test]
    fn retry_after_is_told_both_ways() {
        let mut from = HeaderMap::new();
        from.insert(RETRY_AFTER, HeaderValue::from_static("7"));
        let passed = passed_headers(&from);
        assert_eq!(
            (&passed[RETRY_AFTER], &passed[RETRY_AFTER_MS]),
            (&"7".parse().unwrap(), &"7000".parse().unwrap())
        );
        from.insert(RETRY_AFTER, HeaderValue::from_static("Wed, 21 Oct 2026 07:28:00 GMT"));
        let passed = passed_headers(&from);
        assert_eq!(passed[RETRY_AFTER], "Wed, 21 Oct 2026 07:28:00 GMT");
        assert!(!passed.contains_key(RETRY_AFTER_MS));
        from.insert(RETRY_AFTER_MS, HeaderValue::from_static("1500"));
        assert_eq!(retry_after(&from), Some(Duration::from_millis(1_500)));
    }

    #[test]
    fn cookies_and_account_headers_stay() {
        let mut from = HeaderMap::new();
        for name in ["set-cookie", "server", "openai-organization", "x-ratelimit-limit-requests"] {
            from.insert(name, HeaderValue::from_static("x"));
        }
        from.insert("request-id", HeaderValue::from_static("req_1"));
        let passed = passed_headers(&from);
        assert_eq!(passed.len(), 1);
        assert_eq!(passed[UPSTREAM_REQUEST_ID], "req_1");
    }
}
