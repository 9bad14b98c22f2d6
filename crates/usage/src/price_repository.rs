//! Where prices live.

use async_trait::async_trait;
use promptgate_kernel::{PriceId, RepositoryError};

use crate::{FallbackPrice, StoredPrice, StoredPrices};

/// Where the prices live that an operator set. Behaviour every adapter must show: `store::contract::prices`.
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
    async fn remove(&mut self, id: PriceId) -> Result<bool, RepositoryError>;

    /// Everything, models by provider and then by name.
    async fn list_all(&mut self) -> Result<StoredPrices, RepositoryError>;
}
