//! Calls that are made once, however often they are sent.
//!
//! A client that sends an `Idempotency-Key` with a POST may send the same again: whoever comes first
//! claims the key for the call, everybody else waits for its outcome and gets that. The claim is a
//! lease in the store, so that replicas share it and a process that dies does not hold it for long.
//! The claimed call goes on when its client leaves, because that client is expected to come back.
//! Requests without the header pass by here untouched.

mod again;
mod claim;
mod deliver;
#[cfg(test)]
pub(crate) mod fake_outcomes;
mod outcome;
mod refusal;
mod source;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Response};
use http_body_util::{BodyExt, Empty, Full};
use promptgate_kernel::TokenId;
use promptgate_tokens::Token;
use promptgate_usage::{IdempotencyKey, RememberedAnswer};
use sha2::{Digest, Sha256};

use crate::authenticate::authenticate;
use crate::endpoint::check_access;
use crate::pipeline::{Gateway, Shared};
use crate::receive::{Entry, IncomingRequest, RequestBody, Route, receive};
use crate::record::{Booking, Record};
use crate::refusal::Refusal;
use crate::reply::ReplyBody;
use crate::settle::refuse;
use crate::upload::Upload;
use claim::{Claim, claim};

pub(crate) use claim::Claims;
pub use refusal::IdempotencyRefusal;
pub use source::IdempotencySource;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const MAX_KEY: usize = 255;

/// Whether a request wants to be made once.
pub(crate) fn is_asked(request: &IncomingRequest) -> bool {
    let is_post = match request.route {
        Route::Model(_) | Route::Endpoint | Route::EndpointDispatch => true,
        Route::Forward(call) => call.method() == Method::POST,
        Route::ModelList | Route::ModelDetail | Route::Contextual => false,
    };
    is_post && request.headers.contains_key(KEY)
}

/// Answers a request that [asks](is_asked) for it, by making the call or from its outcome.
pub(crate) async fn once(
    gateway: &Gateway,
    request: IncomingRequest,
    mut record: Box<Record>,
) -> Response<ReplyBody> {
    let shared = Arc::clone(gateway.shared());
    let head = without_body(&request);
    // Who calls, and may. Everything else is looked at when the call is made, or told again.
    let (token, line) = match authenticate(receive(head, &shared), &shared, &mut record).await {
        Ok(authenticated) => (authenticated.token, authenticated.line),
        Err(refusal) => return refuse(&refusal, record),
    };
    match begin(request, (&token, &line), &shared, &mut record).await {
        Ok(Begun::First(claim, request)) => claim.call(gateway.clone(), request, record).await,
        Ok(Begun::Again(answer, body)) => outcome::replay(&answer, body, record),
        Err(refusal) => refuse(&refusal, record),
    }
}

/// How a call begins.
enum Begun {
    /// It is to be made.
    First(Claim, IncomingRequest),
    /// It was made; here is its answer, and the body of that.
    Again(RememberedAnswer, Bytes),
}

fn without_body(request: &IncomingRequest) -> IncomingRequest {
    IncomingRequest {
        entry: request.entry.clone(),
        route: request.route,
        ids: request.ids.clone(),
        query: request.query.clone(),
        headers: request.headers.clone(),
        peer: request.peer,
        body: empty(),
    }
}

fn empty() -> RequestBody {
    RequestBody::new(Empty::new().map_err(|never| match never {}))
}

async fn begin(
    mut request: IncomingRequest,
    (token, line): (&Token, &[TokenId]),
    shared: &Arc<Shared>,
    record: &mut Record,
) -> Result<Begun, Refusal> {
    let key = IdempotencyKey { token_id: token.id, hash: hash_of_key(&request.headers)? };
    let upload = Upload::new(std::mem::replace(&mut request.body, empty()), &request.headers, shared);
    let body = upload.read(record).await?;
    let asked = hash_of_call(&request, &body);
    match claim(key, asked, shared, record).await? {
        Ok(claim) => {
            request.body = RequestBody::new(Full::new(body).map_err(|never| match never {}));
            Ok(Begun::First(claim, request))
        }
        Err(done) => {
            let project = match request.entry {
                Entry::Project(project) => project,
                Entry::Provider(_) => token.project_id,
            };
            let checked = again::check(&done.1, (request.route, project), token, shared);
            let checked = checked.and_then(|()| match again::endpoint(&done.1) {
                Some(endpoint) => {
                    let policy = shared.snapshot.load().policy(project, Some(endpoint), line);
                    check_access(&policy, shared, record)
                }
                None => Ok(()),
            });
            if let Err(refusal) = checked {
                // It is refused by itself.
                record.booking = Booking::Own;
                return Err(refusal);
            }
            let body = outcome::open(&done, key, shared)?;
            Ok(Begun::Again(done.1, body))
        }
    }
}

/// The only key of the request.
fn hash_of_key(headers: &HeaderMap) -> Result<[u8; 32], IdempotencyRefusal> {
    let mut keys = headers.get_all(KEY).iter();
    let (Some(key), None) = (keys.next(), keys.next()) else { return Err(IdempotencyRefusal::Invalid) };
    let key = key.as_bytes();
    if !(1..=MAX_KEY).contains(&key.len()) || !key.iter().all(u8::is_ascii_graphic) {
        return Err(IdempotencyRefusal::Invalid);
    }
    Ok(Sha256::digest(key).into())
}

/// What tells one call from another: where it goes, and what it says.
fn hash_of_call(request: &IncomingRequest, body: &Bytes) -> [u8; 32] {
    let entry = match &request.entry {
        Entry::Project(project) => project.to_string(),
        Entry::Provider(name) => format!("/{name}"),
    };
    let mut hash = Sha256::new();
    let mut part = |part: &[u8]| {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    };
    part(request.route.name().as_bytes());
    part(entry.as_bytes());
    part(request.query.as_deref().unwrap_or_default().as_bytes());
    part(body);
    for id in &request.ids {
        part(id.as_bytes());
    }
    hash.finalize().into()
}
