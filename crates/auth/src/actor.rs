//! Actors and permissions.

use std::fmt;

use promptgate_kernel::{ProjectId, TokenId};

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// Whoever holds the operator's admin API key.
    AdminKey,
    /// A process of the gateway itself: first start, maintenance.
    System,
    /// A project token with a management scope, for its own project.
    Token {
        /// The token.
        id: TokenId,
        /// Its project.
        project: ProjectId,
    },
}

/// Something that not everybody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Create, change and delete projects.
    ManageProjects,
    /// Issue, change, rotate and revoke tokens of any project.
    ManageTokens,
    /// Create, change and delete providers and their credentials.
    ManageProviders,
    /// Create, change, switch, delete and run AI endpoints of any project.
    ManageEndpoints,
    /// Read what was used, by any project.
    ReadUsage,
    /// Read what was said in calls, of any project.
    ReadContents,
    /// Read one project's own description, tokens and models.
    ReadProject(ProjectId),
    /// See, change and delete people and service accounts, their memberships, sessions and keys.
    ManageAccounts,
    /// Create, change and delete access groups, and say who is in them.
    ManageGroups,
    /// Create, change, assign and delete subscription plans.
    ManagePlans,
    /// Create, change, order, try and delete network rules.
    ManageNetworkRules,
    /// See and change what models cost.
    ManagePrices,
    /// Create, change and delete definitions of MCP servers.
    ManageMcpServers,
    /// Create, change, check and delete monitored services.
    ManageMonitors,
    /// Write the FAQ and the set-up guides.
    ManageHelp,
    /// Read and export the audit log.
    ReadAudit,
    /// Make, rotate and end admin API keys.
    ManageAdminKeys,
    /// Switch parts of the installation on and off.
    ManageSettings,
    /// Use what every member of the installation has: the own profile, keys, usage and help.
    UseOwnAccount,
}

/// The actor may not do this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{actor} may not do this: {permission:?} is needed")]
pub struct Forbidden {
    /// Who asked.
    pub actor: Actor,
    /// What was needed.
    pub permission: Permission,
}

impl Actor {
    /// Whether the actor may do something.
    pub fn require(self, permission: Permission) -> Result<(), Forbidden> {
        let allowed = match (self, permission) {
            (Self::AdminKey | Self::System, _) => true,
            (Self::Token { project, .. }, Permission::ReadProject(wanted)) => project == wanted,
            (Self::Token { .. }, _) => false,
        };
        if allowed { Ok(()) } else { Err(Forbidden { actor: self, permission }) }
    }

    /// What kind of actor this is, for the audit log.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::AdminKey => "admin_key",
            Self::System => "system",
            Self::Token { .. } => "token",
        }
    }

    /// The actor's id, where it has one.
    pub fn id(self) -> Option<String> {
        match self {
            Self::AdminKey | Self::System => None,
            Self::Token { id, .. } => Some(id.to_string()),
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AdminKey => f.write_str("the admin API key"),
            Self::System => f.write_str("the gateway itself"),
            Self::Token { id, .. } => write!(f, "the token {id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_its_own_project_only() {
        let [own, other] = ["018f4e6e-0000-7000-8000-000000000001", "018f4e6e-0000-7000-8000-000000000002"]
            .map(|id| id.parse::<ProjectId>().unwrap());
        let id = "018f4e6e-0000-7000-8000-000000000003".parse().unwrap();
        let actor = Actor::Token { id, project: own };
        assert_eq!(actor.require(Permission::ReadProject(own)), Ok(()));
        for refused in [Permission::ReadProject(other), Permission::ManageTokens, Permission::ManageProviders]
        {
            assert!(actor.require(refused).is_err());
        }
    }
}
