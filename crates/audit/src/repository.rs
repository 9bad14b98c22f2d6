//! Where the audit log lives.

use async_trait::async_trait;
use promptgate_kernel::RepositoryError;

use crate::{Chained, Event};

/// Where the audit log lives. Behaviour every adapter must show: `store::contract::audit`.
#[async_trait]
pub trait AuditRepository: Send {
    /// Puts `event` at the end of the chain. Writers queue: the chain never forks.
    async fn append(&mut self, event: &Event) -> Result<(), RepositoryError>;

    /// Up to `limit` events after a position, in order.
    async fn list_after(&mut self, position: i64, limit: u32) -> Result<Vec<Chained>, RepositoryError>;
}
