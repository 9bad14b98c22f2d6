//! Calls of endpoints that no client makes: repeated ones, and those of golden sets.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body_util::{BodyExt, Empty};
use promptgate_endpoints::ChatInput;
use promptgate_kernel::{CallId, EndpointId, ProjectId, Revision, TokenId};
use promptgate_tokens::{NewToken, Scope, Token, TokenEnv, TokenLimits, TokenName, TokenSecret};
use promptgate_wire::Written;
use serde::Deserialize;
use serde_json::{Map, Value};
use tracing::Instrument;

use super::EndpointNote;
use super::address::{Called, Mode, admit, inspect, prompt};
use super::answer::answer;
use super::refusal::EndpointRefusal;
use super::turn::ready;
use crate::admit::check_process;
use crate::allowance::{Payers, Share};
use crate::pipeline::{Gateway, Shared};
use crate::receive::{Entry, IncomingRequest, RequestBody, Route};
use crate::record::{MadeFor, Record};
use crate::refusal::Refusal;
use crate::reply::ReplyBody;
use crate::settle::refuse;

/// A call that no client makes.
#[derive(Debug, Clone, PartialEq)]
pub struct RunCall {
    /// The endpoint's project.
    pub project_id: ProjectId,
    /// The endpoint; it answers whether it is on or off.
    pub endpoint_id: EndpointId,
    /// The body, as a client would send it. It is never a stream and belongs to no conversation.
    pub body: Map<String, Value>,
    /// Why it is made.
    pub kind: RunKind,
}

/// Why a call is made that no client makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunKind {
    /// An earlier call is repeated, never from the response cache.
    Replay {
        /// The request id of the earlier call.
        request_id: String,
        /// The token that made it; it is booked for.
        token_id: TokenId,
        /// Those that the token comes from, its parent first: their guardrails count, too.
        above: Vec<TokenId>,
    },
    /// A golden set is asked. It shares the response cache with clients, and is booked for no token.
    Eval,
}

/// How such a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOutcome {
    /// The HTTP status that a client would have got.
    pub status: u16,
    /// The body that a client would have got.
    pub body: Bytes,
    /// Its request id.
    pub request_id: String,
    /// Its record.
    pub call_id: CallId,
    /// The guardrail that refused it, by its stable name. Who had the call made says so in the audit log.
    pub refused_by: Option<String>,
    /// The tokens of prompt and answer.
    pub total_tokens: u64,
    /// How long it took.
    pub latency: Duration,
}

impl Gateway {
    /// Whether the configuration in force is a revision or a later one; waits for it, but not longer
    /// than `limit`.
    pub async fn reaches(&self, revision: Revision, limit: Duration) -> bool {
        let cell = &self.shared().snapshot;
        let begun = tokio::time::Instant::now();
        while cell.load().revision() < revision {
            let Some(left) = limit.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) else {
                return false;
            };
            cell.refresh(left).await;
        }
        true
    }

    /// Makes a call of an endpoint that no client makes, through the same stages, and returns when it
    /// is answered and booked.
    pub async fn run_endpoint(&self, call: RunCall) -> RunOutcome {
        let begun = Instant::now();
        let shared = self.shared();
        let request = IncomingRequest {
            entry: Entry::Project(call.project_id),
            route: Route::Endpoint,
            ids: Vec::new(),
            query: None,
            headers: HeaderMap::new(),
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            body: RequestBody::new(Empty::new().map_err(|never| match never {})),
        };
        let mut record = Record::open(shared, &request);
        record.made_for = MadeFor::Operator;
        let ended = record.ending();
        let (call_id, request_id) = (record.id, record.request_id_text().to_owned());
        let span = record.span.clone();
        let response = run(call, shared, record).instrument(span).await;
        let status = response.status().as_u16();
        let body = match response.into_body().collect().await {
            Ok(body) => body.to_bytes(),
            Err(never) => match never {},
        };
        let total_tokens = total_tokens(&body);
        let refused_by = ended.get().and_then(|ended| ended.refused_by.clone());
        RunOutcome { status, body, request_id, call_id, refused_by, total_tokens, latency: begun.elapsed() }
    }
}

