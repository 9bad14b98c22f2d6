//! Where tokens live.

use async_trait::async_trait;
use promptgate_kernel::{
    AccountId, Page, PageRequest, ProjectId, RepositoryError, SortDirection, Timestamp, TokenId,
};

use crate::{KeyStatus, Token, TokenHash};

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

/// Which keys of an account are wanted, and in which order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFilter {
    /// Whose.
    pub owner: AccountId,
    /// A part of the name, of the description or of the id, in any case.
    pub search: Option<String>,
    /// Only those that are there in their lives at `now`.
    pub status: Option<KeyStatus>,
    /// Whether revoked ones are listed too.
    pub include_revoked: bool,
    /// The time that decides what has expired.
    pub now: Timestamp,
    /// What they are sorted by; equal ones by id.
    pub sort: KeySort,
    /// Which way.
    pub direction: SortDirection,
}

/// What keys can be sorted by. What never happened comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeySort {
    /// When they were issued.
    #[default]
    CreatedAt,
    /// Their name.
    Name,
    /// What is said about them.
    Description,
    /// When they stop working.
    ExpiresAt,
    /// When they were revoked.
    RevokedAt,
    /// When it was noted that they had expired.
    ExpiredAt,
    /// Active ones, then expired ones, then revoked ones.
    Status,
}

/// Where tokens live. Behaviour every adapter must show: `store::contract::tokens`.
#[async_trait]
pub trait TokenRepository: Send {
    /// The token with this id, whatever its state.
    async fn find(&mut self, id: TokenId) -> Result<Option<Token>, RepositoryError>;

    /// The token with this hash, whatever its state. Under the hash of its previous secret it is as
    /// [`Token::under_previous`] says.
    async fn find_by_hash(&mut self, hash: TokenHash) -> Result<Option<Token>, RepositoryError>;

    /// Stores a new token. A second token with the same hash is a conflict on `tokens_hash_key`.
    async fn insert(&mut self, token: &Token) -> Result<(), RepositoryError>;

    /// Writes `token` if the stored version is the one before its own; `false` when it is not.
    async fn save(&mut self, token: &Token) -> Result<bool, RepositoryError>;

    /// One page of a project's tokens.
    async fn list(&mut self, filter: &TokenFilter, page: PageRequest)
    -> Result<Page<Token>, RepositoryError>;

    /// The tokens that belong to an account and were not revoked, by id.
    async fn list_of_owner(&mut self, owner: AccountId) -> Result<Vec<Token>, RepositoryError>;

    /// One page of an account's keys.
    async fn list_keys(
        &mut self,
        filter: &KeyFilter,
        page: PageRequest,
    ) -> Result<Page<Token>, RepositoryError>;

    /// Waits until nobody else changes the tree that a token belongs to, and keeps it so until the end
    /// of the unit of work. Says which token is at the top; `None` when there is no such token.
    async fn lock_tree(&mut self, id: TokenId) -> Result<Option<TokenId>, RepositoryError>;

    /// The tokens that a token comes from, its parent first. They never change.
    async fn line_above(&mut self, id: TokenId) -> Result<Vec<TokenId>, RepositoryError>;

    /// The tokens below a token that were not revoked, those nearest to it first.
    async fn list_below(&mut self, id: TokenId) -> Result<Vec<Token>, RepositoryError>;

    /// How many tokens below a token are neither revoked nor past their end.
    async fn count_live_below(&mut self, id: TokenId, now: Timestamp) -> Result<u64, RepositoryError>;

    /// Notes of up to `limit` tokens that their time was over at `now`, and says of how many.
    async fn mark_expired(&mut self, now: Timestamp, limit: u32) -> Result<u64, RepositoryError>;

    /// Removes up to `limit` minted tokens that ended before an instant; says how many. Those that calls
    /// are still kept of stay, and so do those that minted one that stays.
    async fn prune_minted(&mut self, before: Timestamp, limit: u32) -> Result<u64, RepositoryError>;

    /// Notes when tokens were last used. Never moves an instant back, never changes a version.
    async fn touch(&mut self, uses: &[(TokenId, Timestamp)]) -> Result<(), RepositoryError>;
}
