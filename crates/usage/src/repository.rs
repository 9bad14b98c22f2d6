//! Where usage events live, what was said in the calls, and answers that may be asked for again.

use async_trait::async_trait;
use promptgate_kernel::{
    AccountId, CallId, EndpointId, Page, PageRequest, ProjectId, RepositoryError, Timestamp, TokenId,
};

use crate::{CallContent, IdempotencyKey, IdempotencyRecord, Outcome, RememberedAnswer, UsageEvent};

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

/// Which events of the call log are wanted. What is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// Only of this project.
    pub project: Option<ProjectId>,
    /// Only of this token.
    pub token: Option<TokenId>,
    /// Only of tokens that act for this owner.
    pub owner: Option<AccountId>,
    /// Only of this AI endpoint.
    pub endpoint: Option<EndpointId>,
    /// Only of this model, as the provider knows it.
    pub model: Option<String>,
    /// Only of the provider of this name.
    pub provider: Option<String>,
    /// Only with this HTTP status.
    pub status: Option<u16>,
    /// Only those that ended like this.
    pub outcome: Option<Outcome>,
    /// Only with this request id.
    pub request_id: Option<String>,
    /// Only those that repeat the call of this request id, or were made for it.
    pub parent_request_id: Option<String>,
    /// Only those in which this rule of a guardrail matched, such as `pii_filter.email`, or one whose id
    /// begins with it and a dot, such as those of `pii_filter`. Of a call that matched many rules the first
    /// hundred matches count.
    pub guardrail: Option<String>,
    /// Only those that guardrails decided so about: `blocked`, `changed`, `noted`.
    pub guardrail_outcome: Option<String>,
    /// Only those that arrived then or later.
    pub from: Option<Timestamp>,
    /// Only those that arrived before.
    pub to: Option<Timestamp>,
}

/// A place in the call log: right behind one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// When that event's call arrived.
    pub at: Timestamp,
    /// That event's call.
    pub id: CallId,
}

impl Cursor {
    /// The place behind an event.
    pub const fn behind(event: &UsageEvent) -> Self {
        Self { at: event.at, id: event.id }
    }
}

/// The text that clients carry around: `<microseconds>.<id>`.
impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.at.as_micros(), self.id)
    }
}

/// A text that is no [`Cursor`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one that a page gave")]
pub struct InvalidCursor;

impl std::str::FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (at, id) = text.split_once('.').ok_or(InvalidCursor)?;
        let at = Timestamp::from_micros(at.parse().map_err(|_| InvalidCursor)?);
        Ok(Self { at, id: id.parse().map_err(|_| InvalidCursor)? })
    }
}

/// Where usage events live. Behaviour every adapter must show: `store::contract::usage`.
#[async_trait]
pub trait UsageRepository: Send {
    /// Records events. Recording one again, in the same call too, changes nothing.
    async fn record(&mut self, events: &[&UsageEvent]) -> Result<(), RepositoryError>;

    /// The event of a call.
    async fn find(&mut self, id: CallId) -> Result<Option<UsageEvent>, RepositoryError>;

    /// One page of events, newest first.
    async fn list(
        &mut self,
        filter: &UsageFilter,
        page: PageRequest,
    ) -> Result<Page<UsageEvent>, RepositoryError>;

    /// The events behind a place, newest first and at most `limit`. What is recorded meanwhile moves
    /// nothing: each event that was there from the first page to the last comes exactly once.
    async fn page(
        &mut self,
        filter: &CallFilter,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<UsageEvent>, RepositoryError>;

    /// Adds up to `limit` events up, oldest first, that a process of the version before recorded, which adds
    /// nothing up; says how many.
    async fn catch_up(&mut self, limit: u32) -> Result<u64, RepositoryError>;

    /// Removes up to `limit` events from before an instant, oldest first; says how many. What they add up
    /// to by day stays, so that no statistics change; what is not added up yet is.
    async fn prune(&mut self, before: Timestamp, limit: u32) -> Result<u64, RepositoryError>;
}

/// Where it lives what was said in calls. Behaviour every adapter must show:
/// `store::contract::call_contents`.
#[async_trait]
pub trait CallContentRepository: Send {
    /// Records contents, [cut](CallContent::trim) to what is kept. Recording one again, in the same
    /// call too, changes nothing.
    async fn record(&mut self, contents: &[&CallContent]) -> Result<(), RepositoryError>;

    /// What was said in a call.
    async fn find(&mut self, call: CallId) -> Result<Option<CallContent>, RepositoryError>;

    /// Removes up to `limit` contents of calls from before an instant, oldest first; says how many.
    async fn prune(&mut self, before: Timestamp, limit: u32) -> Result<u64, RepositoryError>;
}

/// Where answers live that a client may ask for again. Behaviour every adapter must show:
/// `store::contract::idempotency`.
#[async_trait]
pub trait IdempotencyRepository: Send {
    /// Takes a key. `None`: it is taken now, and the call is the caller's to make. `Some`: somebody
    /// had it, and this is what is known. Of any number that claim a key at the same time, one gets
    /// it. A record that expired before `record.created_at` does not count.
    async fn claim(
        &mut self,
        record: &IdempotencyRecord,
    ) -> Result<Option<IdempotencyRecord>, RepositoryError>;

    /// Holds a claim for longer, whose call is still under way; `false` if it is no longer that call's,
    /// or was answered.
    async fn renew(
        &mut self,
        key: IdempotencyKey,
        call: CallId,
        expires_at: Timestamp,
    ) -> Result<bool, RepositoryError>;

    /// Writes down how a claimed call was answered; `false` if the claim is no longer that call's.
    async fn complete(
        &mut self,
        key: IdempotencyKey,
        call: CallId,
        answer: &RememberedAnswer,
        expires_at: Timestamp,
    ) -> Result<bool, RepositoryError>;

    /// Gives a key back whose call came to nothing that is worth remembering; `false` if the claim is
    /// no longer that call's, or was answered.
    async fn release(&mut self, key: IdempotencyKey, call: CallId) -> Result<bool, RepositoryError>;

    /// What is known of a key, expired or not.
    async fn find(&mut self, key: IdempotencyKey) -> Result<Option<IdempotencyRecord>, RepositoryError>;

    /// Removes up to `limit` records that expired before an instant, the longest expired first; says
    /// how many.
    async fn prune(&mut self, before: Timestamp, limit: u32) -> Result<u64, RepositoryError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text() {
        let id = "018f4e6e-0000-7000-8000-000000000001".parse().unwrap();
        for micros in [0, -5, 1_700_000_000_000_000] {
            let cursor = Cursor { at: Timestamp::from_micros(micros), id };
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for wrong in ["", "1", "x.018f4e6e-0000-7000-8000-000000000001", "1.", "1.2"] {
            assert_eq!(wrong.parse::<Cursor>(), Err(InvalidCursor), "{wrong}");
        }
    }
}
