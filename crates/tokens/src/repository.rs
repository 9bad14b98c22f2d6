//! Where tokens live.

use async_trait::async_trait;
use promptgate_kernel::{Page, PageRequest, ProjectId, RepositoryError, SortDirection, Timestamp, TokenId};

use crate::{Token, TokenHash};

/// Which tokens of a project are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenFilter {
    /// The project.
    pub project_id: ProjectId,
    /// Whether revoked tokens are listed too.
    pub include_revoked: bool,
    /// What they are sorted by; equal ones by id.
    pub sort: TokenSort,
    /// Which way.
    pub direction: SortDirection,
}

/// What tokens can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenSort {
    /// When they were issued.
    #[default]
    CreatedAt,
    /// Their name.
    Name,
    /// When they last opened something; never comes last.
    LastUsedAt,
    /// When they stop working; never comes last.
    ExpiresAt,
}

/// Where tokens live. Behaviour every adapter must show: `store::contract::tokens`.
#[async_trait]
pub trait TokenRepository: Send {
    /// The token with this id, whatever its state.
    async fn find(&mut self, id: TokenId) -> Result<Option<Token>, RepositoryError>;

    /// The token with this hash, whatever its state.
    async fn find_by_hash(&mut self, hash: TokenHash) -> Result<Option<Token>, RepositoryError>;

    /// Stores a new token. A second token with the same hash is a conflict on `tokens_hash_key`.
    async fn insert(&mut self, token: &Token) -> Result<(), RepositoryError>;

    /// Writes `token` if the stored version is the one before its own; `false` when it is not.
    async fn save(&mut self, token: &Token) -> Result<bool, RepositoryError>;

    /// One page of a project's tokens.
    async fn list(&mut self, filter: &TokenFilter, page: PageRequest)
    -> Result<Page<Token>, RepositoryError>;

    /// Notes when tokens were last used. Never moves an instant back, never changes a version.
    async fn touch(&mut self, uses: &[(TokenId, Timestamp)]) -> Result<(), RepositoryError>;
}
