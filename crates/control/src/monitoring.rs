//! Monitored services: create, find, list, change, delete and look at them.

mod check;
mod create;
mod delete;
mod due;
mod find;
mod list;
mod status;
mod update;

use async_trait::async_trait;
use promptgate_auth::Forbidden;
use promptgate_kernel::{MonitoredServiceId, RepositoryError};
use promptgate_monitoring::{InvalidService, Seen};

pub use check::check;
pub use create::create;
pub use delete::delete;
pub use due::{DueChecks, Tally};
pub use find::find;
pub use list::list;
pub use status::{Status, status};
pub use update::update;

/// The constraint that keeps two services from having one name.
const NAME_KEY: &str = "monitored_services_name_key";

/// Who looks at services.
#[async_trait]
pub trait ServiceChecker: Send + Sync {
    /// Asks for what is at an address, follows redirects, and says what came. Ends within seconds
    /// whatever happens.
    async fn look(&self, url: &str) -> Seen;
}

/// Why nothing was done about a service.
#[derive(Debug, thiserror::Error)]
pub enum MonitoringError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none.
    #[error("there is no monitored service {0}")]
    NotFound(MonitoredServiceId),
    /// Something about it is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidService),
    /// Another service has the name.
    #[error("another monitored service has this name")]
    NameTaken,
    /// Somebody else changed it at the same time; look at it again.
    #[error("the monitored service {0} was changed by somebody else")]
    Changed(MonitoredServiceId),
    /// This process looks at nothing.
    #[error("this process cannot look at services")]
    Unavailable,
    /// The store failed.
    #[error(transparent)]
    Store(RepositoryError),
}

impl From<RepositoryError> for MonitoringError {
    fn from(error: RepositoryError) -> Self {
        if error.is_conflict(NAME_KEY) { Self::NameTaken } else { Self::Store(error) }
    }
}
