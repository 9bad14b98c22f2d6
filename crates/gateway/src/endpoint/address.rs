//! Which endpoint is called, and with what.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use promptgate_endpoints::{ChatInput, CompiledEndpoint, Content, Message, Part, Role};
use promptgate_firewall::guardrails::Policy;
use promptgate_kernel::TokenId;
use promptgate_projects::ProjectType;
use promptgate_providers::{Operation, Shape};
use promptgate_wire::{PromptSize, Written};

use super::EndpointNote;
use super::refusal::EndpointRefusal;
use super::target::{Plan, plan};
use crate::admit::check_process;
use crate::allowance::{self, Asks};
use crate::authenticate::Authenticated;
use crate::failures;
use crate::guardrails::{GuardRefusal, guard};
use crate::pipeline::Shared;
use crate::receive::Route;
use crate::record::{Record, shortened};
use crate::refusal::Refusal;
use crate::snapshot::{Caller, CompiledProject, Snapshot};

/// How long a call waits for the configuration when its endpoint is too new for the snapshot.
const CATCH_UP: Duration = Duration::from_millis(500);

/// Who makes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A client, with its token.
    Client(TokenId),
    /// Somebody repeats an earlier call: no conversation, no cache.
    Replay,
    /// A golden set: no conversation.
    Eval,
}

/// A call of an endpoint.
pub(crate) struct Called {
    pub(crate) endpoint: Arc<CompiledEndpoint>,
    pub(crate) input: ChatInput,
    pub(crate) mode: Mode,
    pub(crate) headers: HeaderMap,
    pub(crate) project: Arc<CompiledProject>,
    pub(crate) snapshot: Arc<Snapshot>,
    /// The account that calls, if one does.
    pub(crate) caller: Option<Arc<Caller>>,
    /// What guardrails say.
    pub(crate) policy: Arc<Policy>,
}

/// Finds the endpoint that a client calls, checks that its token may, and reads the body.
pub(crate) async fn address(
    authenticated: Authenticated,
    shared: &Arc<Shared>,
    record: &mut Record,
) -> Result<Called, Refusal> {
    let Authenticated { route, ids, headers, upload, token, project, snapshot, caller, line, .. } =
        authenticated;
    let kind = project.project.kind;
    if kind != ProjectType::AiGateway {
        return Err(EndpointRefusal::WrongProjectType { kind }.into());
    }
    // In the one case the path says which endpoint is meant, in the other the body.
    let named = ids.into_iter().next().filter(|_| route == Route::Endpoint);
    let (slug, read, upload) = if let Some(slug) = named {
        (slug, None, Some(upload))
    } else {
        let body = upload.read(record).await?;
        let (slug, input) = ChatInput::read_dispatched(&body).map_err(EndpointRefusal::Input)?;
        (slug, Some((body, input)), None)
    };
    let found = find(&slug, project.project.id, snapshot, shared).await;
    let (endpoint, snapshot) = found.ok_or_else(|| EndpointRefusal::Unknown { slug: shortened(&slug) })?;
    record.revision = snapshot.revision();
    record.endpoint = Some(Box::new(EndpointNote::of(&endpoint)));
    let allowed = &token.endpoint_ids;
    if !allowed.is_empty() && !allowed.contains(&endpoint.endpoint().id) {
        return Err(EndpointRefusal::NotForToken { slug }.into());
    }
    let policy = snapshot.policy(project.project.id, Some(endpoint.endpoint().id), &line);
    check_access(&policy, shared, record)?;
    check_process(shared)?;
    if let Some(payers) = &mut record.payers {
        payers.at(&endpoint);
    }
    let (body, input) = match (read, upload) {
        (Some(read), _) => read,
        (None, Some(upload)) => {
            let body = upload.read(record).await?;
            let input = ChatInput::read(&body).map_err(EndpointRefusal::Input)?;
            (body, input)
        }
        (None, None) => unreachable!("what was read is the input"),
    };
    // Before budgets, and before a model is paid to look for names in what nobody answers.
    endpoint.check_cap(&input.messages).map_err(EndpointRefusal::OverCap)?;
    admit(&endpoint, &body, &input, &project, &snapshot, caller.as_deref(), record).await?;
    let written = if route == Route::Endpoint { Written::Call } else { Written::Dispatched };
    let input = match inspect(&policy, written, &body, record).await? {
        // What was read of a body that names the endpoint is read of another one, too.
        Some(masked) if route == Route::Endpoint => {
            ChatInput::read(&masked).map_err(EndpointRefusal::Input)?
        }
        Some(masked) => ChatInput::read_dispatched(&masked).map_err(EndpointRefusal::Input)?.1,
        None => input,
    };
    record.transcript.prompted(prompt(&input.messages).as_deref());
    Ok(Called { endpoint, input, mode: Mode::Client(token.id), headers, project, snapshot, caller, policy })
}

