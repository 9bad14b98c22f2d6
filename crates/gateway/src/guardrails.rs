//! What guardrails do with a call: the texts of its request are read and, where they have to be,
//! changed; what became of it goes into the record.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use promptgate_firewall::guardrails::{
    AccessDenied, Asking, Blocked, Outcome, Policy, Spotted, Vault, Verdict,
};
use promptgate_guard::Certainty;
use promptgate_usage::{GuardMatch, Guarded};
use promptgate_wire::{BadRequest, Written};

use crate::contextual;
use crate::meter;
use crate::readers::Readers;
use crate::record::Record;
use crate::refusal::Refusal;

/// Why guardrails refuse a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GuardRefusal {
    /// Something in it may not pass.
    Blocked(Blocked),
    /// Something in it cannot be read, such as a text that is numbers of tokens.
    Unreadable,
    /// It may not come now, or from there.
    Denied(AccessDenied),
}

impl GuardRefusal {
    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Blocked(_) | Self::Unreadable => 422,
            Self::Denied(AccessDenied::Unreadable) => 503,
            Self::Denied(AccessDenied::Address | AccessDenied::Time) => 403,
        }
    }

    /// The stable name for programs and records.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Blocked(_) => "guardrail_blocked",
            Self::Unreadable => "guardrail_unreadable_input",
            Self::Denied(AccessDenied::Unreadable) => "guardrails_unreadable",
            Self::Denied(AccessDenied::Address) => "ip_not_allowed",
            Self::Denied(AccessDenied::Time) => "outside_time_window",
        }
    }

    /// The guardrail, by its stable name.
    pub const fn guardrail(&self) -> &'static str {
        match self {
            Self::Blocked(blocked) => blocked.guardrail.key(),
            Self::Unreadable => "unreadable_input",
            Self::Denied(AccessDenied::Unreadable) => "unreadable",
            Self::Denied(AccessDenied::Address) => "ip_allowlist",
            Self::Denied(AccessDenied::Time) => "time_window",
        }
    }

    /// One sentence that says why.
    pub fn message(&self) -> String {
        match self {
            Self::Blocked(blocked) => blocked.message.clone(),
            Self::Unreadable => {
                "the guardrails of this gateway cannot read numbers of tokens; send the text".to_owned()
            }
            Self::Denied(denied) => denied.to_string(),
        }
    }
}

impl From<GuardRefusal> for Refusal {
    fn from(refusal: GuardRefusal) -> Self {
        Self::Guardrail(refusal)
    }
}

/// What is left of a body when guardrails have read it.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    /// The body, where it has to be another one.
    pub(crate) body: Option<Bytes>,
    /// What leaves under tokens, and comes back in the answer.
    pub(crate) vault: Option<Arc<Vault>>,
}

/// Reads a body and decides what becomes of it. Where nobody knows what the rules say, nothing passes, so
/// that no way to a provider has to think of it.
pub(crate) async fn guard(
    policy: &Arc<Policy>,
    written: Written,
    body: &Bytes,
    record: &mut Record,
) -> Result<Guard, Refusal> {
    if policy.is_closed() {
        return Err(GuardRefusal::Denied(AccessDenied::Unreadable).into());
    }
    if !policy.reads_input() || body.is_empty() {
        return Ok(Guard::default());
    }
    // What was said before went through the model then, and is kept as it left.
    let is_asked = policy.asks_model() && written != Written::History;
    let model = record.shared.limits.contextual.clone().filter(|_| is_asked);
    let most = model.as_ref().map_or(0, |model| model.most_characters);
    let begun = Instant::now();
    let readers = record.shared.readers.clone();
    let mut read = read(&readers, policy, written, body, Knowing::Nothing { most_asked: most }).await?;
    let mut took = begun.elapsed();
    if let Some(model) = model {
        // What few calls wait for does not make the future of all others larger.
        let known = match std::mem::replace(&mut read.asking, Asking::Nothing) {
            Asking::Ask(question) => Box::pin(contextual::ask(&question, &model, record)).await,
            Asking::TooLong => {
                contextual::too_long(&model, record);
                Vec::new()
            }
            Asking::Nothing => Vec::new(),
        };
        if !known.is_empty() {
            let begun = Instant::now();
            read = self::read(&readers, policy, written, body, Knowing::These(known)).await?;
            took += begun.elapsed();
        }
    }
    record.guarded(&read.verdict, i64::try_from(took.as_micros()).unwrap_or(i64::MAX));
    match read.verdict.refusal {
        Some(blocked) => Err(GuardRefusal::Blocked(blocked).into()),
        None => Ok(Guard { body: read.body, vault: read.vault }),
    }
}

