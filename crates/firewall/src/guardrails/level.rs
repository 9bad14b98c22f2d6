//! On which level rules stand.

use promptgate_kernel::{ProjectId, TokenId};
use serde::{Deserialize, Serialize};

/// A level of rules, from the topmost down; each may replace what those above it say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Everybody's.
    Global,
    /// A project's.
    Project,
    /// An AI endpoint's.
    Endpoint,
    /// A token's.
    Token,
}

impl Level {
    /// All of them, the topmost first.
    pub const ALL: [Self; 4] = [Self::Global, Self::Project, Self::Endpoint, Self::Token];

    /// Its stable name: `global`, `project`, `endpoint`, `token`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Project => "project",
            Self::Endpoint => "endpoint",
            Self::Token => "token",
        }
    }
}

/// Who has rules that are kept apart. Those of an AI endpoint are part of the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Holder {
    /// Everybody.
    Global,
    /// A project.
    Project(ProjectId),
    /// A token.
    Token(TokenId),
}

impl Holder {
    /// The level that they stand on.
    pub const fn level(self) -> Level {
        match self {
            Self::Global => Level::Global,
            Self::Project(_) => Level::Project,
            Self::Token(_) => Level::Token,
        }
    }
}
