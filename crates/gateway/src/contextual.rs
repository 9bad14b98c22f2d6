//! The step of the PII filter that asks a model: names and addresses in what a client wrote.
//!
//! One call for a request, of the model that the operator has chosen, the way that all calls go: through
//! the translation, the address guard, the breaker and the bounds on time. It is recorded and priced as a
//! call of its own. Whatever fails leaves what the patterns found in force.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use promptgate_firewall::guardrails::{Question, Spotted, Unusable};
use promptgate_kernel::CredentialId;
use promptgate_providers::{Capabilities, Feature, Timeouts};
use promptgate_translate::{
    Block, ChatAnswer, ChatRequest, Json, Message, Number, OutputFormat, Role, Sampling,
};
use promptgate_usage::Outcome;
use promptgate_wire::PromptSize;
use tokio::time::Instant;
use tracing::Instrument;

use crate::allowance::{self, Asks};
use crate::candidate::Candidate;
use crate::meter;
use crate::outgoing::Outgoing;
use crate::receive::Route;
use crate::record::{Ending, Record, shortened};
use crate::refusal::Refusal;
use crate::relay::{Answer, Presence, Relayed};
use crate::relay_chat::{ChatCall, ChatReply, relay_chat};
use crate::snapshot::Snapshot;

/// So many tokens an answer has beside the copy of the text.
const TOKENS_BESIDE: u64 = 1_024;

/// The model that finds names and addresses in what clients write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextualModel {
    /// The name of its provider; unless given, that of the credential's.
    pub provider: Option<String>,
    /// The credential it is called with; any of the provider's unless given.
    pub credential: Option<CredentialId>,
    /// Its name at the provider.
    pub model: String,
    /// About longer texts it is not asked.
    pub most_characters: usize,
    /// How long it may take.
    pub timeout: Duration,
}

impl ContextualModel {
    /// Who is asked, if it is there and switched on. What groups and projects may use does not count: it
    /// is the operator who asks.
    fn candidate(&self, snapshot: &Snapshot) -> Option<Candidate> {
        let has = |id: CredentialId| snapshot.providers().iter().find(|provider| provider.has_stored(id));
        let provider = match (&self.provider, self.credential) {
            (Some(name), _) => snapshot.provider_named(name),
            (None, Some(credential)) => has(credential),
            (None, None) => None,
        };
        let provider = provider.filter(|compiled| compiled.provider.enabled)?;
        Some(Candidate::new(provider, &self.model, self.credential))
    }
}

/// Why nothing was found out.
enum Missed {
    /// There is nobody to ask.
    Unavailable,
    /// The call failed.
    Failed(&'static str),
    /// The answer says nothing.
    Unusable(Unusable),
}

impl Missed {
    const fn outcome(&self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Failed(_) => "failed",
            Self::Unusable(Unusable::Unreadable) => "unreadable",
            Self::Unusable(Unusable::Unfaithful) => "unfaithful",
        }
    }

    fn told(&self) -> String {
        match self {
            Self::Unavailable => "its provider or credential is not there or switched off".to_owned(),
            Self::Failed(code) => format!("the call failed ({code})"),
            Self::Unusable(unusable) => unusable.to_string(),
        }
    }
}

/// Notes that a call is too long to ask about.
pub(crate) fn too_long(model: &ContextualModel, record: &mut Record) {
    meter::contextual("too_long");
    let most = model.most_characters;
    record.note(format!("no names and addresses looked for: more than {most} characters"));
}

/// Asks what of a call is names and addresses. A client that leaves ends it.
pub(crate) async fn ask(question: &Question, model: &ContextualModel, record: &mut Record) -> Vec<Spotted> {
    let since = Instant::now();
    let found = answered(question, model, record).await;
    record.timing.guardrails_asked(since);
    let millis = since.elapsed().as_millis();
    let asked = shortened(&model.model);
    match found {
        Ok(found) => {
            meter::contextual(if found.is_empty() { "clean" } else { "found" });
            record.note(format!("`{asked}` found {} names and addresses in {millis} ms", found.len()));
            found
        }
        Err(missed) => {
            meter::contextual(missed.outcome());
            record.note(format!("`{asked}` found no names and addresses in {millis} ms: {}", missed.told()));
            Vec::new()
        }
    }
}

