//! Where admin keys live.

use async_trait::async_trait;
use promptgate_kernel::{AdminKeyId, Page, PageRequest, RepositoryError, SortDirection, Timestamp};

use super::{AdminKeyHash, StoredAdminKey};

/// In which order admin keys are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AdminKeyFilter {
    /// What they are sorted by; equal ones by id.
    pub sort: AdminKeySort,
    /// Which way.
    pub direction: SortDirection,
}

/// What admin keys can be sorted by. What is missing comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AdminKeySort {
    /// The name, in any case.
    Name,
    /// When it was made.
    #[default]
    CreatedAt,
    /// When its time is over.
    ExpiresAt,
    /// When it was last used.
    LastUsedAt,
}

/// Where admin keys live; revoked ones stay. Behaviour every adapter must show:
/// `store::contract::admin_keys`.
#[async_trait]
pub trait AdminKeyRepository: Send {
    /// The key with this id.
    async fn find(&mut self, id: AdminKeyId) -> Result<Option<StoredAdminKey>, RepositoryError>;

    /// The key that has, or had before its last rotation, the secret with this hash.
    async fn find_by_hash(&mut self, hash: &AdminKeyHash) -> Result<Option<StoredAdminKey>, RepositoryError>;

    /// Stores a new key. A second one of the same name, in any case, that was not revoked is a
    /// conflict on `admin_keys_name_folded_key`.
    async fn insert(&mut self, key: &StoredAdminKey) -> Result<(), RepositoryError>;

    /// Writes `key` if the stored version is the one before its own; `false` when it is not. The last
    /// use is not written.
    async fn save(&mut self, key: &StoredAdminKey) -> Result<bool, RepositoryError>;

    /// Notes that a key was used.
    async fn note_use(&mut self, id: AdminKeyId, at: Timestamp) -> Result<(), RepositoryError>;

    /// One page of keys.
    async fn list(
        &mut self,
        filter: &AdminKeyFilter,
        page: PageRequest,
    ) -> Result<Page<StoredAdminKey>, RepositoryError>;
}
