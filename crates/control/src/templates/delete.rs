//! Deleting a template.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::TemplateId;
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::TemplateError;
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Deletes a template. Endpoints that named it name none afterwards.
#[instrument(name = "control.templates.delete", skip_all, fields(template.id = %id))]
pub async fn delete(control: &Control, actor: Actor, id: TemplateId) -> Result<(), TemplateError> {
    actor.require(Permission::ManageProviders)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    let template = work.templates().find(id).await?.ok_or(TemplateError::NotFound(id))?;
    if !work.templates().remove(id).await? {
        return Err(TemplateError::NotFound(id));
    }
    let entry = Entry::of_template("provider_template.deleted", id).gone(&shown::template(&template));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Template(id), at).await?;
    control.commit(work, revision).await?;
    Ok(())
}
