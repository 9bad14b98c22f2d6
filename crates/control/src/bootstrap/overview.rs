//! What is there, for the lines that a start prints.

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{PageRequest, RepositoryError, Revision, SortDirection};
use promptgate_projects::Project;
use promptgate_providers::Provider;
use promptgate_store::{Access, UnitOfWork};
use promptgate_tokens::{Token, TokenFilter, TokenSort};
use tracing::instrument;

use crate::Control;

/// What is there. No secrets: they are shown once, when they are made.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// The oldest active project with the model API, else the oldest of any kind.
    pub project: Option<Project>,
    /// The oldest token of that project that works, to recognise it by.
    pub token: Option<Token>,
    /// Every provider, by name.
    pub providers: Vec<Provider>,
    /// The latest revision.
    pub revision: Revision,
}

/// Why there is no overview.
#[derive(Debug, thiserror::Error)]
pub enum OverviewError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// Looks at what is there.
#[instrument(name = "control.bootstrap.overview", skip_all)]
pub async fn overview(control: &Control, actor: Actor) -> Result<Overview, OverviewError> {
    actor.require(Permission::ManageProjects)?;
    let mut work = control.store.begin(Access::Read).await?;
    let projects = work.projects().list_all().await?;
    // Ids sort by age.
    let usable = projects.iter().find(|project| project.active && project.kind.serves_model_api());
    let project = usable.or(projects.first()).cloned();
    let token = match &project {
        Some(project) => first_usable_token(control, &mut *work, project).await?,
        None => None,
    };
    let providers = work.providers().list_all().await?;
    let revision = work.changes().revision().await?;
    Ok(Overview { project, token, providers, revision })
}

async fn first_usable_token(
    control: &Control,
    work: &mut dyn UnitOfWork,
    project: &Project,
) -> Result<Option<Token>, RepositoryError> {
    let filter = TokenFilter {
        project_id: project.id,
        include_revoked: false,
        sort: TokenSort::CreatedAt,
        direction: SortDirection::Ascending,
    };
    let page = work.tokens().list(&filter, PageRequest::clamped(1, PageRequest::MAX_SIZE)).await?;
    let now = control.clock.now();
    Ok(page.items.into_iter().find(|token| token.usable(now).is_ok()))
}
