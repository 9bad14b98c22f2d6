//! Where the audit log lives.

use async_trait::async_trait;
use promptgate_kernel::{Page, PageRequest, ProjectId, RepositoryError, SortDirection, Timestamp};

use crate::{Chained, Checkpoint, Event, EventHash, Severity};

/// Which events are wanted. What is not given does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// A part of the action, the actor, the target, the door or a detail, in any case.
    pub search: Option<String>,
    /// Of this severity.
    pub severity: Option<Severity>,
    /// Of exactly this action.
    pub action: Option<String>,
    /// By the actor with this id.
    pub actor: Option<String>,
    /// In this project.
    pub project: Option<ProjectId>,
    /// At this instant or later.
    pub since: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
}

/// Where the audit log lives. Behaviour every adapter must show: `store::contract::audit`.
#[async_trait]
pub trait AuditRepository: Send {
    /// Puts `event` at the end of the chain. Writers queue: the chain never forks.
    async fn append(&mut self, event: &Event) -> Result<(), RepositoryError>;

    /// Waits until nobody else writes, and keeps others from it until the end of the unit of work. For
    /// those who must see what the writer before them did, because what they do depends on it.
    async fn hold(&mut self) -> Result<(), RepositoryError>;

    /// Up to `limit` events after a position, in order.
    async fn list_after(&mut self, position: i64, limit: u32) -> Result<Vec<Chained>, RepositoryError>;

    /// Up to `limit` of the wanted events after a position, in order.
    async fn list_wanted_after(
        &mut self,
        filter: &EventFilter,
        position: i64,
        limit: u32,
    ) -> Result<Vec<Chained>, RepositoryError>;

    /// One page of the wanted events, by their place in the log.
    async fn list(
        &mut self,
        filter: &EventFilter,
        direction: SortDirection,
        page: PageRequest,
    ) -> Result<Page<Chained>, RepositoryError>;

    /// Position and hash of what the next event goes after; `None` when nothing was ever recorded.
    async fn head(&mut self) -> Result<Option<(i64, EventHash)>, RepositoryError>;

    /// The last event after `position` from before an instant.
    async fn last_before(&mut self, at: Timestamp, position: i64)
    -> Result<Option<Chained>, RepositoryError>;

    /// Up to `limit` checkpoints after a position, in order.
    async fn checkpoints_after(
        &mut self,
        position: i64,
        limit: u32,
    ) -> Result<Vec<Checkpoint>, RepositoryError>;

    /// The last checkpoint.
    async fn last_checkpoint(&mut self) -> Result<Option<Checkpoint>, RepositoryError>;

    /// Stores a new checkpoint. A second one after the same checkpoint is a conflict on
    /// `audit_checkpoints_previous_key`.
    async fn insert_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), RepositoryError>;

    /// Writes a checkpoint if the stored one still has the signature `was`; `false` when it has not.
    async fn save_checkpoint(&mut self, checkpoint: &Checkpoint, was: &str) -> Result<bool, RepositoryError>;

    /// Removes up to `limit` events up to a position, the first ones first; says how many.
    async fn remove_through(&mut self, position: i64, limit: u32) -> Result<u64, RepositoryError>;
}
