//! What guardrails did with a call.

use serde::{Deserialize, Serialize};

/// What the guardrails decided of a call, and why: kinds and places, never what was found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Guarded {
    /// What they decided: `noted`, `changed`, `blocked`, or `passed` where there is only a score.
    pub outcome: String,
    /// The guardrail that refused the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_by: Option<String>,
    /// How sure it is that somebody attacks, in thousandths, where that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub injection_score: Option<u16>,
    /// How long they took, in microseconds.
    pub micros: i64,
    /// What was found, one by one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<GuardMatch>,
    /// How many more were found.
    #[serde(default)]
    pub more: u64,
}

/// Something that a guardrail found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardMatch {
    /// The stable id of the rule, such as `pii_filter.email`.
    pub rule: String,
    /// What happened: `audit`, `mask`, `redact`, `block`.
    pub mode: String,
    /// How sure it is: `shape`, `likely`, `certain`.
    pub certainty: String,
    /// How sure it is in thousandths, where that is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<u16>,
    /// The text it stands in, such as `messages[0].content`.
    pub part: String,
    /// Where it begins in that text, in characters.
    pub start: u64,
    /// Where it ends there.
    pub end: u64,
}