/// What is known of a body before it is read.
enum Knowing {
    /// Nothing. If a model is to be asked, then about so many characters at most.
    Nothing { most_asked: usize },
    /// What a model has found in it.
    These(Vec<Spotted>),
}

struct Read {
    verdict: Verdict,
    body: Option<Bytes>,
    vault: Option<Arc<Vault>>,
    /// Whether a model is to be asked what else is in it.
    asking: Asking,
}

async fn read(
    readers: &Readers,
    policy: &Arc<Policy>,
    written: Written,
    body: &Bytes,
    knowing: Knowing,
) -> Result<Read, Refusal> {
    let (policy, body) = (Arc::clone(policy), body.clone());
    let reading = readers.read(body.len(), move || read_here(&policy, written, &body, knowing));
    // A reader that fails must not let pass what it has not read.
    reading.await.map_err(|_| Refusal::GuardFailed)?
}

fn read_here(policy: &Policy, written: Written, body: &Bytes, knowing: Knowing) -> Result<Read, Refusal> {
    let texts = written.texts(body).map_err(|wrong| Refusal::BadRequest(BadRequest::from(wrong)))?;
    if texts.has_unreadable() {
        return Err(GuardRefusal::Unreadable.into());
    }
    let (inspection, asking) = match knowing {
        Knowing::These(known) => (written.inspect_knowing(&known, policy, &texts), Asking::Nothing),
        Knowing::Nothing { most_asked } => {
            let inspection = written.inspect(policy, &texts);
            let asking = match (most_asked, &inspection.verdict.refusal) {
                (1.., None) => policy.question(&written.parts(&texts), most_asked),
                _ => Asking::Nothing,
            };
            (inspection, asking)
        }
    };
    Ok(Read {
        body: texts.replaced(inspection.replacements),
        vault: (!inspection.vault.is_empty()).then(|| Arc::new(inspection.vault)),
        verdict: inspection.verdict,
        asking,
    })
}

/// A verdict as it is recorded, unless there is nothing to tell.
pub(crate) fn recorded(verdict: &Verdict, micros: i64) -> Option<Guarded> {
    if verdict.outcome == Outcome::Passed && verdict.injection_score.is_none() {
        return None;
    }
    let position = |at: usize| u64::try_from(at).unwrap_or(u64::MAX);
    let matches = verdict.matches.iter().map(|found| GuardMatch {
        rule: found.rule(),
        mode: found.mode.name().to_owned(),
        certainty: match found.certainty {
            Certainty::Shape => "shape",
            Certainty::Likely => "likely",
            Certainty::Certain => "certain",
        }
        .to_owned(),
        score: found.score,
        part: found.part.clone(),
        start: position(found.span.start),
        end: position(found.span.end),
    });
    Some(Guarded {
        outcome: verdict.outcome.name().to_owned(),
        refused_by: verdict.refusal.as_ref().map(|blocked| blocked.guardrail.key().to_owned()),
        injection_score: verdict.injection_score,
        micros,
        matches: matches.collect(),
        more: position(verdict.more),
    })
}

impl Record {
    /// Takes down what guardrails decided.
    pub(crate) fn guarded(&mut self, verdict: &Verdict, micros: i64) {
        meter::guarded(verdict, micros);
        let Some(more) = recorded(verdict, micros) else { return };
        for found in &more.matches {
            self.note(format!("{}: {} in {}", found.rule, found.mode, found.part));
        }
        match &mut self.guarded {
            None => self.guarded = Some(Box::new(more)),
            Some(all) => {
                all.refused_by = all.refused_by.take().or(more.refused_by);
                all.injection_score = all.injection_score.max(more.injection_score);
                all.micros = all.micros.saturating_add(more.micros);
                all.more = all.more.saturating_add(more.more);
                all.matches.extend(more.matches);
                if rank(&more.outcome) > rank(&all.outcome) {
                    all.outcome = more.outcome;
                }
            }
        }
    }
}

fn rank(outcome: &str) -> Option<Outcome> {
    [Outcome::Passed, Outcome::Noted, Outcome::Changed, Outcome::Blocked]
        .into_iter()
        .find(|known| known.name() == outcome)
}

#[cfg(test)]
mod tests;
