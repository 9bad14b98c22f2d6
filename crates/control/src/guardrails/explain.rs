//! Saying what guardrails make of something, before or after they are changed.

use promptgate_auth::{Actor, Permission};
use promptgate_firewall::guardrails::Rules;
use promptgate_kernel::{EndpointId, ProjectId, TokenId};
use promptgate_store::{Access, UnitOfWork};
use promptgate_wire::Unreadable;
use serde_json::{Map, Value};
use tracing::instrument;

use super::admission::{Admission, Coming, admit};
use super::find::levels;
use super::{Explained, GuardrailError, Levels, Said, Trial};
use crate::Control;
use crate::members::actor_in;

/// What rules something would go by: those of everybody, and of what is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Way {
    /// The project; that of the token or the endpoint, unless given.
    pub project: Option<ProjectId>,
    /// The AI endpoint.
    pub endpoint: Option<EndpointId>,
    /// The token.
    pub token: Option<TokenId>,
}

/// Which rules are tried.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Tried {
    /// Those that are stored.
    #[default]
    Stored,
    /// These, and where they say nothing, those that are stored.
    Over(Map<String, Value>),
    /// These alone.
    Alone(Map<String, Value>),
}

impl Tried {
    /// What is asked for, as rules that are understood and within bounds.
    pub(super) fn checked(&self) -> Result<CheckedRules, GuardrailError> {
        let checked = |document: &Map<String, Value>| {
            let rules = Rules::parse(document)?;
            rules.check().map(|()| rules)
        };
        Ok(match self {
            Self::Stored => CheckedRules { own: Rules::default(), over_stored: true },
            Self::Over(document) => CheckedRules { own: checked(document)?, over_stored: true },
            Self::Alone(document) => CheckedRules { own: checked(document)?, over_stored: false },
        })
    }
}

/// Rules that are tried.
#[derive(Debug, Clone, Default)]
pub(super) struct CheckedRules {
    own: Rules,
    over_stored: bool,
}

impl CheckedRules {
    /// What counts, where this is stored.
    pub(super) fn effective(&self, stored: &Rules) -> Rules {
        if self.over_stored { self.own.over(stored) } else { self.own.clone() }
    }
}

/// What rules make of what they are asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Whether it may come from there and then; `None` where that was not asked.
    pub access: Option<Admission>,
    /// What they make of each thing that is said.
    pub explained: Vec<Explained>,
}

/// Why nothing is explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// Something about the rules, or about whose they are.
    #[error(transparent)]
    Guardrails(#[from] GuardrailError),
    /// One of the bodies cannot be read.
    #[error("{source}")]
    Unreadable {
        /// Which, counted from 0.
        at: usize,
        /// Why.
        source: Unreadable,
    },
    /// Reading failed by a defect.
    #[error("the guardrails failed")]
    Failed,
}

/// What rules are asked about.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Asked {
    /// What is said.
    pub said: Vec<Said>,
    /// Where it comes from, and when.
    pub coming: Coming,
}

/// What the rules make of each thing that is said, and of where it comes from and when. Nothing is
/// called, stored or logged.
#[instrument(name = "control.guardrails.explain", skip_all)]
pub async fn explain(
    control: &Control,
    actor: Actor,
    way: Way,
    tried: Tried,
    asked: Asked,
) -> Result<Explanation, ExplainError> {
    let mut work = control.store.begin(Access::Read).await.map_err(GuardrailError::from)?;
    let stored = stored(&mut *work, actor, way).await?;
    drop(work);
    let rules = tried.checked()?.effective(&stored.effective());
    // Many texts take a while, and others are waiting for this thread.
    let reading = tokio::task::spawn_blocking(move || read(&rules, &asked));
    reading.await.map_err(|_| ExplainError::Failed)?
}

/// What rules of a document make of it, whatever else there is.
pub fn explain_alone(document: &Map<String, Value>, asked: &Asked) -> Result<Explanation, ExplainError> {
    let rules = Rules::parse(document).and_then(|rules| rules.check().map(|()| rules));
    read(&rules.map_err(GuardrailError::from)?, asked)
}

fn read(rules: &Rules, asked: &Asked) -> Result<Explanation, ExplainError> {
    let trial = Trial::of(rules);
    let explain = |(at, said): (usize, &Said)| {
        trial.explain(said).map_err(|source| ExplainError::Unreadable { at, source })
    };
    let explained = asked.said.iter().enumerate().map(explain).collect::<Result<_, _>>()?;
    Ok(Explanation { access: admit(rules, asked.coming), explained })
}

/// What is stored for somebody's way, whose guardrails the actor may manage.
async fn stored(work: &mut dyn UnitOfWork, actor: Actor, way: Way) -> Result<Levels, GuardrailError> {
    let way = completed(work, way).await?;
    match way.project {
        Some(project) => {
            actor_in(work, actor, project).await?.require_in(project, Permission::ManageGuardrails)?;
            work.projects().find(project).await?.ok_or(GuardrailError::UnknownProject(project))?;
        }
        None => actor.require(Permission::ManageGuardrails)?,
    }
    levels(work, way).await
}

/// The way with the project that its token and its endpoint belong to, which must be the same.
async fn completed(work: &mut dyn UnitOfWork, mut way: Way) -> Result<Way, GuardrailError> {
    if let Some(id) = way.token {
        let token = work.tokens().find(id).await?;
        let token = token.filter(|token| way.project.is_none_or(|project| project == token.project_id));
        way.project = Some(token.ok_or(GuardrailError::UnknownToken(id))?.project_id);
    }
    if let Some(id) = way.endpoint {
        let endpoint = work.endpoints().find(id).await?;
        let endpoint =
            endpoint.filter(|endpoint| way.project.is_none_or(|project| project == endpoint.project_id));
        way.project = Some(endpoint.ok_or(GuardrailError::UnknownEndpoint(id))?.project_id);
    }
    Ok(way)
}
