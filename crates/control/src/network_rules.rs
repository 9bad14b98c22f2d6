//! Network rules: create, find, list, change, order, try and delete them, and say what happens where none
//! is. Those of a project and of its tokens are a matter of whoever administers the project, all others of
//! administrators of the installation.

mod admit;
mod create;
mod default_action;
mod delete;
mod find;
mod list;
mod simulate;
mod update;

use promptgate_auth::{AccountKind, Actor, Forbidden, Permission};
use promptgate_firewall::{Action, InvalidNetworkRule, Namespace, NetworkRule, Priority};
use promptgate_kernel::{AccountId, NetworkRuleId, ProjectId, RepositoryError, Timestamp, TokenId};
use promptgate_store::UnitOfWork;

use crate::members::actor_in;

pub(crate) use admit::admit_address;
pub use create::create;
pub use default_action::{default_action, set_default_action};
pub use delete::delete;
pub use find::{check, find};
pub use list::list;
pub use simulate::{Simulated, simulate};
pub use update::{move_one, update};

/// The constraints that keep two rules of a namespace from having one priority.
const PRIORITY_KEYS: [&str; 2] =
    ["network_rules_priority_key", "network_rules_namespace_subject_id_priority_key"];

/// Why nothing was done about a network rule.
#[derive(Debug, thiserror::Error)]
pub enum NetworkRuleError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The person whose rules they would be does not exist.
    #[error("there is no user {0}")]
    UnknownPerson(AccountId),
    /// The service account whose rules they would be does not exist.
    #[error("there is no service account {0}")]
    UnknownService(AccountId),
    /// The project whose rules they would be does not exist.
    #[error("there is no project {0}")]
    UnknownProject(ProjectId),
    /// The token whose rules they would be does not exist.
    #[error("there is no token {0}")]
    UnknownToken(TokenId),
    /// There is none of this id in the namespace.
    #[error("there is no network rule {0} here")]
    NotFound(NetworkRuleId),
    /// Something about it is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidNetworkRule),
    /// Another rule of the namespace has the priority.
    #[error("another rule has this priority; choose another one")]
    PriorityTaken,
    /// Somebody else changed it at the same time; look at it again.
    #[error("the network rule {0} was changed by somebody else")]
    Changed(NetworkRuleId),
    /// The store failed.
    #[error(transparent)]
    Store(RepositoryError),
}

impl From<RepositoryError> for NetworkRuleError {
    fn from(error: RepositoryError) -> Self {
        let taken = PRIORITY_KEYS.iter().any(|key| error.is_conflict(key));
        if taken { Self::PriorityTaken } else { Self::Store(error) }
    }
}

/// Whether the actor may manage a namespace, and whether those are there whose rules they are. Says which
/// project they belong to, if any.
async fn open(
    work: &mut dyn UnitOfWork,
    actor: Actor,
    namespace: Namespace,
) -> Result<Option<ProjectId>, NetworkRuleError> {
    match namespace {
        Namespace::Global => actor.require(Permission::ManageNetworkRules)?,
        Namespace::Person(id) => {
            actor.require(Permission::ManageNetworkRules)?;
            if !is_there(work, id, AccountKind::Person).await? {
                return Err(NetworkRuleError::UnknownPerson(id));
            }
        }
        Namespace::Service(id) => {
            actor.require(Permission::ManageNetworkRules)?;
            if !is_there(work, id, AccountKind::Service).await? {
                return Err(NetworkRuleError::UnknownService(id));
            }
        }
        Namespace::Project(id) => {
            actor_in(work, actor, id).await?.require_in(id, Permission::ConfigureProject)?;
            work.projects().find(id).await?.ok_or(NetworkRuleError::UnknownProject(id))?;
            return Ok(Some(id));
        }
        Namespace::Token(id) => {
            let token = work.tokens().find(id).await?.ok_or(NetworkRuleError::UnknownToken(id))?;
            let project = token.project_id;
            actor_in(work, actor, project).await?.require_in(project, Permission::ConfigureProject)?;
            return Ok(Some(project));
        }
    }
    Ok(None)
}

async fn is_there(
    work: &mut dyn UnitOfWork,
    id: AccountId,
    kind: AccountKind,
) -> Result<bool, RepositoryError> {
    Ok(work.accounts().find(id).await?.is_some_and(|account| account.kind == kind))
}

/// What happens in a namespace where no rule does.
async fn default_of(work: &mut dyn UnitOfWork, namespace: Namespace) -> Result<Action, RepositoryError> {
    let set = work.network_rules().find_default(namespace).await?;
    Ok(set.unwrap_or_else(|| namespace.default_action()))
}

/// The rule of a namespace that exists.
async fn load(
    work: &mut dyn UnitOfWork,
    namespace: Namespace,
    id: NetworkRuleId,
) -> Result<NetworkRule, NetworkRuleError> {
    work.network_rules().find(namespace, id).await?.ok_or(NetworkRuleError::NotFound(id))
}

/// Writes a rule that had the priority `before`. Another one whose turn it takes gets that one in
/// exchange; says which one that is.
async fn put(
    work: &mut dyn UnitOfWork,
    rule: &NetworkRule,
    before: Priority,
    at: Timestamp,
) -> Result<Option<NetworkRuleId>, NetworkRuleError> {
    let rules = work.network_rules();
    let displaced =
        if rule.priority == before { None } else { rules.find_at(rule.namespace, rule.priority).await? };
    let displaced_id = displaced.as_ref().map(|displaced| displaced.id);
    let written = match displaced {
        Some(displaced) => rules.swap(rule, &displaced.give_way(before, at)).await,
        None => rules.save(rule).await,
    };
    match written.map_err(NetworkRuleError::from) {
        Ok(true) => Ok(displaced_id),
        // Somebody took the priority after it was looked at.
        Ok(false) | Err(NetworkRuleError::PriorityTaken) => Err(NetworkRuleError::Changed(rule.id)),
        Err(error) => Err(error),
    }
}
