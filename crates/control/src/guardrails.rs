//! Rules of guardrails: look at them on every level, change them, and try them on something.

mod admission;
mod change;
mod explain;
mod find;
mod kinds;
mod replay;
mod trial;

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_firewall::guardrails::{Guardrail, Holder, InvalidRules, Level, Rules};
use promptgate_kernel::{EndpointId, ProjectId, RepositoryError, TokenId};
use promptgate_projects::ProjectType;
use promptgate_store::UnitOfWork;

use crate::members::actor_in;

pub use admission::{AccessSaid, Admission, Coming};
pub use change::{Change, change};
pub use explain::{Asked, ExplainError, Explanation, Tried, Way, explain, explain_alone};
pub use find::{find, find_of_endpoint};
pub use kinds::{Kind, Kinds, kinds};
pub use promptgate_firewall::guardrails::{Channel, Outcome};
pub use promptgate_guard::Certainty;
pub use replay::{Concerned, MOST_NAMED, MOST_REPLAYED, Matched, Replay, Replayed, replay};
pub use trial::{Changed, Explained, Form, Heard, Said, Trial};

/// Why guardrails are not shown or changed.
#[derive(Debug, thiserror::Error)]
pub enum GuardrailError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The project does not exist.
    #[error("there is no project {0}")]
    UnknownProject(ProjectId),
    /// The project's type has no AI endpoints.
    #[error("projects of type {0} have no AI endpoints; ai_gateway has")]
    WrongType(ProjectType),
    /// The token does not exist there.
    #[error("there is no token {0} here")]
    UnknownToken(TokenId),
    /// The endpoint does not exist there.
    #[error("there is no endpoint {0} here")]
    UnknownEndpoint(EndpointId),
    /// What is stored cannot be read: nobody read it then, or another version wrote it.
    #[error("the guardrails of {0} cannot be read; replace them")]
    Unreadable(String),
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

impl GuardrailError {
    /// What a holder says cannot be read.
    fn unreadable(holder: Holder) -> Self {
        Self::Unreadable(match holder {
            Holder::Global => "everybody".to_owned(),
            Holder::Project(id) => format!("the project {id}"),
            Holder::Token(id) => format!("the token {id}"),
        })
    }
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

impl From<Whose> for Way {
    fn from(whose: Whose) -> Self {
        let token = match whose {
            Whose::Token(_, id) => Some(id),
            Whose::Installation | Whose::Project(_) => None,
        };
        Self { project: whose.project(), endpoint: None, token }
    }
}

/// Where what counts comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// From a level.
    Level(Level),
    /// From a token that the one in question comes from.
    TokenAbove,
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

    /// Where a field comes from; `None` where no level says anything of it.
    pub fn source(&self, guardrail: Guardrail, field: &str) -> Option<Source> {
        let at = self.levels.iter().rposition(|(_, rules)| rules.set_fields(guardrail).contains(&field))?;
        match self.levels[at].0 {
            Level::Token if at + 1 < self.levels.len() => Some(Source::TokenAbove),
            level => Some(Source::Level(level)),
        }
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
