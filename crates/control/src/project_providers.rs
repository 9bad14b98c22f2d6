//! What a project does with each provider: list it, set it, forget it.

mod list;
mod remove;
mod save;

use promptgate_auth::Forbidden;
use promptgate_kernel::{CredentialId, ProjectId, ProviderId, RepositoryError};
use promptgate_providers::{ProjectProvider, Provider};
use promptgate_store::UnitOfWork;

use crate::shown::{self, Shown};

pub use list::list;
pub use remove::remove;
pub use save::{SetProvider, save};

pub(crate) use list::effective;

/// A provider as a project sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct EffectiveProvider {
    /// The provider.
    pub provider: Provider,
    /// What counts for the project.
    pub setting: ProjectProvider,
    /// Whether that is stored; else it is what counts without.
    pub is_set: bool,
}

impl EffectiveProvider {
    /// Whether calls of the project reach the provider.
    pub const fn open(&self) -> bool {
        self.provider.enabled && self.setting.enabled
    }
}

/// Why nothing was done about a project's setting of a provider.
#[derive(Debug, thiserror::Error)]
pub enum ProjectProviderError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The project does not exist, or was deleted.
    #[error("there is no project {0}")]
    UnknownProject(ProjectId),
    /// The provider does not exist.
    #[error("there is no provider {0}")]
    UnknownProvider(ProviderId),
    /// The credential does not exist.
    #[error("there is no credential {0}")]
    UnknownCredential(CredentialId),
    /// The credential belongs to another provider.
    #[error(
        "the credential {0} belongs to another provider; name one of this provider, or null for any of them"
    )]
    ForeignCredential(CredentialId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// What the audit log shows of a setting that is stored; nothing where none is.
async fn stored(
    work: &mut dyn UnitOfWork,
    project: ProjectId,
    provider: ProviderId,
) -> Result<Shown, RepositoryError> {
    let settings = work.project_providers().list(project).await?;
    let found = settings.iter().find(|setting| setting.provider_id == provider);
    Ok(found.map(shown::project_provider).unwrap_or_default())
}
