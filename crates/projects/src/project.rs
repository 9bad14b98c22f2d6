//! The project entity and its rules.

use std::fmt;

use promptgate_kernel::{InvalidLimit, LimitChanges, LimitSet, ProjectId, ProviderId, Timestamp, slug_of};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

const MAX_METADATA_BYTES: usize = 64 * 1024;

/// What a project is for. Decides its routes; never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProjectType {
    /// Named AI endpoints with a fixed prompt and provider.
    AiGateway,
    /// A drop-in model API.
    AiWrapper,
    /// The model API, framed as the way out for coding agents.
    AgentProxy,
    /// Named HTTP upstreams.
    ApiGateway,
    /// Several MCP servers as one.
    McpGateway,
}

impl ProjectType {
    /// Every type, in the order they are shown.
    pub const ALL: [Self; 5] =
        [Self::AiGateway, Self::AiWrapper, Self::AgentProxy, Self::ApiGateway, Self::McpGateway];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AiGateway => "ai_gateway",
            Self::AiWrapper => "ai_wrapper",
            Self::AgentProxy => "agent_proxy",
            Self::ApiGateway => "api_gateway",
            Self::McpGateway => "mcp_gateway",
        }
    }

    /// Whether the `/v1` routes of the model API answer on projects of this type.
    pub const fn serves_model_api(self) -> bool {
        matches!(self, Self::AiWrapper | Self::AgentProxy)
    }
}

impl fmt::Display for ProjectType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for ProjectType {
    type Err = InvalidProject;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(InvalidProject::Type)
    }
}

/// Which environment a project serves. Stamped on what is recorded of its calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProjectEnv {
    /// Development.
    Dev,
    /// Rehearsal.
    Staging,
    /// Production.
    #[default]
    Prod,
}

impl ProjectEnv {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Staging => "staging",
            Self::Prod => "prod",
        }
    }
}

impl std::str::FromStr for ProjectEnv {
    type Err = InvalidProject;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "dev" => Ok(Self::Dev),
            "staging" => Ok(Self::Staging),
            "prod" => Ok(Self::Prod),
            _ => Err(InvalidProject::Env),
        }
    }
}

/// What is kept of what was said in a project's calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordBodies {
    /// Requests and answers, cut to what fits, besides what `prompts` keeps.
    #[default]
    Full,
    /// What the user wrote last, and the tools that the model called.
    Prompts,
    /// Nothing.
    None,
}

impl RecordBodies {
    /// Every choice, the one that keeps most first.
    pub const ALL: [Self; 3] = [Self::Full, Self::Prompts, Self::None];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Prompts => "prompts",
            Self::None => "none",
        }
    }
}

impl std::str::FromStr for RecordBodies {
    type Err = InvalidProject;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kept| kept.as_str() == text).ok_or(InvalidProject::RecordBodies)
    }
}

/// What is wrong with a project that somebody wants to create or change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProject {
    /// The name is blank or too long.
    #[error("name must have 1 to 120 characters that are no control characters")]
    Name,
    /// The type is none of the five.
    #[error("projectType must be one of ai_gateway, ai_wrapper, agent_proxy, api_gateway, mcp_gateway")]
    Type,
    /// The environment is none of the three.
    #[error("env must be one of dev, staging, prod")]
    Env,
    /// What is to be kept is none of the three.
    #[error("recordBodies must be one of full, prompts, none")]
    RecordBodies,
    /// The metadata is too large.
    #[error("metadata must be a JSON object of at most 64 KiB")]
    Metadata,
    /// A limit cannot be kept to.
    #[error(transparent)]
    Limit(#[from] InvalidLimit),
}

impl InvalidProject {
    /// The field that is wrong, as the wire names it.
    pub fn field(&self) -> &str {
        match self {
            Self::Name => "name",
            Self::Type => "projectType",
            Self::Env => "env",
            Self::RecordBodies => "recordBodies",
            Self::Metadata => "metadata",
            Self::Limit(wrong) => wrong.field(),
        }
    }
}

/// A project's name: 1 to 120 characters, no control characters, no blanks around it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProjectName(String);

impl ProjectName {
    /// The longest name, in characters.
    const MAX_LENGTH: usize = 120;

    /// Trims and checks a name.
    pub fn parse(text: &str) -> Result<Self, InvalidProject> {
        let text = text.trim();
        let fits = (1..=Self::MAX_LENGTH).contains(&text.chars().count());
        if fits && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidProject::Name)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A short form for addresses of pages: lower-case letters and digits with single hyphens.
    /// A name without any gives `project`.
    pub fn slug(&self) -> String {
        let slug = slug_of(&self.0, Self::MAX_LENGTH);
        if slug.is_empty() { "project".to_owned() } else { slug }
    }
}

/// The tenant of the public routes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Project {
    /// Its identity, also the `{uuid}` of its routes.
    pub id: ProjectId,
    /// Its name.
    pub name: ProjectName,
    /// What it is for.
    pub kind: ProjectType,
    /// Which environment it serves.
    pub env: ProjectEnv,
    /// Whether any of its routes answer.
    pub active: bool,
    /// The provider that answers models nobody else claims.
    pub default_provider: Option<ProviderId>,
    /// What is kept of what was said in its calls; `None`: what the process keeps of every project's.
    pub record_bodies: Option<RecordBodies>,
    /// How much may be used in it, by all of its callers together.
    pub limits: LimitSet,
    /// Whatever its maker wants to keep with it.
    pub metadata: Map<String, Value>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was deleted; a deleted project is kept so that history stays attributable.
    pub deleted_at: Option<Timestamp>,
    /// Grows with every change; a save of an older version does not match.
    pub version: i64,
}