async fn answered(
    question: &Question,
    model: &ContextualModel,
    record: &Record,
) -> Result<Vec<Spotted>, Missed> {
    let snapshot = record.shared.snapshot.load();
    let candidate = model.candidate(&snapshot).ok_or(Missed::Unavailable)?;
    let mut own = record.beside(Route::Contextual);
    let request = request(question, &candidate);
    own.requested_model = Some(shortened(&model.model));
    own.prompt_bytes = texts(&request.messages).map(str::len).sum::<usize>() as u64;
    let body = question.instructions().len() + question.message().len();
    let asks = Asks {
        prompt: PromptSize { text_bytes: body as u64, frames: 2, ..PromptSize::default() },
        max_output: request.max_output,
        choices: 1,
        writes: true,
        ..Asks::default()
    };
    let candidates = vec![candidate];
    if let Err(refusal) = allowance::reserve(&asks, &candidates, &mut own).await {
        let code = refusal.code();
        // Whoever may not be asked is not called, and there is nothing to book.
        let _ = settled(Err(refusal), &mut own);
        return Err(Missed::Failed(code));
    }
    let call = ChatCall {
        request: Arc::new(request),
        candidates,
        timeouts: Timeouts { total: Some(model.timeout), ..Timeouts::default() },
        headers: HeaderMap::new(),
        outgoing: Outgoing::default(),
    };
    let span = own.span.clone();
    let reply = relay_chat(call, &mut own, &Presence::default()).instrument(span).await;
    let answer = settled(reply, &mut own).map_err(Missed::Failed)?;
    question.read(&said(&answer)).map_err(Missed::Unusable)
}

/// Books the call.
fn settled(reply: Result<ChatReply, Refusal>, own: &mut Record) -> Result<Box<ChatAnswer>, &'static str> {
    let (answer, ending) = match reply {
        Ok(ChatReply::Whole { answer, spent, .. }) => {
            (Some(answer), Ending { outcome: Outcome::Completed, status: 200, code: None, spent })
        }
        Ok(ChatReply::No(relayed) | ChatReply::Stream(relayed, _)) => (None, declined(relayed, own)),
        Err(refusal) => {
            own.error_message = Some(refusal.message());
            let (outcome, status) = (refusal.outcome(), refusal.status());
            (None, Ending { outcome, status, code: Some(refusal.code()), spent: own.spent_so_far() })
        }
    };
    let code = ending.code.unwrap_or("upstream_rejected");
    own.settle(&ending);
    answer.ok_or(code)
}

/// How a call ended whose answer is none.
fn declined(relayed: Relayed, own: &Record) -> Ending {
    let (spent, code) = match relayed.answer {
        Answer::Whole { spent, code, .. } => (spent, code),
        Answer::Stream(_) => (own.spent_so_far(), None),
    };
    let code = code.or(Some("upstream_rejected"));
    Ending { outcome: Outcome::UpstreamFailed, status: relayed.status.as_u16(), code, spent }
}

fn request(question: &Question, candidate: &Candidate) -> ChatRequest {
    let capabilities = &candidate.capabilities;
    let most = question.text().len() as u64 / 2 + TOKENS_BESIDE;
    let turn = |role: Role, text: String| Message { role, blocks: vec![Block::Text { text, cache: None }] };
    ChatRequest {
        model: candidate.model.clone(),
        messages: vec![turn(Role::System, question.instructions()), turn(Role::User, question.message())],
        tools: Vec::new(),
        tool_choice: None,
        parallel_tool_calls: None,
        output: format(question, capabilities),
        reasoning: None,
        sampling: Sampling { temperature: Number::parse("0"), ..Sampling::default() },
        max_output: Some(capabilities.maximum("max_output").map_or(most, |known| most.min(known))),
        stop: Vec::new(),
        stream: false,
        include_usage: false,
        user: None,
        extras: Vec::new(),
    }
}

/// JSON, as far as the model can be held to it; else it is only asked for it.
fn format(question: &Question, capabilities: &Capabilities) -> OutputFormat {
    if capabilities.has(Feature::JsonObject) {
        return OutputFormat::JsonObject;
    }
    match Json::parse(&question.schema()).filter(|_| capabilities.has(Feature::JsonSchema)) {
        Some(schema) => {
            let name = "personal_data".to_owned();
            OutputFormat::JsonSchema { name, description: None, schema, strict: None }
        }
        None => OutputFormat::Text,
    }
}

fn texts(messages: &[Message]) -> impl Iterator<Item = &str> {
    messages.iter().flat_map(|message| &message.blocks).filter_map(text)
}

fn text(block: &Block) -> Option<&str> {
    match block {
        Block::Text { text, .. } => Some(text),
        _ => None,
    }
}

fn said(answer: &ChatAnswer) -> String {
    answer.blocks.iter().filter_map(text).collect()
}

#[cfg(test)]
mod tests;
