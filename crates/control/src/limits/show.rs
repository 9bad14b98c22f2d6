//! Looking at how limits stand.

use promptgate_auth::{AccountKind, Actor, Forbidden, Permission};
use promptgate_endpoints::{Endpoint, Slug};
use promptgate_kernel::{AccountId, GroupId, ProjectId, RepositoryError, TokenId};
use promptgate_limits::Subject;
use promptgate_store::{Access, UnitOfWork};
use promptgate_tokens::{Scope, Token};
use tracing::instrument;

use super::applying::Gathered;
use super::standings::{Figures, Standings, look_up};
use crate::Control;
use crate::endpoints::{self, EndpointAddress, EndpointError};
use crate::introspection::Caller;
use crate::members::actor_in;
use crate::tokens::TokenAddress;

/// Whose limits are meant.
#[derive(Debug, Clone, Copy)]
pub enum LimitsOf {
    /// A project's.
    Project(ProjectId),
    /// An access group's.
    Group(GroupId),
    /// All that count for an account of a kind: its groups', its own, and the quotas of its plan.
    Account(AccountKind, AccountId),
    /// All that count for calls of a token.
    Token(TokenAddress),
    /// Those of an AI endpoint, and its project's, which counts for all of its calls.
    Endpoint(EndpointAddress),
}

/// Which calls are meant.
#[derive(Debug, Clone, Default)]
pub struct CallsOf {
    /// Those of this AI endpoint, by id or slug; of a token alone.
    pub endpoint: Option<String>,
    /// Those that ask this model, by its exact id.
    pub model: Option<String>,
}

/// Why limits are not shown.
#[derive(Debug, thiserror::Error)]
pub enum ShowLimitsError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such project.
    #[error("there is no project {0}")]
    NoProject(ProjectId),
    /// There is no such group.
    #[error("there is no access group {0}")]
    NoGroup(GroupId),
    /// There is no such account.
    #[error("there is no account {0}")]
    NoAccount(AccountId),
    /// There is no such token.
    #[error("there is no token {0}")]
    NoToken(TokenId),
    /// The token's project has no such endpoint.
    #[error("the project of this token has no AI endpoint {0}")]
    NoEndpoint(String),
    /// The token's list of endpoints does not name it.
    #[error("the token may not call the AI endpoint {0}; its list of endpoints does not name it")]
    EndpointNotAllowed(String),
    /// There is no such endpoint.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// How each limit of something, or that counts for its calls, stands now.
#[instrument(name = "control.limits.show", skip_all)]
pub async fn show(
    control: &Control,
    actor: Actor,
    of: LimitsOf,
    calls: &CallsOf,
) -> Result<Standings, ShowLimitsError> {
    let mut work = control.store.begin(Access::Read).await?;
    let gathered = match of {
        LimitsOf::Project(id) => of_project(&mut *work, actor, id).await?,
        LimitsOf::Group(id) => of_group(&mut *work, actor, id).await?,
        LimitsOf::Account(kind, id) => of_account(&mut *work, actor, kind, id).await?,
        LimitsOf::Token(address) => of_token(&mut *work, actor, address, calls).await?,
        LimitsOf::Endpoint(address) => of_endpoint(&mut *work, actor, address).await?,
    };
    drop(work);
    Ok(look_up(control, gathered, calls.model.as_deref(), Figures::All).await?)
}

/// How each limit stands that counts for whoever is signed in. What others use too is not told in figures.
#[instrument(name = "control.limits.mine", skip_all, fields(account.id = %account))]
pub async fn mine(
    control: &Control,
    actor: Actor,
    account: AccountId,
    calls: &CallsOf,
) -> Result<Standings, ShowLimitsError> {
    actor.require(Permission::UseOwnAccount)?;
    let mut work = control.store.begin(Access::Read).await?;
    let gathered = add_account(&mut *work, Gathered::default(), account).await?;
    drop(work);
    let figures = Figures::Own { token: None, account: Some(account) };
    Ok(look_up(control, gathered, calls.model.as_deref(), figures).await?)
}

/// How each limit stands that counts for the calls of the token that asks. What others use too is told in
/// figures only to one with the scope `admin`, which may ask about every endpoint of its project, too; others
/// are told of those that they may call.
#[instrument(name = "control.limits.of_caller", skip_all, fields(token.id = %caller.token.id))]
pub async fn of_caller(
    control: &Control,
    caller: &Caller,
    calls: &CallsOf,
) -> Result<Standings, ShowLimitsError> {
    let token = &caller.token;
    let sees_all = token.scopes.allows(Scope::Admin);
    let mut work = control.store.begin(Access::Read).await?;
    let endpoint = match &calls.endpoint {
        Some(named) if sees_all => Some(find_endpoint(&mut *work, token.project_id, named).await?),
        Some(named) => Some(find_callable(&mut *work, token, named).await?),
        None => None,
    };
    let mut gathered = add_token(&mut *work, token, endpoint.as_ref()).await?;
    if let Some(owner) = token.owner {
        gathered = add_account(&mut *work, gathered, owner).await?;
    }
    drop(work);
    // Whoever minted a token may have given it to somebody else, who is not told what its owner uses.
    let account = token.owner.filter(|_| token.parent.is_none());
    let figures = if sees_all { Figures::All } else { Figures::Own { token: Some(token.id), account } };
    Ok(look_up(control, gathered, calls.model.as_deref(), figures).await?)
}

