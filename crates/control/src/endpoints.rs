//! AI endpoints: create, find, list, change, switch and delete them, with their versions.

mod cache;
mod catalogue;
mod create;
mod delete;
mod failover;
mod find;
mod list;
mod runner;
mod switch;
mod update;
mod versions;

use promptgate_auth::Forbidden;
use promptgate_endpoints::{Endpoint, FieldErrors, RestoreError};
use promptgate_kernel::{EndpointId, ProjectId, RepositoryError};
use promptgate_projects::{Project, ProjectType};
use promptgate_store::UnitOfWork;

pub use cache::purge_cache;
pub use create::create;
pub use delete::delete;
pub(crate) use failover::{forget_credential, forget_provider};
pub use find::find;
pub use list::list;
pub use runner::{EndpointRunner, RunRequest, RunResult, RunSource};
pub use switch::switch;
pub use update::{amend, replace};
pub use versions::{Differences, Range, diff, restore, version, versions};

/// The constraint that keeps two endpoints of a project from having one slug.
const SLUG_KEY: &str = "endpoints_project_id_slug_key";

/// Which endpoint is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndpointAddress {
    /// The project it must belong to.
    pub project: ProjectId,
    /// Its id.
    pub id: EndpointId,
}

/// Why nothing was done about an endpoint.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The project does not exist, or was deleted.
    #[error("there is no project {0}")]
    UnknownProject(ProjectId),
    /// The project's type has no AI endpoints.
    #[error("projects of type {0} have no AI endpoints; ai_gateway has")]
    WrongType(ProjectType),
    /// There is none of this id in the project.
    #[error("there is no endpoint {0} in this project")]
    NotFound(EndpointId),
    /// It has no such version.
    #[error("the endpoint has no version {0}")]
    UnknownVersion(u32),
    /// Things about it are wrong.
    #[error(transparent)]
    Invalid(#[from] FieldErrors),
    /// The version cannot be restored.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// Another endpoint of the project has the slug.
    #[error("another endpoint of this project has this slug; choose another one")]
    SlugTaken,
    /// Somebody else changed it at the same time; look at it again.
    #[error("the endpoint {0} was changed by somebody else")]
    Changed(EndpointId),
    /// The store failed.
    #[error(transparent)]
    Store(RepositoryError),
}

impl From<RepositoryError> for EndpointError {
    fn from(error: RepositoryError) -> Self {
        if error.is_conflict(SLUG_KEY) { Self::SlugTaken } else { Self::Store(error) }
    }
}

/// The project, if it can have AI endpoints.
async fn check_project(work: &mut dyn UnitOfWork, id: ProjectId) -> Result<Project, EndpointError> {
    let project = work.projects().find(id).await?.ok_or(EndpointError::UnknownProject(id))?;
    match project.kind {
        ProjectType::AiGateway => Ok(project),
        kind @ (ProjectType::AiWrapper
        | ProjectType::AgentProxy
        | ProjectType::ApiGateway
        | ProjectType::McpGateway) => Err(EndpointError::WrongType(kind)),
    }
}

/// The endpoint at an address, on or off.
pub(crate) async fn load(
    work: &mut dyn UnitOfWork,
    address: EndpointAddress,
) -> Result<Endpoint, EndpointError> {
    check_project(work, address.project).await?;
    let endpoint = work.endpoints().find(address.id).await?;
    endpoint
        .filter(|endpoint| endpoint.project_id == address.project)
        .ok_or(EndpointError::NotFound(address.id))
}
