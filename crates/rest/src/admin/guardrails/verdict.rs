//! What is shown of a verdict, one that was recorded and one that is only tried.

use promptgate_control::guardrails::{Certainty, Changed, Explained};
use promptgate_firewall::guardrails::{Match, Verdict};
use promptgate_usage::{GuardMatch, Guarded};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What guardrails decide of something, and why: kinds and places, never what was found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::admin) struct GuardVerdictView {
    /// `passed`, `noted`, `changed` or `blocked`.
    outcome: String,
    /// The guardrail that refuses it, such as `pii_filter`.
    refused_by: Option<String>,
    /// How sure it is that somebody attacks, in thousandths; null where that was not asked.
    injection_score: Option<u16>,
    /// What was found.
    matches: Vec<GuardMatchView>,
    /// How many more things were found.
    more: u64,
    /// How long it took, in microseconds.
    micros: u64,
}

/// Something that a guardrail found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct GuardMatchView {
    /// The stable id of the rule, such as `pii_filter.email`.
    rule: String,
    /// The guardrail: what stands before the dot.
    guardrail: String,
    /// What sort of thing it is: what stands behind the dot.
    category: String,
    /// What people call it; null in records.
    label: Option<String>,
    /// What happens with it: `audit`, `mask`, `redact` or `block`.
    mode: String,
    /// How sure it is: `shape`, `likely` or `certain`.
    certainty: String,
    /// How sure it is in thousandths, where that is measured.
    score: Option<u16>,
    /// The text it stands in, such as `messages[0].content`.
    part: String,
    /// Where it begins in that text, in characters.
    start: u64,
    /// Where it ends there.
    end: u64,
}

/// What guardrails make of something.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExplainedView {
    #[serde(flatten)]
    verdict: GuardVerdictView,
    /// What whoever called would be told; null for what is not refused.
    message: Option<String>,
    /// The text that would go on in its place; null for what stays as it is, and what is refused.
    sent_text: Option<String>,
    /// The body that would go on in its place.
    #[schema(value_type = Option<Object>)]
    sent_body: Option<Value>,
    /// The rules that nothing is said of, because only a model can, and none is asked here.
    unasked: Vec<String>,
    /// How many bytes were read.
    bytes: u64,
}

impl From<Guarded> for GuardVerdictView {
    fn from(guarded: Guarded) -> Self {
        Self {
            outcome: guarded.outcome,
            refused_by: guarded.refused_by,
            injection_score: guarded.injection_score,
            matches: guarded.matches.into_iter().map(GuardMatchView::from).collect(),
            more: guarded.more,
            micros: guarded.micros.try_into().unwrap_or_default(),
        }
    }
}

impl From<GuardMatch> for GuardMatchView {
    fn from(found: GuardMatch) -> Self {
        let (guardrail, category) = found.rule.split_once('.').unwrap_or((&found.rule, ""));
        Self {
            guardrail: guardrail.to_owned(),
            category: category.to_owned(),
            label: None,
            mode: found.mode,
            certainty: found.certainty,
            score: found.score,
            part: found.part,
            start: found.start,
            end: found.end,
            rule: found.rule,
        }
    }
}

fn tried(verdict: Verdict, micros: u64) -> GuardVerdictView {
    GuardVerdictView {
        outcome: verdict.outcome.name().to_owned(),
        refused_by: verdict.refusal.map(|blocked| blocked.guardrail.key().to_owned()),
        injection_score: verdict.injection_score,
        matches: verdict.matches.into_iter().map(GuardMatchView::from).collect(),
        more: verdict.more as u64,
        micros,
    }
}

impl From<Match> for GuardMatchView {
    fn from(found: Match) -> Self {
        let certainty = match found.certainty {
            Certainty::Shape => "shape",
            Certainty::Likely => "likely",
            Certainty::Certain => "certain",
        };
        Self {
            rule: found.rule(),
            guardrail: found.guardrail.key().to_owned(),
            category: found.kind,
            label: Some(found.label),
            mode: found.mode.name().to_owned(),
            certainty: certainty.to_owned(),
            score: found.score,
            part: found.part,
            start: found.span.start as u64,
            end: found.span.end as u64,
        }
    }
}

impl ExplainedView {
    pub(super) fn outcome(&self) -> &str {
        &self.verdict.outcome
    }

    pub(super) const fn micros(&self) -> u64 {
        self.verdict.micros
    }
}

impl From<Explained> for ExplainedView {
    fn from(explained: Explained) -> Self {
        let (sent_text, sent_body) = match explained.changed {
            Some(Changed::Text(text)) => (Some(text), None),
            Some(Changed::Body(body)) => (None, serde_json::from_slice(&body).ok()),
            None => (None, None),
        };
        Self {
            message: explained.verdict.refusal.as_ref().map(|blocked| blocked.message.clone()),
            verdict: tried(explained.verdict, explained.micros),
            sent_text,
            sent_body,
            unasked: explained.unasked,
            bytes: explained.bytes as u64,
        }
    }
}
