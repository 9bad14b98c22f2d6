//! Rules of guardrails: look at them on every level, change them, and try them on something.

mod change;
mod explain;
mod find;
mod kinds;
mod replay;
mod trial;

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_firewall::guardrails::{Guardrail, Holder, InvalidRules, Level, Rules};
use promptgate_kernel::{EndpointId, ProjectId, RepositoryError, TokenId};
use promptgate_store::UnitOfWork;

use crate::members::actor_in;

pub use change::{Change, change};
pub use explain::{ExplainError, Tried, Way, explain};
pub use find::{find, find_of_endpoint};
pub use kinds::{Kind, Kinds, kinds};
pub use promptgate_guard::{Certainty, Channel};
pub use replay::{Concerned, MOST_NAMED, MOST_REPLAYED, Matched, Replay, Replayed, replay};
pub use trial::{Changed, Explained, Form, Said, Trial};

/// Why guardrails are not shown or changed.
#[derive(Debug, thiserror::Error)]
pub enum GuardrailError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The project does not exist.
    #[error("there is no project {0}")]
    UnknownProject(ProjectId),
    /// The token does not exist there.
    #[error("there is no token {0} here")]
    UnknownToken(TokenId),
    /// The endpoint does not exist there.
    #[error("there is no endpoint {0} here")]
    UnknownEndpoint(EndpointId),
    /// Something about the rules is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidRules),
    /// Somebody else changed them at the same time; look at them again.
    #[error("the guardrails were changed by somebody else")]
    Changed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// Whose guardrails somebody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Everybody's.
    Installation,
    /// A project's.
    Project(ProjectId),
    /// A token's, in its project.
    Token(ProjectId, TokenId),
}

impl Whose {
    pub(crate) const fn holder(self) -> Holder {
        match self {
            Self::Installation => Holder::Global,
            Self::Project(id) => Holder::Project(id),
            Self::Token(_, id) => Holder::Token(id),
        }
    }

    pub(crate) const fn project(self) -> Option<ProjectId> {
        match self {
            Self::Installation => None,
            Self::Project(id) | Self::Token(id, _) => Some(id),
        }
    }
}

/// What guardrails say on a level, and on all levels down to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Levels {
    /// Every level that counts here, the topmost first; the last is the one that was asked for.
    pub levels: Vec<(Level, Rules)>,
}

impl Levels {
    /// What the level itself says.
    pub fn own(&self) -> &Rules {
        static NOTHING: std::sync::LazyLock<Rules> = std::sync::LazyLock::new(Rules::default);
        self.levels.last().map_or_else(|| &*NOTHING, |(_, rules)| rules)
    }

    /// What counts here: all levels together.
    pub fn effective(&self) -> Rules {
        Rules::merged(self.levels.iter().map(|(_, rules)| rules))
    }

    /// The level that a field comes from; `None` where none says anything of it.
    pub fn source(&self, guardrail: Guardrail, field: &str) -> Option<Level> {
        let says = |(_, rules): &&(Level, Rules)| rules.set_fields(guardrail).contains(&field);
        self.levels.iter().rev().find(says).map(|(level, _)| *level)
    }
}

/// Whether the actor may do something with these guardrails, and whose they are exists.
async fn check(
    work: &mut dyn UnitOfWork,
    actor: Actor,
    whose: Whose,
    permission: Permission,
) -> Result<(), GuardrailError> {
    let Some(project) = whose.project() else {
        return Ok(actor.require(Permission::ManageGuardrails)?);
    };
    actor_in(work, actor, project).await?.require_in(project, permission)?;
    work.projects().find(project).await?.ok_or(GuardrailError::UnknownProject(project))?;
    if let Whose::Token(_, id) = whose {
        let token = work.tokens().find(id).await?.filter(|token| token.project_id == project);
        token.ok_or(GuardrailError::UnknownToken(id))?;
    }
    Ok(())
}