async fn run(call: RunCall, shared: &Arc<Shared>, mut record: Box<Record>) -> Response<ReplyBody> {
    let begun = match called(call, shared, &mut record).await {
        Ok(called) => ready(called, shared, &mut record).await,
        Err(refusal) => Err(refusal),
    };
    match begun {
        Ok(ready) => answer(ready, record).await,
        Err(refusal) => refuse(&refusal, record),
    }
}

async fn called(call: RunCall, shared: &Arc<Shared>, record: &mut Record) -> Result<Called, Refusal> {
    let RunCall { project_id, endpoint_id, body, kind } = call;
    let (mode, token, above, parent) = match kind {
        RunKind::Replay { request_id, token_id, above } => (Mode::Replay, token_id, above, Some(request_id)),
        RunKind::Eval => (Mode::Eval, TokenId::from_uuid(uuid::Uuid::nil()), Vec::new(), None),
    };
    let line: Vec<TokenId> = std::iter::once(token).chain(above.iter().copied()).collect();
    record.caller = Some(Arc::new(nobodys_token(project_id, token, shared)));
    let snapshot = shared.snapshot.load();
    record.revision = snapshot.revision();
    let project = snapshot.project(project_id).filter(|project| project.project.active);
    let project = Arc::clone(project.ok_or(Refusal::ProjectInactive)?);
    let found = snapshot.endpoint_with_id(endpoint_id);
    let found = found.filter(|found| found.endpoint().project_id == project_id);
    let unknown = || EndpointRefusal::Unknown { slug: endpoint_id.to_string() };
    let endpoint = Arc::clone(found.ok_or_else(unknown)?);
    let note = EndpointNote { parent_request_id: parent, ..EndpointNote::of(&endpoint) };
    record.endpoint = Some(Box::new(note));
    check_process(shared)?;
    // Repeated calls count against budgets alone; golden sets are calls like any other.
    let share = if mode == Mode::Replay { Share::Budgets } else { Share::Everything };
    let mut payers = Payers::of_run(token, &above, &project, share);
    payers.at(&endpoint);
    record.payers = Some(Box::new(payers));
    let mut input = ChatInput::from_stored(&body).map_err(EndpointRefusal::Input)?;
    endpoint.check_cap(&input.messages).map_err(EndpointRefusal::OverCap)?;
    admit(&endpoint, &written(&body), &input, &project, &snapshot, None, record).await?;
    record.transcript.keep(project.project.record_bodies.unwrap_or(shared.limits.record_bodies));
    let policy = snapshot.policy(project_id, Some(endpoint_id), &line);
    if let Some(masked) = inspect(&policy, Written::Call, &written(&body), record).await? {
        let body: Map<String, Value> = serde_json::from_slice(&masked).map_err(|_| Refusal::GuardFailed)?;
        input = ChatInput::from_stored(&body).map_err(EndpointRefusal::Input)?;
    }
    record.transcript.prompted(prompt(&input.messages).as_deref());
    Ok(Called { endpoint, input, mode, headers: HeaderMap::new(), project, snapshot, caller: None, policy })
}

fn written(body: &Map<String, Value>) -> Bytes {
    serde_json::to_vec(body).expect("an object can be written as JSON").into()
}

/// What the call is booked under. Its secret is known to nobody, and it is stored nowhere.
fn nobodys_token(project_id: ProjectId, id: TokenId, shared: &Shared) -> Token {
    let secret = TokenSecret::generate(TokenEnv::Live, &*shared.entropy);
    let new = NewToken {
        project_id,
        owner: None,
        name: TokenName::parse("gateway").expect("a plain word is a name"),
        env: TokenEnv::Live,
        scopes: [Scope::Chat].into_iter().collect(),
        endpoint_ids: Vec::new(),
        limits: TokenLimits::default(),
        metadata: Map::new(),
        expires_at: None,
    };
    Token::issue(id, new, &secret, shared.clock.now()).expect("a token without wishes is valid")
}

fn total_tokens(body: &[u8]) -> u64 {
    #[derive(Deserialize)]
    struct Answer {
        usage: Usage,
    }
    #[derive(Deserialize)]
    struct Usage {
        total_tokens: u64,
    }
    serde_json::from_slice::<Answer>(body).map_or(0, |answer| answer.usage.total_tokens)
}
