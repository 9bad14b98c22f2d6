//! Changing an alias.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{AliasId, ProjectId};
use promptgate_providers::AliasChanges;
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::{AliasError, NamedAlias, load, provider, with_name};
use crate::Control;
use crate::journal::{Entry, named};
use crate::members::actor_in;
use crate::shown;

/// Applies changes to an alias. Changes that name nothing are not recorded.
#[instrument(name = "control.aliases.update", skip_all, fields(project.id = %project, alias.id = %id))]
pub async fn update(
    control: &Control,
    actor: Actor,
    project: ProjectId,
    id: AliasId,
    changes: AliasChanges,
) -> Result<NamedAlias, AliasError> {
    let at = control.clock.now();
    let fields = fields(&changes);
    let mut work = control.store.begin(Access::Write).await?;
    actor_in(&mut *work, actor, project).await?.require_in(project, Permission::ManageEndpoints)?;
    let alias = load(&mut *work, project, id).await?;
    if fields.is_empty() {
        let provider = work.providers().find(alias.provider_id).await?;
        return Ok(with_name(alias, provider.as_ref()));
    }
    let before = shown::alias(&alias);
    let alias = alias.change(changes, at)?;
    let provider = provider(&mut *work, alias.provider_id).await?;
    if !work.aliases().save(&alias).await? {
        return Err(AliasError::Changed(id));
    }
    let entry = Entry::of_alias("alias.updated", &alias)
        .detail("fields", fields)
        .between(&before, &shown::alias(&alias));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Project(project), at).await?;
    control.commit(work, revision).await?;
    Ok(with_name(alias, Some(&provider)))
}

fn fields(changes: &AliasChanges) -> String {
    named([
        ("name", changes.name.is_some()),
        ("providerId", changes.provider_id.is_some()),
        ("model", changes.model.is_some()),
        ("description", changes.description.is_some()),
        ("systemPrompt", changes.system_prompt.is_some()),
        ("temperature", changes.temperature.is_some()),
        ("topP", changes.top_p.is_some()),
        ("maxTokens", changes.max_tokens.is_some()),
    ])
}
