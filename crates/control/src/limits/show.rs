//! Looking at how limits stand.

use promptgate_access::Plan;
use promptgate_auth::{AccountKind, Actor, Forbidden, Permission};
use promptgate_kernel::{AccountId, GroupId, ProjectId, RepositoryError, Timestamp, TokenId};
use promptgate_limits::{Counter, Limit, Measure, Standing, Subject, Window, configured};
use promptgate_store::{Access, UnitOfWork};
use tracing::instrument;

use crate::Control;
use crate::endpoints::{self, EndpointAddress, EndpointError};
use crate::members::actor_in;
use crate::tokens::TokenAddress;

/// Whose limits are meant.
#[derive(Debug, Clone, Copy)]
pub enum LimitsOf {
    /// A project's.
    Project(ProjectId),
    /// An access group's.
    Group(GroupId),
    /// Those of an account of a kind, with the quotas of its plan.
    Account(AccountKind, AccountId),
    /// A token's own. Those of its endpoint take the place of what it does not say.
    Token(TokenAddress),
    /// An AI endpoint's.
    Endpoint(EndpointAddress),
}

/// How one limit stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitStanding {
    /// The limit.
    pub limit: Limit,
    /// How it stands; `None` where this process cannot know, because others count it by themselves.
    pub standing: Option<Standing>,
    /// When the window turns; `None` for one that never does.
    pub resets_at: Option<Timestamp>,
}

/// How the limits of something stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standings {
    /// When they were looked up.
    pub at: Timestamp,
    /// Each limit that is set.
    pub limits: Vec<LimitStanding>,
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
    /// There is no such endpoint.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// How each limit of something stands now.
#[instrument(name = "control.limits.show", skip_all)]
pub async fn show(control: &Control, actor: Actor, of: LimitsOf) -> Result<Standings, ShowLimitsError> {
    let mut work = control.store.begin(Access::Read).await?;
    let limits = match of {
        LimitsOf::Project(id) => of_project(&mut *work, actor, id).await?,
        LimitsOf::Group(id) => of_group(&mut *work, actor, id).await?,
        LimitsOf::Account(kind, id) => of_account(&mut *work, actor, kind, id).await?,
        LimitsOf::Token(address) => of_token(&mut *work, actor, address).await?,
        LimitsOf::Endpoint(address) => of_endpoint(&mut *work, actor, address).await?,
    };
    drop(work);
    let at = control.clock.now();
    let told = control.limits.standing(&limits, at).await?;
    let zone = control.limits.zone;
    let stands = |(limit, standing): (Limit, Option<Standing>)| {
        let turns = limit.counter.window.span(at, zone).until;
        let resets_at = match limit.counter.window {
            Window::Now => None,
            // Of a window that slides nothing comes back where nothing was used.
            Window::FiveHours | Window::SevenDays => {
                standing.filter(|standing| standing.used > 0).map(|standing| standing.resets_at)
            }
            Window::Minute | Window::Hour | Window::Day | Window::Month => Some(turns),
        };
        LimitStanding { limit, standing, resets_at }
    };
    Ok(Standings { at, limits: limits.into_iter().zip(told).map(stands).collect() })
}

async fn of_project(
    work: &mut dyn UnitOfWork,
    actor: Actor,
    id: ProjectId,
) -> Result<Vec<Limit>, ShowLimitsError> {
    actor_in(work, actor, id).await?.require_in(id, Permission::ReadUsage)?;
    let project = work.projects().find(id).await?.ok_or(ShowLimitsError::NoProject(id))?;
    Ok(configured(Subject::Project(id), &project.limits))
}

async fn of_group(
    work: &mut dyn UnitOfWork,
    actor: Actor,
    id: GroupId,
) -> Result<Vec<Limit>, ShowLimitsError> {
    actor.require(Permission::ManageGroups)?;
    let group = work.groups().find(id).await?.ok_or(ShowLimitsError::NoGroup(id))?;
    Ok(configured(Subject::Group(id), &group.limits))
}

async fn of_account(
    work: &mut dyn UnitOfWork,
    actor: Actor,
    kind: AccountKind,
    id: AccountId,
) -> Result<Vec<Limit>, ShowLimitsError> {
    actor.require(Permission::ManageAccounts)?;
    let account = work.accounts().find(id).await?.filter(|account| account.kind == kind);
    let account = account.ok_or(ShowLimitsError::NoAccount(id))?;
    let mut limits = configured(Subject::Owner(id), &account.limits);
    let plan = work.plans().of_account(id).await?.effective;
    limits.extend(plan.iter().flat_map(|plan| of_plan(id, plan)));
    Ok(limits)
}

async fn of_token(
    work: &mut dyn UnitOfWork,
    actor: Actor,
    address: TokenAddress,
) -> Result<Vec<Limit>, ShowLimitsError> {
    let token = address.find(work).await?.ok_or(ShowLimitsError::NoToken(address.id))?;
    let project = token.project_id;
    actor_in(work, actor, project).await?.require_in(project, Permission::ReadUsage)?;
    Ok(configured(Subject::Token(token.id), &token.limits.limit_set()))
}

async fn of_endpoint(
    work: &mut dyn UnitOfWork,
    actor: Actor,
    address: EndpointAddress,
) -> Result<Vec<Limit>, ShowLimitsError> {
    let project = address.project;
    actor_in(work, actor, project).await?.require_in(project, Permission::ReadUsage)?;
    let endpoint = endpoints::load(work, address).await?;
    Ok(configured(Subject::Endpoint(endpoint.id), &endpoint.config.limit_set()))
}

/// The quotas of a plan, of one account.
fn of_plan(account: AccountId, plan: &Plan) -> impl Iterator<Item = Limit> + use<> {
    let windows = [(Window::FiveHours, plan.quota_5h_tokens), (Window::SevenDays, plan.quota_7d_tokens)];
    windows.into_iter().filter_map(move |(window, quota)| Some(quota_of(account, window, quota?)))
}

/// A quota of tokens of an account.
pub(crate) const fn quota_of(account: AccountId, window: Window, cap: u64) -> Limit {
    let subject = Subject::Owner(account);
    Limit { counter: Counter { subject, model: None, measure: Measure::Tokens, window }, cap }
}
