//! The secrets of providers: add, find, list, change, rotate and delete them. None ever comes back.

mod create;
mod delete;
mod find;
mod list;
mod rotate;
mod update;

use promptgate_auth::Forbidden;
use promptgate_kernel::{CredentialId, ProviderId, RepositoryError};
use promptgate_providers::InvalidCredential;

use crate::endpoints::EndpointError;

pub use create::create;
pub use delete::delete;
pub use find::{CredentialUsers, Described, EndpointUse, ProjectUse, TemplateUse, find};
pub use list::list;
pub use rotate::{RotateCredential, rotate};
pub use update::update;

/// Why nothing was done about a credential.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none.
    #[error("there is no credential {0}")]
    NotFound(CredentialId),
    /// Its provider does not exist.
    #[error("there is no provider {0}")]
    UnknownProvider(ProviderId),
    /// Something about it is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidCredential),
    /// Somebody else changed it at the same time; look at it again.
    #[error("the credential {0} was changed by somebody else")]
    Changed(CredentialId),
    /// Somebody else changed an endpoint that names it; try again.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}