/// What a project is made from.
#[derive(Debug, Clone)]
pub struct NewProject {
    /// Its name.
    pub name: ProjectName,
    /// What it is for.
    pub kind: ProjectType,
    /// Which environment it serves.
    pub env: ProjectEnv,
    /// The provider that answers models nobody else claims.
    pub default_provider: Option<ProviderId>,
    /// What is kept of what was said in its calls; `None`: what the process keeps of every project's.
    pub record_bodies: Option<RecordBodies>,
    /// How much may be used in it.
    pub limits: LimitSet,
    /// Free data.
    pub metadata: Map<String, Value>,
    /// Whether it answers from the start.
    pub active: bool,
}

/// What may be changed about a project; `None` keeps a value.
#[derive(Debug, Clone, Default)]
pub struct ProjectChanges {
    /// A new name.
    pub name: Option<ProjectName>,
    /// Another environment.
    pub env: Option<ProjectEnv>,
    /// Open or close its routes.
    pub active: Option<bool>,
    /// Another default provider; `Some(None)` clears it.
    pub default_provider: Option<Option<ProviderId>>,
    /// Something else to keep of what was said; `Some(None)` leaves it to the process.
    pub record_bodies: Option<Option<RecordBodies>>,
    /// What changes about how much may be used in it.
    pub limits: LimitChanges,
    /// Other metadata, whole.
    pub metadata: Option<Map<String, Value>>,
}

/// The project was deleted before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the project was deleted at {at}")]
pub struct AlreadyDeleted {
    /// When.
    pub at: Timestamp,
}

impl Project {
    /// Creates a project.
    pub fn create(id: ProjectId, new: NewProject, at: Timestamp) -> Result<Self, InvalidProject> {
        check_metadata(&new.metadata)?;
        new.limits.check()?;
        Ok(Self {
            id,
            name: new.name,
            kind: new.kind,
            env: new.env,
            active: new.active,
            default_provider: new.default_provider,
            record_bodies: new.record_bodies,
            limits: new.limits,
            metadata: new.metadata,
            created_at: at,
            updated_at: at,
            deleted_at: None,
            version: 1,
        })
    }

    /// Applies changes.
    pub fn change(mut self, changes: ProjectChanges, at: Timestamp) -> Result<Self, InvalidProject> {
        if let Some(metadata) = changes.metadata {
            check_metadata(&metadata)?;
            self.metadata = metadata;
        }
        self.limits = self.limits.change(changes.limits)?;
        self.name = changes.name.unwrap_or(self.name);
        self.env = changes.env.unwrap_or(self.env);
        self.active = changes.active.unwrap_or(self.active);
        self.default_provider = changes.default_provider.unwrap_or(self.default_provider);
        self.record_bodies = changes.record_bodies.unwrap_or(self.record_bodies);
        self.updated_at = at;
        self.version += 1;
        Ok(self)
    }

    /// Deletes the project: its routes and tokens stop, its history stays.
    pub fn delete(self, at: Timestamp) -> Result<Self, AlreadyDeleted> {
        match self.deleted_at {
            Some(at) => Err(AlreadyDeleted { at }),
            None => Ok(Self {
                active: false,
                deleted_at: Some(at),
                updated_at: at,
                version: self.version + 1,
                ..self
            }),
        }
    }
}

fn check_metadata(metadata: &Map<String, Value>) -> Result<(), InvalidProject> {
    let size = serde_json::to_vec(metadata).map_or(usize::MAX, |bytes| bytes.len());
    if size > MAX_METADATA_BYTES { Err(InvalidProject::Metadata) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> Project {
        let new = NewProject {
            name: ProjectName::parse("Search").unwrap(),
            kind: ProjectType::AiWrapper,
            env: ProjectEnv::default(),
            default_provider: None,
            record_bodies: None,
            limits: LimitSet::default(),
            metadata: Map::new(),
            active: true,
        };
        let id = "018f4e6e-0000-7000-8000-000000000001".parse().unwrap();
        Project::create(id, new, Timestamp::from_micros(1)).unwrap()
    }

    #[test]
    fn slugs_are_plain() {
        for (name, slug) in
            [("Search team", "search-team"), ("  a -- b! ", "a-b"), ("日本", "project"), ("Ünï 9", "ueni-9")]
        {
            assert_eq!(ProjectName::parse(name).unwrap().slug(), slug);
        }
    }

    #[test]
    fn deleting_closes_it_and_happens_once() {
        let at = Timestamp::from_micros(2);
        let deleted = project().delete(at).unwrap();
        assert!(!deleted.active);
        assert_eq!(deleted.delete(Timestamp::from_micros(3)), Err(AlreadyDeleted { at }));
    }

    #[test]
    fn changes_keep_what_they_do_not_name() {
        let changed = project()
            .change(ProjectChanges { active: Some(false), ..Default::default() }, Timestamp::from_micros(5))
            .unwrap();
        assert_eq!((changed.name.as_str(), changed.active, changed.version), ("Search", false, 2));
    }

    #[test]
    fn types_round_trip() {
        for kind in ProjectType::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert_eq!("AI".parse::<ProjectType>(), Err(InvalidProject::Type));
        for kept in RecordBodies::ALL {
            assert_eq!(kept.as_str().parse(), Ok(kept));
        }
        assert_eq!("all".parse::<RecordBodies>(), Err(InvalidProject::RecordBodies));
    }
}
