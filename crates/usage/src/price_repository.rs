//! Where prices live.

use async_trait::async_trait;
use promptgate_kernel::{Page, PageRequest, PriceId, RepositoryError, Timestamp};

use crate::{
    FallbackPrice, ListPrice, PriceRefresh, PriceVersion, PriceVersionId, StoredPrice, StoredPrices,
    UnpricedModel,
};

/// Which versions of prices are wanted; newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceVersionFilter {
    /// Only of this provider, by name.
    pub provider: Option<String>,
    /// Only of this kind of provider.
    pub kind: Option<String>,
    /// Only of this model.
    pub model: Option<String>,
    /// Only of this price.
    pub price: Option<PriceId>,
    /// Only those that began then.
    pub from: Option<Timestamp>,
    /// Only those of this list.
    pub edition: Option<String>,
}

/// Where prices live. What a price was before a change or its removal stays as one of its
/// [versions](PriceVersion). Behaviour every adapter must show: `store::contract::prices`.
#[async_trait]
pub trait PriceRepository: Send {
    /// The price of a model with this id; never the fallback.
    async fn find(&mut self, id: PriceId) -> Result<Option<StoredPrice>, RepositoryError>;

    /// The price of every model that has none.
    async fn fallback(&mut self) -> Result<FallbackPrice, RepositoryError>;

    /// Stores a new price. A second one for the same model of a provider is a conflict on
    /// `prices_provider_name_model_key`.
    async fn insert(&mut self, price: &StoredPrice) -> Result<(), RepositoryError>;

    /// Writes the rates of `price` if the stored version is the one before its own; `false` when it is
    /// not.
    async fn save(&mut self, price: &StoredPrice) -> Result<bool, RepositoryError>;

    /// Likewise the price of every model that has none.
    async fn save_fallback(&mut self, price: &FallbackPrice) -> Result<bool, RepositoryError>;

    /// Removes the price of a model; `false` when there was none.
    async fn remove(&mut self, id: PriceId, at: Timestamp) -> Result<bool, RepositoryError>;

    /// What somebody set for providers, models by provider and then by name, and the fallback. What is
    /// published is [apart](Self::list_prices).
    async fn list_all(&mut self) -> Result<StoredPrices, RepositoryError>;

    /// What is published, by kind and then by model.
    async fn list_prices(&mut self) -> Result<Vec<ListPrice>, RepositoryError>;

    /// Writes prices that are published: first versions as new ones, others in the place of the version
    /// before their own. `false`, and nothing is to be committed, when one of those is not there. A second
    /// one for the same model of a kind is a conflict on `list_prices_kind_model_key`.
    async fn save_list_prices(&mut self, prices: &[ListPrice]) -> Result<bool, RepositoryError>;

    /// Removes what is published of a model; `false` when there was nothing.
    async fn remove_list_price(&mut self, id: PriceId, at: Timestamp) -> Result<bool, RepositoryError>;

    /// A price as it was.
    async fn find_version(&mut self, id: PriceVersionId) -> Result<Option<PriceVersion>, RepositoryError>;

    /// One page of versions, newest first.
    async fn versions(
        &mut self,
        filter: &PriceVersionFilter,
        page: PageRequest,
    ) -> Result<Page<PriceVersion>, RepositoryError>;

    /// Keeps what became of a refresh, and forgets all but the last thousand.
    async fn insert_refresh(&mut self, refresh: &PriceRefresh) -> Result<(), RepositoryError>;

    /// The last refreshes, newest first.
    async fn refreshes(&mut self, limit: u32) -> Result<Vec<PriceRefresh>, RepositoryError>;

    /// What a source called the list that was read of it last; `None` where it was never read well, and where
    /// it is to be read again whatever it is called: by another version of the program, after a published
    /// price was removed, and after another list than the program's was read meanwhile.
    async fn last_etag(&mut self, source: &str, program: &str) -> Result<Option<String>, RepositoryError>;

    /// The models of which calls took tokens without a price of their own since the day, in UTC, of this
    /// instant: those that cost nothing first, and of them those that took the most. At most a thousand.
    async fn unpriced(&mut self, since: Timestamp) -> Result<Vec<UnpricedModel>, RepositoryError>;
}
