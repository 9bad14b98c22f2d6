//! What models cost: look at it, set, replace, change and remove prices, see which are missing and what they
//! were, read them of files and of public lists, and give calls of the past other ones.

mod check;
mod create;
mod delete;
mod fallback;
mod find;
mod history;
mod import;
mod refresh;
mod replace;
mod reprice;
mod update;

use promptgate_auth::Forbidden;
use promptgate_kernel::{PriceId, RepositoryError, RepricingId};
use promptgate_store::UnitOfWork;
use promptgate_usage::{InvalidPrice, InvalidPriceFile, PriceTarget, PriceVersionId};

pub use check::{MissingPrices, ProviderError, check};
pub use create::{NewPrice, create};
pub use delete::delete;
pub use fallback::set_fallback;
pub use find::{all, find};
pub use history::{all_with_lists, refreshes, unpriced, version, versions};
pub use import::{ImportedPrices, PriceDifference, Rehearsal, delete_list_price, import};
pub use refresh::{FetchedPrices, ListInUse, PriceKeeper, PriceSource, load_built_in};
pub use replace::replace;
pub use reprice::{begin_repricing, cancel_repricing, repricing, repricings, resume_repricing};
pub use update::{PriceChanges, update};

/// The constraint that keeps a model from having two prices.
const TARGET_KEY: &str = "prices_provider_name_model_key";

/// Why nothing was done about a price.
#[derive(Debug, thiserror::Error)]
pub enum PriceError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none.
    #[error("there is no price {0}")]
    NotFound(PriceId),
    /// No provider has the name.
    #[error("there is no provider of this name")]
    UnknownProvider,
    /// Something about it is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidPrice),
    /// The model has a price already.
    #[error("this model of the provider has a price already; change that one")]
    Taken,
    /// A file of prices is not taken.
    #[error(transparent)]
    File(#[from] InvalidPriceFile),
    /// There is no such version of a price, or nothing cost anything by it.
    #[error("there is no price {0} that calls could have")]
    UnknownVersion(PriceVersionId),
    /// It is to be given to calls that it is not for.
    #[error("`{field}` is none that the price {version} is for; leave it out, or name a price of it")]
    OtherVersion {
        /// What does not fit.
        field: &'static str,
        /// The price.
        version: PriceVersionId,
    },
    /// The price of all models without one says nothing of whose calls are to get it.
    #[error("the price {0} is that of models without one: `model` must say which one's calls get it")]
    ModelNeeded(PriceVersionId),
    /// There is no such repricing.
    #[error("there is no repricing {0}")]
    UnknownRepricing(RepricingId),
    /// The end is not behind the beginning.
    #[error("`to` must be later than `from`")]
    Range,
    /// Somebody else changed a price at the same time; look at it again.
    #[error("the price was changed by somebody else")]
    Changed,
    /// The store failed.
    #[error(transparent)]
    Store(RepositoryError),
}

impl From<RepositoryError> for PriceError {
    fn from(error: RepositoryError) -> Self {
        if error.is_conflict(TARGET_KEY) { Self::Taken } else { Self::Store(error) }
    }
}

/// Whether the providers of these prices are there.
async fn check_providers<'a>(
    work: &mut dyn UnitOfWork,
    targets: impl IntoIterator<Item = &'a PriceTarget> + Send,
) -> Result<(), PriceError> {
    let providers = work.providers().list_all().await?;
    let is_known =
        |target: &PriceTarget| providers.iter().any(|provider| provider.name.as_str() == target.provider);
    if targets.into_iter().all(is_known) { Ok(()) } else { Err(PriceError::UnknownProvider) }
}
