//! Changing a template.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::TemplateId;
use promptgate_providers::{Template, TemplateChanges};
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::{TemplateError, check_references};
use crate::Control;
use crate::journal::{Entry, named, update_action};
use crate::shown;

const ACTIONS: [&str; 3] =
    ["provider_template.updated", "provider_template.activated", "provider_template.deactivated"];

/// Applies changes to a template. They act at once on every endpoint that uses it. Changes that name nothing are not recorded.
#[instrument(name = "control.templates.update", skip_all, fields(template.id = %id))]
pub async fn update(
    control: &Control,
    actor: Actor,
    id: TemplateId,
    changes: TemplateChanges,
) -> Result<Template, TemplateError> {
    actor.require(Permission::ManageProviders)?;
    let at = control.clock.now();
    let fields = fields(&changes);
    let action = update_action(&fields, "isActive", changes.active, ACTIONS);
    let mut work = control.store.begin(Access::Write).await?;
    let template = work.templates().find(id).await?.ok_or(TemplateError::NotFound(id))?;
    if fields.is_empty() {
        return Ok(template);
    }
    let before = shown::template(&template);
    let template = template.change(changes, at)?;
    check_references(&mut *work, &template).await?;
    if !work.templates().save(&template).await? {
        return Err(TemplateError::Changed(id));
    }
    let entry =
        Entry::of_template(action, id).detail("fields", fields).between(&before, &shown::template(&template));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Template(id), at).await?;
    control.commit(work, revision).await?;
    Ok(template)
}

fn fields(changes: &TemplateChanges) -> String {
    named([
        ("name", changes.name.is_some()),
        ("slug", changes.slug.is_some()),
        ("description", changes.description.is_some()),
        ("tags", changes.tags.is_some()),
        ("providerId", changes.provider_id.is_some()),
        ("model", changes.model.is_some()),
        ("credentialId", changes.credential_id.is_some()),
        ("temperature", changes.temperature.is_some()),
        ("topP", changes.top_p.is_some()),
        ("maxOutputTokens", changes.max_output_tokens.is_some()),
        ("isActive", changes.active.is_some()),
    ])
}
