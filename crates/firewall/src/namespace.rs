//! Whose rules they are.

use promptgate_kernel::{AccountId, ProjectId, TokenId};
use serde::{Deserialize, Serialize};

use crate::Action;

/// Whose rules they are. Each namespace has its own order, and its rules know nothing of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Namespace {
    /// Everybody's.
    Global,
    /// Those of one person.
    Person(AccountId),
    /// Those of one service account.
    Service(AccountId),
    /// Those of one project.
    Project(ProjectId),
    /// Those of one token.
    Token(TokenId),
}

impl Namespace {
    /// What happens to an address that none of the rules is about, unless somebody has set it: everybody
    /// may in, but not to an account that has rules of its own.
    pub const fn default_action(self) -> Action {
        match self {
            Self::Global | Self::Project(_) | Self::Token(_) => Action::Allow,
            Self::Person(_) | Self::Service(_) => Action::Deny,
        }
    }

    /// The kind of namespace, as it is stored and audited: `global`, `person`, `service`, `project`,
    /// `token`.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Person(_) => "person",
            Self::Service(_) => "service",
            Self::Project(_) => "project",
            Self::Token(_) => "token",
        }
    }

    /// Whose they are, in words: `installation`, `user`, `service account`, `project`, `token`.
    pub const fn described(self) -> &'static str {
        match self {
            Self::Global => "installation",
            Self::Person(_) => "user",
            Self::Service(_) => "service account",
            Self::Project(_) => "project",
            Self::Token(_) => "token",
        }
    }

    /// The account whose rules they are.
    pub const fn account(self) -> Option<AccountId> {
        match self {
            Self::Person(account) | Self::Service(account) => Some(account),
            Self::Global | Self::Project(_) | Self::Token(_) => None,
        }
    }
}
