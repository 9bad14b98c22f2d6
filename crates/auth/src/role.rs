//! What an account may do in the whole installation, and in one project.

use serde::{Deserialize, Serialize};

/// What an account may do in the whole installation. A later role may do all that an earlier may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A known identity that opens nothing.
    #[default]
    None,
    /// Uses the installation.
    User,
    /// Uses it, with longer-lived keys.
    Manager,
    /// Runs it.
    Admin,
}

/// A text that names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("role must be one of none, user, manager, admin")]
pub struct UnknownRole;

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 4] = [Self::None, Self::User, Self::Manager, Self::Admin];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::User => "user",
            Self::Manager => "manager",
            Self::Admin => "admin",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

/// What a member may do in one project. A later role may do all that an earlier may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProjectRole {
    /// Reads the project: its settings, tokens, endpoints, usage and calls.
    Viewer,
    /// Also changes and runs its AI endpoints, aliases and golden sets.
    Developer,
    /// Also changes its settings, tokens, provider settings and members.
    Admin,
}

/// A text that names no project role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("role must be one of viewer, developer, admin")]
pub struct UnknownProjectRole;

impl ProjectRole {
    /// Every project role, the least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Developer, Self::Admin];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Developer => "developer",
            Self::Admin => "admin",
        }
    }
}

impl std::str::FromStr for ProjectRole {
    type Err = UnknownProjectRole;

    fn from_str(text: &str) -> Result<Self, UnknownProjectRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownProjectRole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_later_roles_are_greater() {
        for pair in Role::ALL.windows(2) {
            assert!(pair[0] < pair[1]);
            assert_eq!(pair[1].as_str().parse(), Ok(pair[1]));
        }
        for pair in ProjectRole::ALL.windows(2) {
            assert!(pair[0] < pair[1]);
            assert_eq!(pair[1].as_str().parse(), Ok(pair[1]));
        }
        assert_eq!("Admin".parse::<Role>(), Err(UnknownRole));
        assert_eq!("owner".parse::<ProjectRole>(), Err(UnknownProjectRole));
    }
}
