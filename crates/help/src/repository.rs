//! Where help lives.

use async_trait::async_trait;
use promptgate_kernel::{FaqEntryId, Page, PageRequest, RepositoryError, SetupGuideId, SortDirection};

use crate::{FaqEntry, SetupGuide};

/// In which order entries are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FaqFilter {
    /// What they are sorted by; equal ones by id.
    pub sort: FaqSort,
    /// Which way.
    pub direction: SortDirection,
}

/// What entries can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FaqSort {
    /// Their place.
    #[default]
    Position,
    /// What they ask.
    Question,
    /// Whether everybody reads them.
    Published,
    /// When they were created.
    CreatedAt,
    /// When their text last changed.
    UpdatedAt,
}

/// Where entries of the FAQ live. Behaviour every adapter must show: `store::contract::faq`.
#[async_trait]
pub trait FaqRepository: Send {
    /// Waits until nobody else places entries, and keeps others from it until the end of the unit of
    /// work. Whoever adds, moves or removes one does this first.
    async fn hold_places(&mut self) -> Result<(), RepositoryError>;

    /// The entry with this id.
    async fn find(&mut self, id: FaqEntryId) -> Result<Option<FaqEntry>, RepositoryError>;

    /// Stores a new entry.
    async fn insert(&mut self, entry: &FaqEntry) -> Result<(), RepositoryError>;

    /// Writes the text of `entry`, not its place, if the stored version is the one before its own;
    /// `false` when it is not.
    async fn save(&mut self, entry: &FaqEntry) -> Result<bool, RepositoryError>;

    /// Puts entries into other places.
    async fn place(&mut self, places: &[(FaqEntryId, u64)]) -> Result<(), RepositoryError>;

    /// Removes an entry; `false` when there was none. The others stay where they are.
    async fn remove(&mut self, id: FaqEntryId) -> Result<bool, RepositoryError>;

    /// One page of entries.
    async fn list(
        &mut self,
        filter: &FaqFilter,
        page: PageRequest,
    ) -> Result<Page<FaqEntry>, RepositoryError>;

    /// Every entry with its place, in order.
    async fn places(&mut self) -> Result<Vec<(FaqEntryId, u64)>, RepositoryError>;

    /// Every entry that everybody reads, in order.
    async fn published(&mut self) -> Result<Vec<FaqEntry>, RepositoryError>;
}

/// Where set-up guides live. Behaviour every adapter must show: `store::contract::setup_guides`.
#[async_trait]
pub trait SetupGuideRepository: Send {
    /// Waits until nobody else places guides, and keeps others from it until the end of the unit of
    /// work.
    async fn hold_places(&mut self) -> Result<(), RepositoryError>;

    /// Notes that the default guides are written in this unit of work; `false` when that was done
    /// before. Of several who ask at once, one is told `true`.
    async fn claim_defaults(&mut self) -> Result<bool, RepositoryError>;

    /// The guide with this id.
    async fn find(&mut self, id: SetupGuideId) -> Result<Option<SetupGuide>, RepositoryError>;

    /// Stores a new guide. A second one of the same identifier is a conflict on
    /// `setup_guides_identifier_key`.
    async fn insert(&mut self, guide: &SetupGuide) -> Result<(), RepositoryError>;

    /// Writes `guide` if the stored version is the one before its own; `false` when it is not.
    async fn save(&mut self, guide: &SetupGuide) -> Result<bool, RepositoryError>;

    /// Removes a guide; `false` when there was none. Its identifier is free again.
    async fn remove(&mut self, id: SetupGuideId) -> Result<bool, RepositoryError>;

    /// Every guide, by position, then title.
    async fn list(&mut self) -> Result<Vec<SetupGuide>, RepositoryError>;
}
