//! What a fresh installation begins with.

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{ProjectId, ProviderId, RepositoryError, Revision, Timestamp};
use promptgate_projects::{InvalidProject, NewProject, Project, ProjectEnv, ProjectName, ProjectType};
use promptgate_providers::{InvalidProvider, NewProvider, Provider, ProviderKind, ProviderName};
use promptgate_store::{Access, Change, UnitOfWork};
use promptgate_tokens::{InvalidToken, TokenEnv, TokenLimits, TokenName};
use serde_json::Map;
use tracing::instrument;

use crate::Control;
use crate::journal::Entry;
use crate::providers::{self, ApiKey};
use crate::shown;
use crate::tokens::{self, IssueToken, Issued};

/// What a fresh installation is to begin with, besides a project and a token.
#[derive(Debug, Clone, Default)]
pub struct Seed {
    /// Whether the built-in provider `echo` is registered.
    pub echo: bool,
    /// The key of a provider `openai`, if it is to be there.
    pub openai_key: Option<ApiKey>,
    /// The key of a provider `anthropic`, if it is to be there.
    pub anthropic_key: Option<ApiKey>,
}

/// What was made at the first start.
#[derive(Debug, Clone)]
pub struct Seeded {
    /// The project.
    pub project: Project,
    /// Its token, whose secret is shown this once.
    pub issued: Issued,
    /// The providers that were registered.
    pub providers: Vec<Provider>,
}

/// Why nothing was seeded.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The project breaks a rule of its own.
    #[error(transparent)]
    Project(#[from] InvalidProject),
    /// A provider breaks a rule of its own.
    #[error(transparent)]
    Provider(#[from] InvalidProvider),
    /// The token breaks a rule of its own.
    #[error(transparent)]
    Token(#[from] InvalidToken),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// Makes the project `Default` with a token, and the providers asked for. Only where there never
/// was a project; `None` elsewhere. Two processes that start at once make it once.
#[instrument(name = "control.bootstrap.seed", skip_all)]
pub async fn seed(control: &Control, actor: Actor, seed: Seed) -> Result<Option<Seeded>, SeedError> {
    actor.require(Permission::ManageProjects)?;
    let mut work = control.store.begin(Access::Read).await?;
    if work.projects().count_ever().await? > 0 {
        return Ok(None);
    }
    drop(work);

    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    let project = Project::create(ProjectId::mint(&*control.clock, &*control.entropy), new_project()?, at)?;
    let entry = Entry::of_project("project.created", project.id)
        .detail("projectType", project.kind.as_str())
        .made(&shown::project(&project));
    // Writers queue at the audit log, so whoever counts after this sees what the one before made.
    control.audit(&mut *work, actor, entry, at).await?;
    if work.projects().count_ever().await? > 0 {
        return Ok(None);
    }
    work.projects().insert(&project).await?;
    let issued = tokens::make(control, new_token(&project)?, project.kind, at)?;
    tokens::record(control, &mut *work, actor, &issued.token, at).await?;
    let mut revision = work.changes().record(Change::Project(project.id), at).await?;
    let mut registered = Vec::new();
    for (new, key) in wanted(seed)? {
        if let Some((provider, changed_at)) = register(control, &mut *work, actor, new, key, at).await? {
            registered.push(provider);
            revision = changed_at;
        }
    }
    control.commit(work, revision).await?;
    Ok(Some(Seeded { project, issued, providers: registered }))
}

fn new_project() -> Result<NewProject, InvalidProject> {
    Ok(NewProject {
        name: ProjectName::parse("Default")?,
        kind: ProjectType::AgentProxy,
        env: ProjectEnv::default(),
        // None on purpose: with `echo` as the default a mistyped model would be echoed, not refused.
        default_provider: None,
        record_bodies: None,
        limits: promptgate_kernel::LimitSet::default(),
        metadata: Map::new(),
        active: true,
    })
}

fn new_token(project: &Project) -> Result<IssueToken, InvalidToken> {
    Ok(IssueToken {
        project_id: project.id,
        name: TokenName::parse("First token")?,
        env: TokenEnv::Live,
        scopes: None,
        endpoint_ids: Vec::new(),
        limits: TokenLimits::default(),
        metadata: Map::new(),
        expires_at: None,
        subject_id: None,
    })
}

fn wanted(seed: Seed) -> Result<Vec<(NewProvider, Option<ApiKey>)>, InvalidProvider> {
    let mut wanted = Vec::new();
    if seed.echo {
        wanted.push((new_provider("echo", "Echo", ProviderKind::Echo, vec!["echo".to_owned()])?, None));
    }
    if let Some(key) = seed.openai_key {
        wanted.push((new_provider("openai", "OpenAI", ProviderKind::OpenAi, Vec::new())?, Some(key)));
    }
    if let Some(key) = seed.anthropic_key {
        wanted
            .push((new_provider("anthropic", "Anthropic", ProviderKind::Anthropic, Vec::new())?, Some(key)));
    }
    Ok(wanted)
}

fn new_provider(
    name: &str,
    display_name: &str,
    kind: ProviderKind,
    models: Vec<String>,
) -> Result<NewProvider, InvalidProvider> {
    Ok(NewProvider {
        name: ProviderName::parse(name)?,
        display_name: display_name.to_owned(),
        kind,
        base_url: None,
        models,
        config: Map::new(),
        enabled: true,
    })
}

/// Registers a provider, unless somebody made one of that name before there was a project.
async fn register(
    control: &Control,
    work: &mut dyn UnitOfWork,
    actor: Actor,
    new: NewProvider,
    key: Option<ApiKey>,
    at: Timestamp,
) -> Result<Option<(Provider, Revision)>, SeedError> {
    let taken = work.providers().list_all().await?.iter().any(|provider| provider.name == new.name);
    if taken {
        return Ok(None);
    }
    let id = ProviderId::mint(&*control.clock, &*control.entropy);
    let provider = Provider::create(id, new, at)?;
    let revision = providers::record(control, work, actor, &provider, key.as_ref(), at).await?;
    Ok(Some((provider, revision)))
}
