//! Every provider as a project sees it.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{ProjectId, RepositoryError};
use promptgate_providers::ProjectProvider;
use promptgate_store::{Access, UnitOfWork};
use tracing::instrument;

use super::{EffectiveProvider, ProjectProviderError};
use crate::Control;
use crate::members::actor_in;

/// Every provider as the project sees it, in the project's order.
#[instrument(name = "control.project_providers.list", skip_all, fields(project.id = %project))]
pub async fn list(
    control: &Control,
    actor: Actor,
    project: ProjectId,
) -> Result<Vec<EffectiveProvider>, ProjectProviderError> {
    let mut work = control.store.begin(Access::Read).await?;
    actor_in(&mut *work, actor, project).await?.require_in(project, Permission::ReadProject)?;
    work.projects().find(project).await?.ok_or(ProjectProviderError::UnknownProject(project))?;
    Ok(effective(&mut *work, project).await?)
}

/// Every provider as the project sees it: those with a position first, then by name.
pub(crate) async fn effective(
    work: &mut dyn UnitOfWork,
    project: ProjectId,
) -> Result<Vec<EffectiveProvider>, RepositoryError> {
    let settings = work.project_providers().list(project).await?;
    let mut providers: Vec<_> = work
        .providers()
        .list_all()
        .await?
        .into_iter()
        .map(|provider| {
            let stored = settings.iter().find(|setting| setting.provider_id == provider.id).copied();
            let setting = stored.unwrap_or_else(|| ProjectProvider::unset(project, provider.id));
            EffectiveProvider { provider, setting, is_set: stored.is_some() }
        })
        .collect();
    // Stable: providers come by name.
    providers.sort_by_key(|effective| effective.setting.place());
    Ok(providers)
}
