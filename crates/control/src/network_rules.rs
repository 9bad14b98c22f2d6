//! Network rules: create, find, list, change, order, try and delete them.

mod create;
mod delete;
mod find;
mod list;
mod simulate;
mod update;

use promptgate_auth::{AccountKind, Forbidden};
use promptgate_firewall::{InvalidNetworkRule, Namespace, NetworkRule, Priority};
use promptgate_kernel::{AccountId, NetworkRuleId, RepositoryError, Timestamp};
use promptgate_store::UnitOfWork;

pub use create::create;
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

/// Whether those are there whose rules they are.
async fn check_namespace(work: &mut dyn UnitOfWork, namespace: Namespace) -> Result<(), NetworkRuleError> {
    let (id, wanted) = match namespace {
        Namespace::Global => return Ok(()),
        Namespace::Person(id) => (id, AccountKind::Person),
        Namespace::Service(id) => (id, AccountKind::Service),
    };
    let account = work.accounts().find(id).await?;
    if account.is_some_and(|account| account.kind == wanted) {
        return Ok(());
    }
    Err(match wanted {
        AccountKind::Person => NetworkRuleError::UnknownPerson(id),
        AccountKind::Service => NetworkRuleError::UnknownService(id),
    })
}

/// The rule of a namespace that exists.
async fn load(
    work: &mut dyn UnitOfWork,
    namespace: Namespace,
    id: NetworkRuleId,
) -> Result<NetworkRule, NetworkRuleError> {
    check_namespace(work, namespace).await?;
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
