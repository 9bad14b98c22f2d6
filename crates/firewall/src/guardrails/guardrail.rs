//! The guardrails there are, and what each may do.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One of the guardrails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Guardrail {
    /// Sends values away under tokens and puts them back into the answer.
    ReversibleRedaction,
    /// Personal data.
    PiiFilter,
    /// Injected instructions and jailbreaks.
    PromptInjection,
    /// Credentials.
    SecretScanner,
    /// Words of a list.
    KeywordBlocklist,
    /// How long a text may be.
    ContentLength,
    /// From where calls may come.
    IpAllowlist,
    /// When calls may come.
    TimeWindow,
}

impl Guardrail {
    /// All of them, in the order in which they work on a text.
    pub const ALL: [Self; 8] = [
        Self::ReversibleRedaction,
        Self::PiiFilter,
        Self::PromptInjection,
        Self::SecretScanner,
        Self::KeywordBlocklist,
        Self::ContentLength,
        Self::IpAllowlist,
        Self::TimeWindow,
    ];

    /// Its stable name: in stored rules, audit rows, metrics and the ids of rules.
    pub const fn key(self) -> &'static str {
        match self {
            Self::ReversibleRedaction => "reversible_redaction",
            Self::PiiFilter => "pii_filter",
            Self::PromptInjection => "prompt_injection",
            Self::SecretScanner => "secret_scanner",
            Self::KeywordBlocklist => "keyword_blocklist",
            Self::ContentLength => "content_length",
            Self::IpAllowlist => "ip_allowlist",
            Self::TimeWindow => "time_window",
        }
    }

    /// What it may do with what it finds; empty where there is nothing to choose.
    pub const fn modes(self) -> &'static [Mode] {
        use Mode::{Audit, Block, Mask, Redact};
        match self {
            Self::PiiFilter | Self::SecretScanner => &[Audit, Mask, Redact, Block],
            Self::KeywordBlocklist => &[Audit, Mask, Block],
            Self::PromptInjection | Self::ContentLength => &[Audit, Block],
            Self::ReversibleRedaction | Self::IpAllowlist | Self::TimeWindow => &[],
        }
    }
}

impl fmt::Display for Guardrail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.key())
    }
}

/// What happens with what is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It is written down, and nothing else.
    Audit,
    /// It is replaced for good.
    Mask,
    /// It is replaced by a token, which the answer's reader does not see: there the value is back.
    Redact,
    /// The call is refused.
    Block,
}

impl Mode {
    /// Its stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Mask => "mask",
            Self::Redact => "redact",
            Self::Block => "block",
        }
    }
}

/// Which way a text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// What the client wrote.
    #[default]
    Input,
    /// What the model answered.
    Output,
    /// Both.
    Both,
}

impl Direction {
    /// Whether what the client wrote is read.
    pub const fn reads_input(self) -> bool {
        matches!(self, Self::Input | Self::Both)
    }

    /// Whether what the model answered is read.
    pub const fn reads_output(self) -> bool {
        matches!(self, Self::Output | Self::Both)
    }
}

/// How much has to speak for a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strictness {
    /// A valid checksum, an unmistakable form, or a word near it.
    #[default]
    Standard,
    /// The shape alone.
    Lenient,
}
