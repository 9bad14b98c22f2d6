//! A project's own names for models: create, find, list, change and delete them.

mod create;
mod delete;
mod find;
mod list;
mod update;

use promptgate_auth::Forbidden;
use promptgate_kernel::{AliasId, ProjectId, ProviderId, RepositoryError};
use promptgate_projects::ProjectType;
use promptgate_providers::{Alias, InvalidAlias, Provider};
use promptgate_store::UnitOfWork;

pub use create::create;
pub use delete::delete;
pub use find::find;
pub use list::list;
pub use update::update;

/// The constraint that keeps two aliases of a project from having one name.
const NAME_KEY: &str = "aliases_project_id_name_key";

/// An alias, and the name of the provider behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedAlias {
    /// The alias.
    pub alias: Alias,
    /// The provider's name; `None` for a provider that is gone.
    pub provider: Option<String>,
}

/// Why nothing was done about an alias.
#[derive(Debug, thiserror::Error)]
pub enum AliasError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The project does not exist, or was deleted.
    #[error("there is no project {0}")]
    UnknownProject(ProjectId),
    /// The project's type has no model API, so that nobody could use an alias.
    #[error("projects of type {0} have no aliases; ai_wrapper and agent_proxy do")]
    WrongType(ProjectType),
    /// There is none of this id in the project.
    #[error("there is no alias {0} in this project")]
    NotFound(AliasId),
    /// Its provider does not exist.
    #[error("there is no provider {0}")]
    UnknownProvider(ProviderId),
    /// Something about it is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidAlias),
    /// Another alias of the project has the name.
    #[error("another alias of this project has this name; choose another one")]
    NameTaken,
    /// Somebody else changed it at the same time; look at it again.
    #[error("the alias {0} was changed by somebody else")]
    Changed(AliasId),
    /// The store failed.
    #[error(transparent)]
    Store(RepositoryError),
}

impl From<RepositoryError> for AliasError {
    fn from(error: RepositoryError) -> Self {
        if error.is_conflict(NAME_KEY) { Self::NameTaken } else { Self::Store(error) }
    }
}

/// The project, if it can have aliases.
async fn check_project(work: &mut dyn UnitOfWork, id: ProjectId) -> Result<(), AliasError> {
    let project = work.projects().find(id).await?.ok_or(AliasError::UnknownProject(id))?;
    if project.kind.serves_model_api() { Ok(()) } else { Err(AliasError::WrongType(project.kind)) }
}

/// The alias of a project that exists.
async fn load(work: &mut dyn UnitOfWork, project: ProjectId, id: AliasId) -> Result<Alias, AliasError> {
    check_project(work, project).await?;
    let alias = work.aliases().find(id).await?;
    alias.filter(|alias| alias.project_id == project).ok_or(AliasError::NotFound(id))
}

async fn provider(work: &mut dyn UnitOfWork, id: ProviderId) -> Result<Provider, AliasError> {
    work.providers().find(id).await?.ok_or(AliasError::UnknownProvider(id))
}

fn with_name(alias: Alias, provider: Option<&Provider>) -> NamedAlias {
    NamedAlias { alias, provider: provider.map(|provider| provider.name.as_str().to_owned()) }
}
