//! What calls add up to: of everybody, of one person, and one's own.

mod adoption;
mod identities;
mod read;

use promptgate_auth::Forbidden;
use promptgate_kernel::{AccountId, RepositoryError, Timestamp};
use promptgate_store::UnitOfWork;
use promptgate_usage::{Costs, Period, PriceBook, StoredPrices, UsageScope, Window};

pub use adoption::adoption;
pub use identities::top_identities;
pub use read::{Subject, read};

/// Why there are no statistics.
#[derive(Debug, thiserror::Error)]
pub enum StatisticsError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such person.
    #[error("there is no person {0}")]
    UnknownPerson(AccountId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// What a window covers; the calls are asked only where they decide.
async fn period(
    work: &mut dyn UnitOfWork,
    scope: UsageScope,
    window: Window,
    now: Timestamp,
) -> Result<Period, RepositoryError> {
    let earliest = match window.days() {
        Some(_) => None,
        None => work.statistics().earliest_day(scope).await?,
    };
    Ok(window.resolve(earliest, now))
}

/// The prices that costs are split by, where they are shown.
async fn book(work: &mut dyn UnitOfWork, costs: Costs) -> Result<Option<PriceBook>, RepositoryError> {
    match costs {
        Costs::Shown => {
            let stored = work.prices().list_all().await?;
            let lists = work.prices().list_prices().await?;
            Ok(Some(PriceBook::new(StoredPrices { lists, ..stored })))
        }
        Costs::Hidden => Ok(None),
    }
}
