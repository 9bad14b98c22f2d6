//! Admin API keys: make, find, list, rotate and revoke them, and find out which one was presented.

mod authenticate;
mod create;
mod list;
mod revoke;
mod rotate;

use promptgate_auth::{AdminKeySecret, Forbidden, InvalidAdminKey, StoredAdminKey};
use promptgate_kernel::{AdminKeyId, RepositoryError};

pub use authenticate::authenticate;
pub use create::{NewAdminKey, create};
pub use list::list;
pub use revoke::revoke;
pub use rotate::rotate;

/// The constraint that keeps two keys that serve from having one name.
const NAME_KEY: &str = "admin_keys_name_folded_key";

/// A key whose secret is shown this once.
#[derive(Debug, Clone)]
pub struct IssuedAdminKey {
    /// The key.
    pub key: StoredAdminKey,
    /// Its secret.
    pub secret: AdminKeySecret,
}

/// Why nothing was done about a key.
#[derive(Debug, thiserror::Error)]
pub enum AdminKeyError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none.
    #[error("there is no admin key {0}")]
    NotFound(AdminKeyId),
    /// Something about it is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidAdminKey),
    /// Another key has the name.
    #[error("another admin key has this name")]
    NameTaken,
    /// Somebody else changed it at the same time; look at it again.
    #[error("the admin key {0} was changed by somebody else")]
    Changed(AdminKeyId),
    /// The store failed.
    #[error(transparent)]
    Store(RepositoryError),
}

impl From<RepositoryError> for AdminKeyError {
    fn from(error: RepositoryError) -> Self {
        if error.is_conflict(NAME_KEY) { Self::NameTaken } else { Self::Store(error) }
    }
}
