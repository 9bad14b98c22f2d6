//! Saying what a project does with a provider.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{CredentialId, ProjectId, ProviderId};
use promptgate_providers::ProjectProvider;
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::{EffectiveProvider, ProjectProviderError, stored};
use crate::Control;
use crate::journal::Entry;
use crate::members::actor_in;
use crate::shown;

/// What a project is to do with a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetProvider {
    /// Whether the project may use it.
    pub enabled: bool,
    /// The one credential that the project's calls use.
    pub credential_id: Option<CredentialId>,
    /// Its place in the project's order.
    pub position: Option<u32>,
}

/// Stores what a project does with a provider, in place of what it did.
#[instrument(name = "control.project_providers.save", skip_all,
    fields(project.id = %project, provider.id = %provider))]
pub async fn save(
    control: &Control,
    actor: Actor,
    project: ProjectId,
    provider: ProviderId,
    command: SetProvider,
) -> Result<EffectiveProvider, ProjectProviderError> {
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    actor_in(&mut *work, actor, project).await?.require_in(project, Permission::ConfigureProject)?;
    work.projects().find(project).await?.ok_or(ProjectProviderError::UnknownProject(project))?;
    let found = work.providers().find(provider).await?;
    let found = found.ok_or(ProjectProviderError::UnknownProvider(provider))?;
    if let Some(id) = command.credential_id {
        let credential = work.credentials().find(id).await?;
        let credential = credential.ok_or(ProjectProviderError::UnknownCredential(id))?;
        if credential.provider_id != provider {
            return Err(ProjectProviderError::ForeignCredential(id));
        }
    }
    let SetProvider { enabled, credential_id, position } = command;
    let setting =
        ProjectProvider { project_id: project, provider_id: provider, enabled, credential_id, position };
    let before = stored(&mut *work, project, provider).await?;
    work.project_providers().save(&setting).await?;
    let entry = Entry::of_project_provider("provider_setting.updated", project, provider)
        .between(&before, &shown::project_provider(&setting));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Project(project), at).await?;
    control.commit(work, revision).await?;
    Ok(EffectiveProvider { provider: found, setting, is_set: true })
}
