//! Whose rules they are.

use promptgate_kernel::AccountId;

use crate::Action;

/// Whose rules they are. Each namespace has its own order, and its rules know nothing of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Namespace {
    /// Everybody's.
    Global,
    /// Those of one person.
    Person(AccountId),
    /// Those of one service account.
    Service(AccountId),
}

impl Namespace {
    /// What happens to an address that none of the rules is about: everybody may in, unless somebody
    /// has rules of their own.
    pub const fn default_action(self) -> Action {
        match self {
            Self::Global => Action::Allow,
            Self::Person(_) | Self::Service(_) => Action::Deny,
        }
    }

    /// The kind of namespace, as it is stored and audited: `global`, `person`, `service`.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Person(_) => "person",
            Self::Service(_) => "service",
        }
    }

    /// The account whose rules they are.
    pub const fn account(self) -> Option<AccountId> {
        match self {
            Self::Global => None,
            Self::Person(account) | Self::Service(account) => Some(account),
        }
    }
}
