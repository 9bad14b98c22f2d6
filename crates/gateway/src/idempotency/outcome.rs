//! What is kept of an answer, and giving it again.

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use promptgate_kernel::CallId;
use promptgate_usage::{IdempotencyKey, Outcome, RememberedAnswer};

use super::claim::Answered;
use super::refusal::IdempotencyRefusal;
use crate::pipeline::Shared;
use crate::record::{ANTHROPIC_REQUEST_ID, Ending, REQUEST_ID, Record, Spent};
use crate::reply::ReplyBody;

/// The largest body that is kept.
pub(super) const MAX_BODY: usize = 1 << 20;
const REPLAYED: HeaderName = HeaderName::from_static("x-promptgate-idempotent-replay");
/// In place of headers, where the body was too large; no header has such a name.
const TOO_LARGE: &str = ":too-large";

/// Whether the outcome of a call is its last word. What a client should try again is not, nor what
/// somebody can change who manages the gateway, nor a stream that failed.
pub(super) fn is_last_word(status: StatusCode, outcome: Option<Outcome>) -> bool {
    match status.as_u16() {
        200..300 => outcome == Some(Outcome::Completed),
        401 | 402 | 403 | 408 | 409 | 425 | 429 | 499.. => false,
        _ => true,
    }
}

/// An answer as it is kept; `body` is none if it is too large.
pub(super) fn remembered(
    status: StatusCode,
    headers: &HeaderMap,
    body: Option<&[u8]>,
    (key, call): (IdempotencyKey, CallId),
    shared: &Shared,
) -> RememberedAnswer {
    let kept = match body {
        Some(_) => headers.iter().filter(|(name, _)| is_kept(name)).filter_map(text).collect(),
        None => vec![(TOO_LARGE.to_owned(), String::new())],
    };
    let body = shared.keys.seal(body.unwrap_or_default(), &context(key, call), &*shared.entropy);
    RememberedAnswer { status: status.as_u16(), headers: kept, body }
}

fn text((name, value): (&HeaderName, &HeaderValue)) -> Option<(String, String)> {
    Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
}

/// What belongs to one request and connection is not kept.
fn is_kept(name: &HeaderName) -> bool {
    ![REQUEST_ID, ANTHROPIC_REQUEST_ID, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION, DATE].contains(name)
        && name != "server-timing"
}

fn context(key: IdempotencyKey, call: CallId) -> String {
    format!("idempotency:{}:{call}", key.token_id)
}

/// The body of a kept answer.
pub(super) fn open(
    (call, answer): &Answered,
    key: IdempotencyKey,
    shared: &Shared,
) -> Result<Bytes, IdempotencyRefusal> {
    if answer.headers.iter().any(|(name, _)| name == TOO_LARGE) {
        return Err(IdempotencyRefusal::TooLarge { status: answer.status });
    }
    let opened = shared.keys.open(&answer.body, &context(key, *call)).map_err(|error| {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            call.id = %call,
            "the kept outcome of a call cannot be opened"
        );
        IdempotencyRefusal::Unavailable
    })?;
    Ok(Bytes::from(opened.expose().clone()))
}

/// Gives a kept answer again. It is booked nowhere: its call is.
pub(super) fn replay(answer: &RememberedAnswer, body: Bytes, mut record: Box<Record>) -> Response<ReplyBody> {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    record.settle(&Ending {
        outcome: Outcome::Completed,
        status: status.as_u16(),
        code: None,
        spent: Spent::Nothing,
    });
    let mut headers = record.headers(None);
    for (name, _) in &answer.headers {
        headers.remove(name.as_str());
    }
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    let mut response = Response::new(ReplyBody::whole(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_should_be_tried_again_is_no_last_word() {
        let word = |status, outcome| is_last_word(StatusCode::from_u16(status).unwrap(), Some(outcome));
        assert!(word(200, Outcome::Completed));
        assert!(!word(200, Outcome::UpstreamFailed), "a stream that failed in the middle");
        assert!(!word(200, Outcome::CallerCancelled));
        for status in [400, 404, 410, 413, 422] {
            assert!(word(status, Outcome::Refused), "{status}");
        }
        for status in [401, 402, 403, 408, 409, 429, 499, 500, 501, 502, 503, 504, 529] {
            assert!(!word(status, Outcome::UpstreamFailed), "{status}");
        }
    }

    #[test]
    fn what_belongs_to_the_request_is_not_kept() {
        for (name, kept) in [
            ("content-type", true),
            ("x-promptgate-cost", true),
            ("cache-control", true),
            ("x-request-id", false),
            ("request-id", false),
            ("server-timing", false),
            ("content-length", false),
        ] {
            assert_eq!(is_kept(&HeaderName::from_static(name)), kept, "{name}");
        }
    }
}