/// Reserves what a call needs at most as far as that is known when it arrives: of the endpoint's own target
/// and those that it fails over to. What its prompts and routing rules change is reserved besides, later.
pub(super) async fn admit(
    endpoint: &CompiledEndpoint,
    body: &Bytes,
    input: &ChatInput,
    project: &CompiledProject,
    snapshot: &Snapshot,
    caller: Option<&Caller>,
    record: &mut Record,
) -> Result<(), Refusal> {
    let Plan { sampling, candidates, .. } =
        plan(&endpoint.endpoint().config, None, project, snapshot, caller);
    let mut prompt = PromptSize::of(Operation::ChatCompletions, body);
    // What is read may be said in other members than those of a chat.
    prompt.text_bytes = prompt.text_bytes.max(read_bytes(input));
    let asks = Asks {
        prompt,
        max_output: Some(sampling.max_output_tokens.into()),
        choices: 1,
        writes: true,
        ..Asks::default()
    };
    allowance::reserve(&asks, &candidates, record).await
}

/// How many bytes of a call's own text a model reads.
fn read_bytes(input: &ChatInput) -> u64 {
    let texts = input.messages.iter().map(|message| message.text().len()).sum::<usize>();
    let tools = input.tools.as_ref().map_or(0, |tools| tools.as_str().len());
    (texts + tools) as u64
}

/// Whether the call may come now and from there, by what the endpoint says, too.
pub(crate) fn check_access(policy: &Policy, shared: &Shared, record: &Record) -> Result<(), Refusal> {
    let denied = policy.access().check(Some(record.client), shared.clock.now());
    denied.map_err(|denied| {
        let refusal = GuardRefusal::Denied(denied).into();
        failures::note(shared, record, record.caller.as_deref(), &refusal);
        refusal
    })
}

/// Lets the guardrails read what a caller wrote, and takes down what they leave of it. Answers the body
/// when it has to be another one.
pub(super) async fn inspect(
    policy: &Arc<Policy>,
    written: Written,
    body: &Bytes,
    record: &mut Record,
) -> Result<Option<Bytes>, Refusal> {
    let read = guard(policy, written, body, record).await;
    if let Err(refusal) = &read {
        failures::note(&Arc::clone(&record.shared), record, record.caller.as_deref(), refusal);
    }
    let masked = read?.body;
    record.transcript.asked(Shape::ChatCompletions, masked.as_ref().unwrap_or(body));
    Ok(masked)
}

/// What the user wrote last, if the messages end with it.
pub(super) fn prompt(messages: &[Message]) -> Option<String> {
    let last = messages.last().filter(|last| last.role == Role::User)?;
    match &last.content {
        Content::Parts(parts) => parts.iter().rev().find_map(Part::text).map(str::to_owned),
        Content::Text(_) | Content::Nothing => Some(last.text().into_owned()).filter(|text| !text.is_empty()),
    }
}

/// The endpoint of a slug. One that is not known may be too new for the snapshot: then the
/// configuration is awaited, once.
async fn find(
    slug: &str,
    project: promptgate_kernel::ProjectId,
    snapshot: Arc<Snapshot>,
    shared: &Shared,
) -> Option<(Arc<CompiledEndpoint>, Arc<Snapshot>)> {
    if let Some(found) = snapshot.endpoint(project, slug) {
        let found = Arc::clone(found);
        return Some((found, snapshot));
    }
    shared.snapshot.refresh(CATCH_UP).await;
    let snapshot = shared.snapshot.load();
    let found = Arc::clone(snapshot.endpoint(project, slug)?);
    Some((found, snapshot))
}
