//! Provider templates: create, find, list, change and delete them.

mod create;
mod delete;
mod find;
mod list;
mod update;

use promptgate_auth::Forbidden;
use promptgate_kernel::{CredentialId, ProviderId, RepositoryError, TemplateId};
use promptgate_providers::{InvalidTemplate, Template};
use promptgate_store::UnitOfWork;

pub use create::create;
pub use delete::delete;
pub use find::{TemplateUsed, find};
pub use list::list;
pub use update::update;

/// The constraint that keeps two templates from having one slug.
const SLUG_KEY: &str = "templates_slug_key";

/// Why nothing was done about a template.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none.
    #[error("there is no provider template {0}")]
    NotFound(TemplateId),
    /// Its provider does not exist.
    #[error("there is no provider {0}")]
    UnknownProvider(ProviderId),
    /// Its credential does not exist.
    #[error("there is no credential {0}")]
    UnknownCredential(CredentialId),
    /// Its credential belongs to another provider.
    #[error(
        "the credential {0} belongs to another provider; name one of this provider, or null for any of them"
    )]
    ForeignCredential(CredentialId),
    /// Something about it is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidTemplate),
    /// Another template has the slug.
    #[error("another provider template has this slug; choose another one")]
    SlugTaken,
    /// Somebody else changed it at the same time; look at it again.
    #[error("the provider template {0} was changed by somebody else")]
    Changed(TemplateId),
    /// The store failed.
    #[error(transparent)]
    Store(RepositoryError),
}

impl From<RepositoryError> for TemplateError {
    fn from(error: RepositoryError) -> Self {
        if error.is_conflict(SLUG_KEY) { Self::SlugTaken } else { Self::Store(error) }
    }
}

/// Whether what a template names is there and fits together.
async fn check_references(work: &mut dyn UnitOfWork, template: &Template) -> Result<(), TemplateError> {
    let provider = template.provider_id;
    work.providers().find(provider).await?.ok_or(TemplateError::UnknownProvider(provider))?;
    let Some(id) = template.credential_id else { return Ok(()) };
    let credential = work.credentials().find(id).await?.ok_or(TemplateError::UnknownCredential(id))?;
    if credential.provider_id == provider { Ok(()) } else { Err(TemplateError::ForeignCredential(id)) }
}
