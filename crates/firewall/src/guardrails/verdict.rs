//! What the guardrails decided, and why.

use std::ops::Range;

use promptgate_guard::Certainty;

use super::guardrail::{Guardrail, Mode};

/// The most matches that are told one by one.
pub const MOST_MATCHES: usize = 100;

/// What the guardrails decided of a call, and why, in a form that a person can read. It never holds
/// what was found, only what sort of thing it was and where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// What they decided.
    pub outcome: Outcome,
    /// What was found, in the order of the texts; at most [`MOST_MATCHES`].
    pub matches: Vec<Match>,
    /// How many more were found.
    pub more: usize,
    /// How sure it is that somebody attacks, in thousandths, where that was asked.
    pub injection_score: Option<u16>,
    /// Why the call was refused, when it was.
    pub refusal: Option<Blocked>,
}

/// What happens with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Outcome {
    /// It passes as it is.
    #[default]
    Passed,
    /// It passes, and something was written down.
    Noted,
    /// It passes with some of its text replaced.
    Changed,
    /// It is refused.
    Blocked,
}

impl Outcome {
    /// Its stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Noted => "noted",
            Self::Changed => "changed",
            Self::Blocked => "blocked",
        }
    }
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The guardrail.
    pub guardrail: Guardrail,
    /// What sort of thing it is, such as `email`: with the guardrail the stable id of the rule.
    pub kind: String,
    /// What people call it.
    pub label: String,
    /// What happened with it.
    pub mode: Mode,
    /// How sure it is.
    pub certainty: Certainty,
    /// How sure it is in thousandths, where that is measured.
    pub score: Option<u16>,
    /// The text it stands in, such as `messages[0].content`.
    pub part: String,
    /// Where in that text, in characters.
    pub span: Range<usize>,
}

impl Match {
    /// The id of the rule that matched, such as `pii_filter.email`.
    pub fn rule(&self) -> String {
        format!("{}.{}", self.guardrail, self.kind)
    }
}

/// A call was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Blocked {
    /// By which guardrail.
    pub guardrail: Guardrail,
    /// Why, for whoever called; without what was found, but for a word of the blocklist.
    pub message: String,
}

impl Verdict {
    /// Where something is, as long as it is told: to find that out takes time.
    pub(crate) fn place(&self, place: impl FnOnce() -> String) -> String {
        if self.matches.len() < MOST_MATCHES { place() } else { String::new() }
    }

    /// Writes something down.
    pub(crate) fn note(&mut self, found: Match) {
        let outcome = match found.mode {
            Mode::Audit => Outcome::Noted,
            Mode::Mask | Mode::Redact => Outcome::Changed,
            Mode::Block => Outcome::Blocked,
        };
        self.outcome = self.outcome.max(outcome);
        if self.matches.len() < MOST_MATCHES {
            self.matches.push(found);
        } else {
            self.more += 1;
        }
    }

    /// Adds what was decided of something else of the same call.
    pub fn join(&mut self, other: Self) {
        self.outcome = self.outcome.max(other.outcome);
        for found in other.matches {
            if self.matches.len() < MOST_MATCHES {
                self.matches.push(found);
            } else {
                self.more += 1;
            }
        }
        self.more += other.more;
        self.injection_score = self.injection_score.max(other.injection_score);
        self.refusal = self.refusal.take().or(other.refusal);
    }
}
