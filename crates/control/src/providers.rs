//! Providers: create, find, list, change and delete them, with their keys.

mod capabilities;
mod create;
mod delete;
mod find;
mod key;
mod list;
mod update;

use promptgate_kernel::RepositoryError;
use promptgate_providers::Provider;
use promptgate_store::UnitOfWork;

pub use capabilities::{Capable, capabilities};
pub use create::{CreateProvider, CreateProviderError, create};
pub use delete::{DeleteProviderError, delete};
pub use find::{FindProviderError, find};
pub use key::{ApiKey, InvalidApiKey};
pub use list::{ListProvidersError, list};
pub use update::{KeyChange, UpdateProvider, UpdateProviderError, update};

pub(crate) use create::record;

/// A provider, and whether a key of it is kept. The key itself never comes back.
#[derive(Debug, Clone, PartialEq)]
pub struct Configured {
    /// The provider.
    pub provider: Provider,
    /// Whether a key is kept.
    pub has_api_key: bool,
}

/// A provider that is stored, with what is said of its keys.
async fn configured(work: &mut dyn UnitOfWork, provider: Provider) -> Result<Configured, RepositoryError> {
    let has_api_key = !work.providers().credentials(provider.id).await?.is_empty();
    Ok(Configured { provider, has_api_key })
}

/// The constraint that keeps two providers from having one name.
const NAME_KEY: &str = "providers_name_key";
