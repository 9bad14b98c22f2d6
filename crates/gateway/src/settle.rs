//! Last stage: the answer goes out and the call is booked.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use promptgate_usage::Outcome;
use promptgate_wire::{Observed, Surface, render_problem};
use tokio::time::Instant;

use crate::headers::add_retry_after;
use crate::record::{CLIENT_CLOSED_REQUEST, Ending, REQUEST_ID, Record, Spent};
use crate::refusal::Refusal;
use crate::relay::{Answer, Relayed};
use crate::reply::ReplyBody;
use crate::stream::{RelayedStream, drain};

const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// Books a call whose answer is here, or hands the booking over to the stream that carries it.
pub(crate) fn settle(relayed: Relayed, mut record: Box<Record>) -> Response<ReplyBody> {
    let Relayed { status, mut headers, answer, .. } = relayed;
    match answer {
        Answer::Whole { refused: Some(refusal), spent, .. } => {
            record.note_spent(&spent);
            refuse(&refusal, record)
        }
        Answer::Whole { body, spent, outcome, code, shown, .. } => {
            record.transcript.answered(&body);
            let cost = record.settle(&Ending { outcome, status: status.as_u16(), code, spent });
            record.put_headers(cost, &mut headers);
            let is_private = shown.is_some();
            let reply = reply(status, headers, ReplyBody::whole(shown.unwrap_or(body)));
            if is_private { private(reply) } else { reply }
        }
        Answer::Stream(opened) => {
            record.put_headers(None, &mut headers);
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
            let is_private = opened.has_values();
            let stream = RelayedStream::new(opened, record, status.as_u16());
            let reply = reply(status, headers, ReplyBody::stream(stream));
            if is_private { private(reply) } else { reply }
        }
    }
}

/// An answer that holds what left under tokens: it is for its client alone, and kept nowhere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Private;

fn private(mut response: Response<ReplyBody>) -> Response<ReplyBody> {
    response.extensions_mut().insert(Private);
    response
}

/// Books a refused call and says no in the shape of its surface.
pub(crate) fn refuse(refusal: &Refusal, mut record: Box<Record>) -> Response<ReplyBody> {
    record.note(format!("refused ({:?}): {}", refusal.who(), refusal.code()));
    record.error_message = Some(refusal.message());
    record.settle(&Ending {
        outcome: refusal.outcome(),
        status: refusal.status(),
        code: Some(refusal.code()),
        spent: record.spent_so_far(),
    });
    say_no(refusal, record.surface, record.headers(None), record.request_id_text())
}

/// Says no to a request that is no call: it is booked nowhere.
pub(crate) fn turn_away(
    refusal: &Refusal,
    surface: Surface,
    request_id: &HeaderValue,
) -> Response<ReplyBody> {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(REQUEST_ID, request_id.clone());
    let text = request_id.to_str().expect("only visible ASCII is taken as a request id");
    say_no(refusal, surface, headers, text)
}

fn say_no(
    refusal: &Refusal,
    surface: Surface,
    mut headers: HeaderMap,
    request_id: &str,
) -> Response<ReplyBody> {
    let problem = refusal.problem();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // The vendors' SDKs go by this header before they go by the status.
    let retry = if refusal.may_retry() { "true" } else { "false" };
    headers.insert(SHOULD_RETRY, HeaderValue::from_static(retry));
    add_retry_after(&mut headers, problem.retry_after);
    if problem.status == 401 {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"promptgate\""));
    }
    let status = StatusCode::from_u16(problem.status).expect("every refusal has a status of HTTP");
    reply(status, headers, ReplyBody::whole(render_problem(surface, &problem, request_id)))
}

/// Books a call that the gateway answers by itself.
pub(crate) fn answer(body: bytes::Bytes, mut record: Box<Record>) -> Response<ReplyBody> {
    record.settle(&Ending { outcome: Outcome::Completed, status: 200, code: None, spent: Spent::Nothing });
    let mut headers = record.headers(None);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply(StatusCode::OK, headers, ReplyBody::whole(body))
}

/// Books a call whose client left, after its provider answered nevertheless.
pub(crate) async fn abandoned(result: Result<Relayed, Refusal>, mut record: Box<Record>, deadline: Instant) {
    let spent = match result {
        Ok(Relayed { answer: Answer::Whole { spent, .. }, .. }) => spent,
        Ok(Relayed { answer: Answer::Stream(opened), .. }) => return drain(opened, record, deadline).await,
        Err(_) => record.spent_so_far(),
    };
    cancelled(&mut record, spent);
}

/// Books a call whose client left, also when it had the beginning of an answer.
pub(crate) fn cancelled(record: &mut Record, spent: Spent) {
    record.note("the client left");
    let (status, code) = (CLIENT_CLOSED_REQUEST, Some("caller_cancelled"));
    record.settle(&Ending { outcome: Outcome::CallerCancelled, status, code, spent });
}

/// How a stream ended whose last byte has arrived.
pub(crate) fn ending_of(observed: Observed, status: u16) -> Ending {
    if observed.error_event {
        let (outcome, code) = (Outcome::UpstreamFailed, Some("upstream_error_event"));
        return Ending { outcome, status, code, spent: Spent::Seen(observed) };
    }
    Ending { outcome: Outcome::Completed, status, code: None, spent: Spent::Seen(observed) }
}

fn reply(status: StatusCode, headers: HeaderMap, body: ReplyBody) -> Response<ReplyBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
