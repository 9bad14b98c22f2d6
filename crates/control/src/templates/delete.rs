//! Deleting a template.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::TemplateId;
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::TemplateError;
use crate::Control;
use crate::journal::Entry;

/// Deletes a template. Endpoints that named it name none afterwards.
#[instrument(name = "control.templates.delete", skip_all, fields(template.id = %id))]
pub async fn delete(control: &Control, actor: Actor, id: TemplateId) -> Result<(), TemplateError> {
    actor.require(Permission::ManageProviders)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    if !work.templates().remove(id).await? {
        return Err(TemplateError::NotFound(id));
    }
    control.audit(&mut *work, actor, Entry::of_template("provider_template.deleted", id), at).await?;
    let revision = work.changes().record(Change::Template(id), at).await?;
    control.commit(work, revision).await?;
    Ok(())
}