async fn of_project(
    work: &mut dyn UnitOfWork,
    actor: Actor,
    id: ProjectId,
) -> Result<Gathered, ShowLimitsError> {
    actor_in(work, actor, id).await?.require_in(id, Permission::ReadUsage)?;
    let mut gathered = Gathered::default();
    gathered.project(&work.projects().find(id).await?.ok_or(ShowLimitsError::NoProject(id))?);
    Ok(gathered)
}

async fn of_group(work: &mut dyn UnitOfWork, actor: Actor, id: GroupId) -> Result<Gathered, ShowLimitsError> {
    actor.require(Permission::ManageGroups)?;
    let group = work.groups().find(id).await?.ok_or(ShowLimitsError::NoGroup(id))?;
    let mut gathered = Gathered::default();
    gathered.set(Subject::Group(id), &group.display_name, &group.limits);
    Ok(gathered)
}

async fn of_account(
    work: &mut dyn UnitOfWork,
    actor: Actor,
    kind: AccountKind,
    id: AccountId,
) -> Result<Gathered, ShowLimitsError> {
    actor.require(Permission::ManageAccounts)?;
    let account = work.accounts().find(id).await?.filter(|account| account.kind == kind);
    let account = account.ok_or(ShowLimitsError::NoAccount(id))?;
    let mut gathered = Gathered::default();
    gathered.account(work, &account).await?;
    Ok(gathered)
}

async fn of_token(
    work: &mut dyn UnitOfWork,
    actor: Actor,
    address: TokenAddress,
    calls: &CallsOf,
) -> Result<Gathered, ShowLimitsError> {
    let token = address.find(work).await?.ok_or(ShowLimitsError::NoToken(address.id))?;
    let project = token.project_id;
    actor_in(work, actor, project).await?.require_in(project, Permission::ReadUsage)?;
    let endpoint = match &calls.endpoint {
        Some(named) => Some(find_endpoint(work, project, named).await?),
        None => None,
    };
    let mut gathered = add_token(work, &token, endpoint.as_ref()).await?;
    match token.owner {
        // Members of the project are not told what an account uses elsewhere.
        Some(_) if actor.require(Permission::ManageAccounts).is_err() => gathered.leaves_account_out = true,
        Some(owner) => gathered = add_account(work, gathered, owner).await?,
        None => {}
    }
    Ok(gathered)
}

async fn of_endpoint(
    work: &mut dyn UnitOfWork,
    actor: Actor,
    address: EndpointAddress,
) -> Result<Gathered, ShowLimitsError> {
    let project = address.project;
    actor_in(work, actor, project).await?.require_in(project, Permission::ReadUsage)?;
    let endpoint = endpoints::load(work, address).await?;
    let mut gathered = Gathered::default();
    gathered.endpoint(&endpoint);
    gathered.project(&work.projects().find(project).await?.ok_or(ShowLimitsError::NoProject(project))?);
    Ok(gathered)
}

/// All that a token's calls count against, of an endpoint or of none, but for those of the account that it
/// acts for.
async fn add_token(
    work: &mut dyn UnitOfWork,
    token: &Token,
    endpoint: Option<&Endpoint>,
) -> Result<Gathered, ShowLimitsError> {
    let project = token.project_id;
    let mut gathered = Gathered::default();
    gathered.token(work, token, endpoint).await?;
    gathered.project(&work.projects().find(project).await?.ok_or(ShowLimitsError::NoProject(project))?);
    Ok(gathered)
}

/// The same with those of an account.
async fn add_account(
    work: &mut dyn UnitOfWork,
    mut gathered: Gathered,
    id: AccountId,
) -> Result<Gathered, ShowLimitsError> {
    let account = work.accounts().find(id).await?.ok_or(ShowLimitsError::NoAccount(id))?;
    gathered.account(work, &account).await?;
    Ok(gathered)
}

/// The endpoint of a project with this id or slug, on or off.
async fn find_endpoint(
    work: &mut dyn UnitOfWork,
    project: ProjectId,
    named: &str,
) -> Result<Endpoint, ShowLimitsError> {
    let found = match (named.parse(), Slug::parse(named)) {
        (Ok(id), _) => work.endpoints().find(id).await?,
        (Err(_), Ok(slug)) => work.endpoints().find_by_slug(project, &slug).await?,
        (Err(_), Err(_)) => None,
    };
    let of_project = found.filter(|endpoint| endpoint.project_id == project);
    of_project.ok_or_else(|| ShowLimitsError::NoEndpoint(named.to_owned()))
}

/// The endpoint with this id or slug that a token may call: a call is told the same of any other.
async fn find_callable(
    work: &mut dyn UnitOfWork,
    token: &Token,
    named: &str,
) -> Result<Endpoint, ShowLimitsError> {
    let endpoint = find_endpoint(work, token.project_id, named).await?;
    if !endpoint.is_active {
        return Err(ShowLimitsError::NoEndpoint(named.to_owned()));
    }
    let allowed = &token.endpoint_ids;
    if !allowed.is_empty() && !allowed.contains(&endpoint.id) {
        return Err(ShowLimitsError::EndpointNotAllowed(named.to_owned()));
    }
    Ok(endpoint)
}
