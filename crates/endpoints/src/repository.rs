//! Where endpoints, their versions, golden sets, conversations and cached answers live.

use async_trait::async_trait;
use promptgate_kernel::{
    AiSessionId, EndpointId, EvalId, EvalRunId, Page, PageRequest, ProjectId, RepositoryError, SortDirection,
    Timestamp,
};

use crate::{
    AiSession, CacheKey, CachedAnswer, Endpoint, EndpointVersion, EvalRun, EvalSet, RunSummary,
    SessionMessage, Slug, TurnRecord,
};

/// Which endpoints of a project are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndpointFilter {
    /// The project.
    pub project_id: ProjectId,
    /// Only those that are on, or off.
    pub is_active: Option<bool>,
    /// What they are sorted by; equal ones by id.
    pub sort: EndpointSort,
    /// Which way.
    pub direction: SortDirection,
}

/// What endpoints can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EndpointSort {
    /// Their name, by its lower-case form.
    #[default]
    Name,
    /// Their slug.
    Slug,
    /// When they were created.
    CreatedAt,
    /// When they last changed.
    UpdatedAt,
}

/// Where endpoints and their versions live. Behaviour every adapter must show:
/// `store::contract::endpoints`.
///
/// Where a template, provider or credential is removed, the endpoints that name it directly lose that
/// reference, without a new version.
#[async_trait]
pub trait EndpointRepository: Send {
    /// The endpoint with this id.
    async fn find(&mut self, id: EndpointId) -> Result<Option<Endpoint>, RepositoryError>;

    /// The endpoint of a project with this slug, on or off.
    async fn find_by_slug(
        &mut self,
        project: ProjectId,
        slug: &Slug,
    ) -> Result<Option<Endpoint>, RepositoryError>;

    /// Stores a new endpoint. A second one of the same slug in the project is a conflict on
    /// `endpoints_project_id_slug_key`.
    async fn insert(&mut self, endpoint: &Endpoint) -> Result<(), RepositoryError>;

    /// Writes `endpoint` if the stored version is the one before its own; `false` when it is not.
    async fn save(&mut self, endpoint: &Endpoint) -> Result<bool, RepositoryError>;

    /// Removes an endpoint with its versions, golden sets, conversations and cached answers; `false`
    /// when there was none.
    async fn remove(&mut self, id: EndpointId) -> Result<bool, RepositoryError>;

    /// One page of a project's endpoints.
    async fn list(
        &mut self,
        filter: &EndpointFilter,
        page: PageRequest,
    ) -> Result<Page<Endpoint>, RepositoryError>;

    /// Every endpoint of every project, by id.
    async fn list_all(&mut self) -> Result<Vec<Endpoint>, RepositoryError>;

    /// Stores a version. A second one of the same number is a conflict on `endpoint_versions_pkey`.
    async fn insert_version(&mut self, version: &EndpointVersion) -> Result<(), RepositoryError>;

    /// One version of an endpoint.
    async fn version(
        &mut self,
        endpoint: EndpointId,
        number: u32,
    ) -> Result<Option<EndpointVersion>, RepositoryError>;

    /// One page of an endpoint's versions, newest first.
    async fn versions(
        &mut self,
        endpoint: EndpointId,
        page: PageRequest,
    ) -> Result<Page<EndpointVersion>, RepositoryError>;
}

/// Where golden sets and their runs live. Behaviour every adapter must show: `store::contract::evals`.
#[async_trait]
pub trait EvalRepository: Send {
    /// The golden set with this id.
    async fn find(&mut self, id: EvalId) -> Result<Option<EvalSet>, RepositoryError>;

    /// Stores a new golden set.
    async fn insert(&mut self, set: &EvalSet) -> Result<(), RepositoryError>;

    /// Writes `set` if the stored version is the one before its own; `false` when it is not.
    async fn save(&mut self, set: &EvalSet) -> Result<bool, RepositoryError>;

    /// Removes a golden set and its runs; `false` when there was none.
    async fn remove(&mut self, id: EvalId) -> Result<bool, RepositoryError>;

    /// One page of an endpoint's golden sets, by name.
    async fn list(
        &mut self,
        endpoint: EndpointId,
        page: PageRequest,
    ) -> Result<Page<EvalSet>, RepositoryError>;

    /// Stores a run.
    async fn insert_run(&mut self, run: &EvalRun) -> Result<(), RepositoryError>;

    /// The run with this id.
    async fn run(&mut self, id: EvalRunId) -> Result<Option<EvalRun>, RepositoryError>;

    /// The newest run of a golden set.
    async fn latest_run(&mut self, eval: EvalId) -> Result<Option<EvalRun>, RepositoryError>;

    /// The totals of one page of a golden set's runs, newest first.
    async fn runs(&mut self, eval: EvalId, page: PageRequest) -> Result<Page<RunSummary>, RepositoryError>;
}

/// What became of a turn that was to be appended to a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Append {
    /// It was appended; the conversation as it is now.
    Done(AiSession),
    /// Other turns that ran at the same time have filled the conversation.
    Full,
    /// The conversation was removed meanwhile.
    Gone,
}

/// Where conversations live. Behaviour every adapter must show: `store::contract::ai_sessions`.
#[async_trait]
pub trait SessionRepository: Send {
    /// The conversation with this id.
    async fn find(&mut self, id: AiSessionId) -> Result<Option<AiSession>, RepositoryError>;

    /// The messages of a conversation, in order.
    async fn messages(&mut self, id: AiSessionId) -> Result<Vec<SessionMessage>, RepositoryError>;

    /// Stores a new conversation with the messages of its first turn.
    async fn create(
        &mut self,
        session: &AiSession,
        messages: &[SessionMessage],
    ) -> Result<(), RepositoryError>;

    /// Appends a turn and adds up its totals, unless the conversation would then have more than
    /// `max_messages`. The messages get the next free positions, whatever `position` says; turns that
    /// run at the same time are never lost and never share a position.
    async fn append(
        &mut self,
        id: AiSessionId,
        turn: &TurnRecord,
        max_messages: u32,
    ) -> Result<Append, RepositoryError>;

    /// Removes a conversation and its messages; `false` when there was none.
    async fn remove(&mut self, id: AiSessionId) -> Result<bool, RepositoryError>;

    /// Removes at most `limit` conversations (of one endpoint, or of all) in which nothing was said
    /// since `before`; says how many.
    async fn remove_idle(
        &mut self,
        endpoint: Option<EndpointId>,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, RepositoryError>;
}

/// Where cached answers live. Behaviour every adapter must show: `store::contract::response_cache`.
#[async_trait]
pub trait ResponseCacheRepository: Send {
    /// The answer of this key that is still used at `now`.
    async fn find(&mut self, key: &CacheKey, now: Timestamp)
    -> Result<Option<CachedAnswer>, RepositoryError>;

    /// Adds to how often answers were used again. Those that are gone are left out.
    async fn count_hits(&mut self, hits: &[(CacheKey, u64)]) -> Result<(), RepositoryError>;

    /// Stores an answer; one of the same key is replaced.
    async fn put(&mut self, answer: &CachedAnswer) -> Result<(), RepositoryError>;

    /// Removes the answers of an endpoint; says how many.
    async fn remove_of(&mut self, endpoint: EndpointId) -> Result<u64, RepositoryError>;

    /// Removes at most `limit` answers that are no longer used at `now`; says how many.
    async fn remove_expired(&mut self, now: Timestamp, limit: u32) -> Result<u64, RepositoryError>;
}
