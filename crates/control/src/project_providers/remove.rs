//! Forgetting what a project does with a provider.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{ProjectId, ProviderId};
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::{ProjectProviderError, stored};
use crate::Control;
use crate::journal::Entry;
use crate::members::actor_in;

/// Removes a project's setting of a provider, so that the defaults count. Removing one that is not
/// there changes and records nothing.
#[instrument(name = "control.project_providers.remove", skip_all,
    fields(project.id = %project, provider.id = %provider))]
pub async fn remove(
    control: &Control,
    actor: Actor,
    project: ProjectId,
    provider: ProviderId,
) -> Result<(), ProjectProviderError> {
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    actor_in(&mut *work, actor, project).await?.require_in(project, Permission::ConfigureProject)?;
    work.projects().find(project).await?.ok_or(ProjectProviderError::UnknownProject(project))?;
    work.providers().find(provider).await?.ok_or(ProjectProviderError::UnknownProvider(provider))?;
    let before = stored(&mut *work, project, provider).await?;
    if !work.project_providers().remove(project, provider).await? {
        return Ok(());
    }
    let entry = Entry::of_project_provider("provider_setting.removed", project, provider).gone(&before);
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Project(project), at).await?;
    control.commit(work, revision).await?;
    Ok(())
}
