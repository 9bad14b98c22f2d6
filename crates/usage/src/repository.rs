//! Where usage events live.

use async_trait::async_trait;
use promptgate_kernel::{CallId, Page, PageRequest, ProjectId, RepositoryError, Timestamp, TokenId};

use crate::UsageEvent;

/// Which events are wanted; newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageFilter {
    /// Only of this project.
    pub project_id: Option<ProjectId>,
    /// Only of this token.
    pub token_id: Option<TokenId>,
    /// Only with this request id.
    pub request_id: Option<String>,
}

/// Where usage events live. Behaviour every adapter must show: `store::contract::usage`.
#[async_trait]
pub trait UsageRepository: Send {
    /// Records events. Recording one again, in the same call too, changes nothing.
    async fn record(&mut self, events: &[UsageEvent]) -> Result<(), RepositoryError>;

    /// The event of a call.
    async fn find(&mut self, id: CallId) -> Result<Option<UsageEvent>, RepositoryError>;

    /// One page of events, newest first.
    async fn list(
        &mut self,
        filter: &UsageFilter,
        page: PageRequest,
    ) -> Result<Page<UsageEvent>, RepositoryError>;

    /// Removes up to `limit` events from before an instant, oldest first; says how many.
    async fn prune(&mut self, before: Timestamp, limit: u32) -> Result<u64, RepositoryError>;
}
