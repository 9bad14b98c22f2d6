//! What may be done, and the one table that says who may.

use crate::{ProjectRole, Role};

/// Something that not everybody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Create and delete projects, and list all of them.
    ManageProjects,
    /// Change one project's settings, provider settings and members.
    ConfigureProject,
    /// Read one project: its description, settings, tokens, models and endpoints.
    ReadProject,
    /// Issue, change, rotate and revoke tokens.
    ManageTokens,
    /// Create, change and delete providers and their credentials.
    ManageProviders,
    /// Create, change, switch, delete and run AI endpoints, their golden sets and names of models.
    ManageEndpoints,
    /// Read what was used.
    ReadUsage,
    /// Read what was said in calls.
    ReadContents,
    /// See, change and delete people and service accounts, their memberships, sessions and keys.
    ManageAccounts,
    /// Create, change and delete access groups, and say who is in them.
    ManageGroups,
    /// Create, change, assign and delete subscription plans.
    ManagePlans,
    /// Create, change, order, try and delete network rules.
    ManageNetworkRules,
    /// See and change what guardrails say: of a project and its tokens there, else of the installation.
    ManageGuardrails,
    /// See and change what models cost.
    ManagePrices,
    /// Create, change and delete definitions of MCP servers.
    ManageMcpServers,
    /// Create, change, check and delete monitored services.
    ManageMonitors,
    /// See and run recurring work, its history and what was given up of it.
    ManageJobs,
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

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 22] = [
        Self::ManageProjects,
        Self::ConfigureProject,
        Self::ReadProject,
        Self::ManageTokens,
        Self::ManageProviders,
        Self::ManageEndpoints,
        Self::ReadUsage,
        Self::ReadContents,
        Self::ManageAccounts,
        Self::ManageGroups,
        Self::ManagePlans,
        Self::ManageNetworkRules,
        Self::ManageGuardrails,
        Self::ManagePrices,
        Self::ManageMcpServers,
        Self::ManageMonitors,
        Self::ManageJobs,
        Self::ManageHelp,
        Self::ReadAudit,
        Self::ManageAdminKeys,
        Self::ManageSettings,
        Self::UseOwnAccount,
    ];
}

/// A scope of a token that manages the token's own project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ManagementScope {
    /// `admin`: reads the project, and stands for all the others.
    Admin,
    /// `tokens:write`.
    TokensWrite,
    /// `endpoints:write`.
    EndpointsWrite,
    /// `credentials:read`.
    CredentialsRead,
}

impl ManagementScope {
    /// Every management scope.
    pub const ALL: [Self; 4] = [Self::Admin, Self::TokensWrite, Self::EndpointsWrite, Self::CredentialsRead];

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The management scopes of one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ManagementScopes(u8);

impl ManagementScopes {
    /// Whether `scope` is among them; `admin` stands for all.
    pub const fn allow(self, scope: ManagementScope) -> bool {
        self.0 & (scope.bit() | ManagementScope::Admin.bit()) != 0
    }
}

impl FromIterator<ManagementScope> for ManagementScopes {
    fn from_iter<I: IntoIterator<Item = ManagementScope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

/// What a token of the project in question needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenNeeds {
    /// No token may.
    Never,
    /// Any token of the project may; its routes ask for scopes of their own.
    Nothing,
    /// One with this scope may.
    Scope(ManagementScope),
}

/// Who has one permission. Roles are the least that have it; those above have it too.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grant {
    pub(crate) permission: Permission,
    /// Whoever holds an admin API key.
    pub(crate) admin_key: bool,
    /// The gateway itself.
    pub(crate) system: bool,
    /// The role that has it everywhere.
    pub(crate) role: Role,
    /// The role in a project that has it there.
    pub(crate) project_role: Option<ProjectRole>,
    /// The token that has it in its own project.
    pub(crate) token: TokenNeeds,
}

const fn everywhere(permission: Permission, role: Role) -> Grant {
    Grant { permission, admin_key: true, system: true, role, project_role: None, token: TokenNeeds::Never }
}

const fn also_in(permission: Permission, project_role: ProjectRole, token: TokenNeeds) -> Grant {
    Grant { project_role: Some(project_role), token, ..everywhere(permission, Role::Admin) }
}

/// Who may do what.
pub(crate) const GRANTS: [Grant; Permission::ALL.len()] = [
    everywhere(Permission::ManageProjects, Role::Admin),
    also_in(Permission::ConfigureProject, ProjectRole::Admin, TokenNeeds::Never),
    also_in(Permission::ReadProject, ProjectRole::Viewer, TokenNeeds::Nothing),
    also_in(Permission::ManageTokens, ProjectRole::Admin, TokenNeeds::Scope(ManagementScope::TokensWrite)),
    everywhere(Permission::ManageProviders, Role::Admin),
    also_in(
        Permission::ManageEndpoints,
        ProjectRole::Developer,
        TokenNeeds::Scope(ManagementScope::EndpointsWrite),
    ),
    also_in(Permission::ReadUsage, ProjectRole::Viewer, TokenNeeds::Never),
    also_in(Permission::ReadContents, ProjectRole::Developer, TokenNeeds::Never),
    everywhere(Permission::ManageAccounts, Role::Admin),
    everywhere(Permission::ManageGroups, Role::Admin),
    everywhere(Permission::ManagePlans, Role::Admin),
    everywhere(Permission::ManageNetworkRules, Role::Admin),
    also_in(Permission::ManageGuardrails, ProjectRole::Admin, TokenNeeds::Never),
    everywhere(Permission::ManagePrices, Role::Admin),
    everywhere(Permission::ManageMcpServers, Role::Admin),
    everywhere(Permission::ManageMonitors, Role::Admin),
    everywhere(Permission::ManageJobs, Role::Admin),
    everywhere(Permission::ManageHelp, Role::Admin),
    everywhere(Permission::ReadAudit, Role::Admin),
    everywhere(Permission::ManageAdminKeys, Role::Admin),
    everywhere(Permission::ManageSettings, Role::Admin),
    everywhere(Permission::UseOwnAccount, Role::User),
];

impl Permission {
    /// The row of the table.
    pub(crate) fn grant(self) -> Grant {
        let row = GRANTS.into_iter().find(|grant| grant.permission == self);
        row.expect("a test sees to it that every permission has a row")
    }
}
