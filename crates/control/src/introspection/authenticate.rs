//! From a bearer token to the caller it stands for.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use promptgate_auth::AccountRefused;
use promptgate_firewall::guardrails::{self, AccessPolicy, Holder, Rules};
use promptgate_kernel::{ProjectId, RepositoryError, Timestamp};
use promptgate_store::{Access, UnitOfWork};
use promptgate_tokens::{AccessDenied, MalformedToken, PresentedToken, Scope, Token};
use tracing::instrument;

use super::presented::note;
use super::{Caller, Presented};
use crate::Control;
use crate::network_rules::admit_address;

/// How old the note of a token's last use may become.
const TOUCH_AFTER: Duration = Duration::from_mins(1);

/// Why a request with a bearer token is turned away, in the order in which it is checked.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// There is no token.
    #[error("bearer token missing; send it as `Authorization: Bearer pg_live_…`")]
    Missing,
    /// It cannot be one.
    #[error("token format invalid: {0}")]
    Malformed(#[from] MalformedToken),
    /// Nobody knows it. Clients are not told more than about a revoked one.
    #[error("the token is invalid or revoked")]
    Unknown,
    /// It is known and does not open this.
    #[error(transparent)]
    Refused(#[from] AccessDenied),
    /// Its project is switched off, or was deleted.
    #[error("the project is inactive")]
    ProjectInactive,
    /// The account that it acts for is switched off or gone.
    #[error("the account is switched off; an administrator can switch it on")]
    AccountInactive,
    /// The account that it acts for has no role, or its access ended.
    #[error("the account has no role, or its access has ended; an administrator can give it one")]
    InsufficientRole,
    /// The network rules keep its address out.
    #[error("calls from the address {address} are kept out by the network rules of the gateway")]
    AddressDenied {
        /// The address.
        address: IpAddr,
        /// Whose rules those are: `global`, `person`, `service`, `project`, `token`.
        scope: &'static str,
    },
    /// A guardrail keeps calls from there, or at this time, out.
    #[error(transparent)]
    Guardrail(#[from] guardrails::AccessDenied),
    /// The store failed, which says nothing about the token.
    #[error("tokens cannot be checked at the moment")]
    Store(#[from] RepositoryError),
}

impl From<AccountRefused> for Denied {
    fn from(refused: AccountRefused) -> Self {
        match refused {
            AccountRefused::Inactive => Self::AccountInactive,
            AccountRefused::RoleNone | AccountRefused::Expired => Self::InsufficientRole,
        }
    }
}

/// Admits a bearer token to a route of `project` that needs `scope`. `None` for the project means
/// an address that belongs to none.
#[instrument(name = "control.introspection.authenticate", skip_all, fields(scope = %scope))]
pub async fn authenticate(
    control: &Control,
    bearer: Presented<'_>,
    project: Option<ProjectId>,
    scope: Scope,
) -> Result<Caller, Denied> {
    admit(control, bearer, Some(scope), |_| project).await
}

/// Admits a bearer token to a route of `project` that every token of it may use.
#[instrument(name = "control.introspection.authenticate_any", skip_all)]
pub async fn authenticate_any(
    control: &Control,
    bearer: Presented<'_>,
    project: Option<ProjectId>,
) -> Result<Caller, Denied> {
    admit(control, bearer, None, |_| project).await
}

/// Admits a bearer token to something that its own project has and that needs `scope`.
#[instrument(name = "control.introspection.authenticate_own", skip_all, fields(scope = %scope))]
pub async fn authenticate_own(
    control: &Control,
    bearer: Presented<'_>,
    scope: Scope,
) -> Result<Caller, Denied> {
    admit(control, bearer, Some(scope), |token| Some(token.project_id)).await
}

/// Admits a bearer token to what every token may know of itself.
#[instrument(name = "control.introspection.authenticate_itself", skip_all)]
pub async fn authenticate_itself(control: &Control, bearer: Presented<'_>) -> Result<Caller, Denied> {
    admit(control, bearer, None, |token| Some(token.project_id)).await
}

async fn admit(
    control: &Control,
    presented: Presented<'_>,
    scope: Option<Scope>,
    project: impl FnOnce(&Token) -> Option<ProjectId>,
) -> Result<Caller, Denied> {
    let mut known = None;
    let outcome = check(control, presented, scope, project, &mut known).await;
    if let Err(denied) = &outcome {
        note(control, presented.address, known.as_ref(), denied);
    }
    outcome
}

async fn check(
    control: &Control,
    bearer: Presented<'_>,
    scope: Option<Scope>,
    project: impl FnOnce(&Token) -> Option<ProjectId>,
    known: &mut Option<Token>,
) -> Result<Caller, Denied> {
    let presented = PresentedToken::parse(bearer.text.ok_or(Denied::Missing)?)?;
    let now = control.clock.now();
    let mut work = control.store.begin(Access::Read).await?;
    let token = work.tokens().find_by_hash(presented.hash()).await?.ok_or(Denied::Unknown)?;
    *known = Some(token.clone());
    let project = project(&token);
    // An address without a project is foreign to every token, after everything that comes before.
    match scope {
        Some(scope) => token.admit(project.unwrap_or(token.project_id), scope, now)?,
        None => token.usable(now)?,
    }
    if project != Some(token.project_id) {
        return Err(AccessDenied::ForeignProject.into());
    }
    let found = work.projects().find(token.project_id).await?;
    let project = found.filter(|project| project.active).ok_or(Denied::ProjectInactive)?;
    let mut owner = None;
    if let Some(id) = token.owner {
        let account = work.accounts().find(id).await?.ok_or(Denied::AccountInactive)?;
        account.usable(now)?;
        owner = Some(account);
    }
    // Who comes from nowhere passes no rule that lets somebody in.
    let address = bearer.address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let admitted = admit_address(&mut *work, &token, owner.as_ref(), address).await?;
    admitted.map_err(|denied| Denied::AddressDenied { address, scope: denied.namespace.kind() })?;
    access_policy(&mut *work, &token).await?.check(bearer.address, now)?;
    drop(work);
    touch(control, &token, now).await;
    Ok(Caller { token, project })
}

/// What guardrails that look at no text say for a token: everybody's, its project's, and those of the
/// tokens that it comes from and its own.
async fn access_policy(work: &mut dyn UnitOfWork, token: &Token) -> Result<AccessPolicy, RepositoryError> {
    let mut holders = vec![Holder::Global, Holder::Project(token.project_id)];
    if token.parent.is_some() {
        let above = work.tokens().line_above(token.id).await?;
        holders.extend(above.into_iter().rev().map(Holder::Token));
    }
    holders.push(Holder::Token(token.id));
    let mut rules = Rules::default();
    for holder in holders {
        rules = work.guardrails().find(holder).await?.rules.over(&rules);
    }
    Ok(AccessPolicy::compile(&rules.ip_allowlist, &rules.time_window))
}

/// Notes the use. It is a courtesy to people who look at the list; nothing is refused over it.
async fn touch(control: &Control, token: &Token, now: Timestamp) {
    if token.last_used_at.is_some_and(|at| now.since(at) < TOUCH_AFTER) {
        return;
    }
    let noted = async {
        let mut work = control.store.begin(Access::Write).await?;
        work.tokens().touch(&[(token.id, now)]).await?;
        work.commit().await
    };
    if let Err(error) = noted.await {
        tracing::debug!(token.id = %token.id, %error, "the last use of token {} was not noted", token.id);
    }
}
