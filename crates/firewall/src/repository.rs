//! Where rules live.

use async_trait::async_trait;
use promptgate_kernel::{NetworkRuleId, Page, PageRequest, RepositoryError, SortDirection};

use crate::{Action, Namespace, NetworkRule, Priority};

/// In which order rules are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NetworkRuleFilter {
    /// What they are sorted by; equal ones by id.
    pub sort: NetworkRuleSort,
    /// Which way.
    pub direction: SortDirection,
}

/// What rules can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NetworkRuleSort {
    /// Their turn.
    #[default]
    Priority,
    /// Their address, as a text.
    Address,
    /// Their description.
    Description,
    /// What they do.
    Action,
    /// Whether they count.
    Enabled,
    /// When they were created.
    CreatedAt,
    /// When they last changed.
    UpdatedAt,
}

/// Where network rules live. A priority that another rule of the namespace has is a conflict on
/// `network_rules_priority_key` for global rules, and on
/// `network_rules_namespace_subject_id_priority_key` for all others. Behaviour every adapter
/// must show: `store::contract::network_rules`.
#[async_trait]
pub trait NetworkRuleRepository: Send {
    /// The rule with this id, if it is of this namespace.
    async fn find(
        &mut self,
        namespace: Namespace,
        id: NetworkRuleId,
    ) -> Result<Option<NetworkRule>, RepositoryError>;

    /// The rule of a namespace whose turn this is.
    async fn find_at(
        &mut self,
        namespace: Namespace,
        priority: Priority,
    ) -> Result<Option<NetworkRule>, RepositoryError>;

    /// Stores a new rule.
    async fn insert(&mut self, rule: &NetworkRule) -> Result<(), RepositoryError>;

    /// Writes `rule` if the stored version is the one before its own; `false` when it is not.
    async fn save(&mut self, rule: &NetworkRule) -> Result<bool, RepositoryError>;

    /// Writes two rules that have exchanged their priorities, each as [`Self::save`] does; `false` when
    /// either did not match, and then the unit of work is to be dropped.
    async fn swap(&mut self, moved: &NetworkRule, displaced: &NetworkRule) -> Result<bool, RepositoryError>;

    /// Removes a rule of a namespace; `false` when there was none.
    async fn remove(&mut self, namespace: Namespace, id: NetworkRuleId) -> Result<bool, RepositoryError>;

    /// Removes every rule of a namespace, and the default that was set for it; says which rules those
    /// were, in the order of their turns.
    async fn remove_all(&mut self, namespace: Namespace) -> Result<Vec<NetworkRule>, RepositoryError>;

    /// One page of the rules of a namespace.
    async fn list(
        &mut self,
        namespace: Namespace,
        filter: &NetworkRuleFilter,
        page: PageRequest,
    ) -> Result<Page<NetworkRule>, RepositoryError>;

    /// Every rule of a namespace, in the order of their turns.
    async fn list_all(&mut self, namespace: Namespace) -> Result<Vec<NetworkRule>, RepositoryError>;

    /// Every rule that counts, of every namespace: those that are switched on, but for those of tokens
    /// that were revoked.
    async fn list_in_force(&mut self) -> Result<Vec<NetworkRule>, RepositoryError>;

    /// What happens to addresses that no rule of the namespace is about, if somebody has set it.
    async fn find_default(&mut self, namespace: Namespace) -> Result<Option<Action>, RepositoryError>;

    /// Sets it.
    async fn set_default(&mut self, namespace: Namespace, action: Action) -> Result<(), RepositoryError>;

    /// Every one that was set.
    async fn list_defaults(&mut self) -> Result<Vec<(Namespace, Action)>, RepositoryError>;
}
