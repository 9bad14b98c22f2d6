//! What may pass: rules over texts, addresses and times, and what comes of them.
//!
//! [`Rules`] stand on four [levels](Level) and are merged field by field; merged ones compile to a
//! [`Policy`], which reads the texts of a call and answers an [`Inspection`]: the [`Verdict`], the texts
//! to be replaced, and the [`Vault`] of what left under tokens.

mod access;
mod answer;
mod channel;
mod check;
mod contextual;
mod defaults;
mod detectors;
mod guardrail;
mod invalid;
mod level;
mod policy;
mod redaction;
mod repository;
mod rules;
mod stored;
mod verdict;

pub use access::{AccessDenied, AccessPolicy};
pub use answer::{ANSWER_HOLD_BACK, AnswerGuard, AnswerPart};
pub use channel::{Channel, Suspect};
pub use contextual::{CONTEXTUAL_CALL, ContextualKind, Question, Spotted, Unusable};
pub use guardrail::{Direction, Guardrail, Mode, Strictness};
pub use invalid::InvalidRules;
pub use level::{Holder, Level};
pub use policy::{Asking, Inspection, Part, Policy, Replacement};
pub use redaction::{RedactionKind, Restorer, Vault};
pub use repository::{AllRules, GuardrailRepository, KeptRules, RuleFaults};
pub use rules::{
    ContentLengthRule, CustomPattern, IpAllowlistRule, KeywordBlocklistRule, PiiFilterRule,
    PromptInjectionRule, ReversibleRedactionRule, Rules, SecretScannerRule, TimeWindowRule, Window,
};
pub use stored::StoredRules;
pub use verdict::{Blocked, MOST_MATCHES, Match, Outcome, Verdict};
