//! Saying what changed guardrails would have made of calls that were.

use std::collections::{BTreeMap, HashMap};

use promptgate_auth::{Actor, Permission};
use promptgate_firewall::guardrails::{CONTEXTUAL_CALL, Outcome, Rules};
use promptgate_kernel::{CallId, ProjectId, Timestamp, TokenId};
use promptgate_providers::Operation;
use promptgate_store::{Access, UnitOfWork};
use promptgate_usage::{CallContent, CallFilter, Cursor, UsageEvent};
use tracing::instrument;

use super::explain::CheckedRules;
use super::find::levels;
use super::{Channel, ExplainError, Form, GuardrailError, Said, Trial, Tried, Way};
use crate::Control;
use crate::members::actor_in;

/// The most calls that one replay looks at.
pub const MOST_REPLAYED: u32 = 10_000;
/// So many calls are read at a time; nothing is held in between.
const PAGE: u32 = 100;
/// The most calls that are named, those that were recorded last first.
pub const MOST_NAMED: usize = 200;

/// Which calls are looked at, newest first, and with which rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    /// The rules that are tried, for each call over or in place of what counted for it.
    pub tried: Tried,
    /// Only calls of this project.
    pub project: Option<ProjectId>,
    /// Only calls of this token.
    pub token: Option<TokenId>,
    /// Only those that arrived then or later.
    pub from: Option<Timestamp>,
    /// Only those that arrived before.
    pub to: Option<Timestamp>,
    /// At most so many; at least 1 and at most [`MOST_REPLAYED`].
    pub limit: u32,
}

/// What the rules would have made of the calls.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replayed {
    /// How many were looked at.
    pub calls: u64,
    /// Of how many nothing is kept that can be read: no request, one that was cut, or one to an AI
    /// endpoint that is gone or closed.
    pub unreadable: u64,
    /// How many would have been refused.
    pub blocked: u64,
    /// How many would have passed with some of their text replaced.
    pub changed: u64,
    /// How many would have passed and been written down.
    pub noted: u64,
    /// How many calls each rule would have matched, and how often, by the rule's id.
    pub rules: BTreeMap<String, Matched>,
    /// The calls in which something would have been found, at most [`MOST_NAMED`].
    pub concerned: Vec<Concerned>,
    /// How many bytes were read.
    pub bytes: u64,
    /// How long reading them took, in microseconds.
    pub micros: u64,
}

/// How often a rule would have matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Matched {
    /// In so many calls.
    pub calls: u64,
    /// So often.
    pub matches: u64,
}

/// A call in which something would have been found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concerned {
    /// The call.
    pub id: CallId,
    /// What would have happened with it.
    pub outcome: Outcome,
    /// The rules that would have matched, each once.
    pub rules: Vec<String>,
}

/// Puts the requests of recorded calls through rules. They are recorded as they went on, so that what
/// was masked then is not found again. Calls that the gateway made by itself are none of them. Nothing is
/// called or changed.
#[instrument(name = "control.guardrails.replay", skip_all)]
pub async fn replay(control: &Control, actor: Actor, replay: Replay) -> Result<Replayed, ExplainError> {
    let tried = replay.tried.checked()?;
    let filter = CallFilter {
        project: replay.project,
        token: replay.token,
        from: replay.from,
        to: replay.to,
        ..CallFilter::default()
    };
    let mut trials = Trials { tried, ..Trials::default() };
    let mut replayed = Replayed::default();
    let (mut after, mut left) = (None, replay.limit.clamp(1, MOST_REPLAYED));
    loop {
        let (page, last) = page(control, actor, &filter, after, left.min(PAGE), &mut trials).await?;
        if last.is_none() {
            break;
        }
        after = last;
        left = left.saturating_sub(u32::try_from(page.len()).unwrap_or(u32::MAX));
        let reading = tokio::task::spawn_blocking(move || {
            for call in &page {
                replayed.look_at(call, &mut trials);
            }
            (trials, replayed)
        });
        (trials, replayed) = reading.await.map_err(|_| ExplainError::Failed)?;
        if left == 0 {
            break;
        }
    }
    Ok(replayed)
}

/// A call as it is kept.
struct Recorded {
    event: UsageEvent,
    content: Option<CallContent>,
}

