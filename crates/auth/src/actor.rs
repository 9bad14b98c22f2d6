//! Actors: who acts, from where, and whether they may.

use std::fmt;
use std::net::IpAddr;

use promptgate_kernel::{AccountId, AdminKeyId, CallId, ProjectId, TokenId};

use crate::permission::TokenNeeds;
use crate::{Account, ManagementScopes, Membership, Permission, Role};

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    /// Whoever holds an admin API key; `None` is the one in the settings.
    AdminKey(Option<AdminKeyId>),
    /// A process of the gateway itself: first start, maintenance.
    System,
    /// A project token, for its own project.
    Token {
        /// The token.
        id: TokenId,
        /// Its project.
        project: ProjectId,
        /// What it may manage there.
        scopes: ManagementScopes,
    },
    /// A person who signed in.
    Person {
        /// The account.
        id: AccountId,
        /// The role that counts now.
        role: Role,
    },
}

/// Which door an actor came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Via {
    /// The JSON API, the console, or the process itself.
    #[default]
    Direct,
    /// The command line.
    CommandLine,
    /// The management routes of a project's tokens.
    ManagementApi,
}

impl Via {
    /// The name in the audit log; `None` needs no mention.
    pub const fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Direct => None,
            Self::CommandLine => Some("cli"),
            Self::ManagementApi => Some("management_api"),
        }
    }
}

/// Where an actor came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Origin {
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The request.
    pub request: Option<CallId>,
    /// The door.
    pub via: Via,
}

impl Origin {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self { address: None, request: None, via: Via::Direct };
}

/// Who acts, what they are in the project in question, and where they came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Actor {
    /// Who.
    pub who: Who,
    /// What a person is in the project that this is about, where somebody looked.
    pub membership: Option<Membership>,
    /// From where.
    pub origin: Origin,
}

/// The actor may not do this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{who} may not do this: {permission:?} is needed")]
pub struct Forbidden {
    /// Who asked.
    pub who: Who,
    /// What was needed.
    pub permission: Permission,
}

impl Actor {
    /// Somebody, from nowhere in particular.
    pub const fn of(who: Who) -> Self {
        Self { who, membership: None, origin: Origin::UNKNOWN }
    }

    /// Whoever holds the admin API key of the settings.
    pub const fn admin_key() -> Self {
        Self::of(Who::AdminKey(None))
    }

    /// The gateway itself.
    pub const fn system() -> Self {
        Self::of(Who::System)
    }

    /// A token of a project.
    pub const fn token(id: TokenId, project: ProjectId, scopes: ManagementScopes) -> Self {
        Self::of(Who::Token { id, project, scopes })
    }

    /// The gateway itself, on behalf of a request that nobody is known to have made.
    pub const fn system_for(origin: Origin) -> Self {
        Self::system().coming_from(origin)
    }

    /// A person whose account was found usable.
    pub const fn person(account: &Account, origin: Origin) -> Self {
        Self::of(Who::Person { id: account.id, role: account.role }).coming_from(origin)
    }

    /// The same actor, known to have come from there.
    #[must_use]
    pub const fn coming_from(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }

    /// The same actor as a member of a project.
    #[must_use]
    pub const fn as_member(self, membership: Option<Membership>) -> Self {
        Self { membership, ..self }
    }

    /// Whether the actor may do something in the whole installation.
    pub fn require(self, permission: Permission) -> Result<(), Forbidden> {
        let grant = permission.grant();
        let allowed = match self.who {
            Who::AdminKey(_) => grant.admin_key,
            Who::System => grant.system,
            Who::Token { .. } => false,
            Who::Person { role, .. } => role >= grant.role,
        };
        if allowed { Ok(()) } else { Err(Forbidden { who: self.who, permission }) }
    }

    /// Whether the actor may do something in one project: everywhere, as a member of it, or as one of
    /// its tokens.
    pub fn require_in(self, project: ProjectId, permission: Permission) -> Result<(), Forbidden> {
        let refused = match self.require(permission) {
            Ok(()) => return Ok(()),
            Err(refused) => refused,
        };
        let grant = permission.grant();
        let allowed = match self.who {
            Who::AdminKey(_) | Who::System => false,
            Who::Token { project: own, scopes, .. } => {
                own == project
                    && match grant.token {
                        TokenNeeds::Never => false,
                        TokenNeeds::Nothing => true,
                        TokenNeeds::Scope(scope) => scopes.allow(scope),
                    }
            }
            Who::Person { id, role } => {
                let member = self.membership.filter(|it| it.project == project && it.account == id);
                let enough = |needed| member.is_some_and(|member| member.role >= needed);
                role > Role::None && grant.project_role.is_some_and(enough)
            }
        };
        if allowed { Ok(()) } else { Err(refused) }
    }

    /// What kind of actor this is, for the audit log.
    pub const fn kind(self) -> &'static str {
        match self.who {
            Who::AdminKey(_) => "admin_key",
            Who::System => "system",
            Who::Token { .. } => "token",
            Who::Person { .. } => "account",
        }
    }

    /// The actor's id, where it has one.
    pub fn id(self) -> Option<String> {
        match self.who {
            Who::AdminKey(id) => id.map(|id| id.to_string()),
            Who::System => None,
            Who::Token { id, .. } => Some(id.to_string()),
            Who::Person { id, .. } => Some(id.to_string()),
        }
    }

    /// The account that acts, where one does.
    pub const fn account(self) -> Option<AccountId> {
        match self.who {
            Who::Person { id, .. } => Some(id),
            Who::AdminKey(_) | Who::System | Who::Token { .. } => None,
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AdminKey(None) => f.write_str("the admin API key"),
            Self::AdminKey(Some(id)) => write!(f, "the admin API key {id}"),
            Self::System => f.write_str("the gateway itself"),
            Self::Token { id, .. } => write!(f, "the token {id}"),
            Self::Person { id, .. } => write!(f, "the account {id}"),
        }
    }
}

#[cfg(test)]
mod tests;
