//! What a project's own token may read of its project.

mod authenticate;
mod endpoints;
mod info;
mod models;
mod presented;
mod tokens;

use promptgate_auth::{Actor, Forbidden, ManagementScope};
use promptgate_kernel::RepositoryError;
use promptgate_projects::Project;
use promptgate_tokens::{Scope, Token};

pub use authenticate::{Denied, authenticate, authenticate_any, authenticate_itself, authenticate_own};
pub use endpoints::{EndpointSummary, endpoints};
pub use info::{ProjectInfo, info};
pub use models::{ListedModel, models};
pub use presented::Presented;
pub use tokens::{TOKENS_SHOWN, tokens};

/// Who reads: a token that was admitted to its project.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The token.
    pub token: Token,
    /// Its project.
    pub project: Project,
}

impl Caller {
    /// The caller as an actor.
    pub fn actor(&self) -> Actor {
        Actor::token(
            self.token.id,
            self.token.project_id,
            self.token.scopes.iter().filter_map(managed).collect(),
        )
    }
}

/// The management scope that a scope is, if it is one.
pub(crate) const fn managed(scope: Scope) -> Option<ManagementScope> {
    match scope {
        Scope::Admin => Some(ManagementScope::Admin),
        Scope::TokensWrite => Some(ManagementScope::TokensWrite),
        Scope::EndpointsWrite => Some(ManagementScope::EndpointsWrite),
        Scope::CredentialsRead => Some(ManagementScope::CredentialsRead),
        Scope::Chat | Scope::Models | Scope::Proxy | Scope::Mcp => None,
    }
}

/// Why something about a project is not shown to its token.
#[derive(Debug, thiserror::Error)]
pub enum IntrospectionError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}