/// The next calls and where they end, and the rules of those levels that were not met before. Whether the
/// actor may is asked each time: rights end while a long replay goes on.
async fn page(
    control: &Control,
    actor: Actor,
    filter: &CallFilter,
    after: Option<Cursor>,
    limit: u32,
    trials: &mut Trials,
) -> Result<(Vec<Recorded>, Option<Cursor>), GuardrailError> {
    let mut work = control.store.begin(Access::Read).await?;
    let needed = [Permission::ManageGuardrails, Permission::ReadContents];
    if let Some(project) = filter.project {
        let actor = actor_in(&mut *work, actor, project).await?;
        needed.into_iter().try_for_each(|needed| actor.require_in(project, needed))?;
        work.projects().find(project).await?.ok_or(GuardrailError::UnknownProject(project))?;
    } else {
        needed.into_iter().try_for_each(|needed| actor.require(needed))?;
    }
    let events = work.usage().page(filter, after, limit).await?;
    let last = events.last().map(Cursor::behind);
    let mut page = Vec::with_capacity(events.len());
    for event in events.into_iter().filter(|event| event.operation != CONTEXTUAL_CALL) {
        let content = work.call_contents().find(event.id).await?;
        trials.learn(&mut *work, &event).await?;
        page.push(Recorded { event, content });
    }
    Ok((page, last))
}

/// Everything that counts for the calls, each combination compiled once.
#[derive(Default)]
struct Trials {
    tried: CheckedRules,
    /// What is stored for a way; `None` where that cannot be read.
    stored: HashMap<Way, Option<Rules>>,
    compiled: HashMap<Rules, Trial>,
}

impl Trials {
    async fn learn(&mut self, work: &mut dyn UnitOfWork, event: &UsageEvent) -> Result<(), GuardrailError> {
        let way = way(event);
        if self.stored.contains_key(&way) {
            return Ok(());
        }
        let rules = match levels(work, way).await {
            Ok(levels) => Some(levels.effective()),
            // The endpoint is gone, or nobody can call it.
            Err(GuardrailError::UnknownEndpoint(_) | GuardrailError::Unreadable(_)) => None,
            Err(error) => return Err(error),
        };
        self.stored.insert(way, rules);
        Ok(())
    }

    fn of(&mut self, event: &UsageEvent) -> Option<&Trial> {
        let rules = self.tried.effective(self.stored.get(&way(event))?.as_ref()?);
        Some(self.compiled.entry(rules).or_insert_with_key(Trial::of))
    }
}

fn way(event: &UsageEvent) -> Way {
    Way { project: Some(event.project_id), endpoint: event.endpoint_id, token: Some(event.token_id) }
}

impl Replayed {
    fn look_at(&mut self, call: &Recorded, trials: &mut Trials) {
        self.calls += 1;
        let said = call.content.as_ref().and_then(|content| said(&call.event, content));
        let explained = said.and_then(|said| trials.of(&call.event)?.explain(&said).ok());
        let Some(explained) = explained else {
            self.unreadable += 1;
            return;
        };
        self.bytes += explained.bytes as u64;
        self.micros += explained.micros;
        let verdict = explained.verdict;
        match verdict.outcome {
            Outcome::Passed => return,
            Outcome::Noted => self.noted += 1,
            Outcome::Changed => self.changed += 1,
            Outcome::Blocked => self.blocked += 1,
        }
        let mut rules: BTreeMap<String, u64> = BTreeMap::new();
        for found in &verdict.matches {
            *rules.entry(found.rule()).or_default() += 1;
        }
        for (rule, matches) in &rules {
            let matched = self.rules.entry(rule.clone()).or_default();
            matched.calls += 1;
            matched.matches += matches;
        }
        if self.concerned.len() < MOST_NAMED {
            let rules = rules.into_keys().collect();
            self.concerned.push(Concerned { id: call.event.id, outcome: verdict.outcome, rules });
        }
    }
}

/// What a client said in a call, as far as it is kept: the request, else what the user wrote last.
fn said(event: &UsageEvent, content: &CallContent) -> Option<Said> {
    let operation = Operation::ALL.into_iter().find(|operation| operation.as_str() == event.operation);
    let form = match (event.endpoint_id, operation) {
        (Some(_), _) => Form::Call,
        (None, Some(operation)) => Form::Request(operation),
        (None, None) => return None,
    };
    match &content.request {
        // One that was cut is no JSON any more, and counts as unreadable.
        Some(request) => Some(Said::Request(form, request.clone().into_bytes().into())),
        None => content.prompt().map(|text| Said::Text(form, Channel::User, text.into_owned())),
    }
}
