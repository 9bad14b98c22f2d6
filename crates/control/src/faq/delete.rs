//! Deleting an entry.

use promptgate_auth::{Actor, Permission};
use promptgate_help::close_gaps;
use promptgate_kernel::FaqEntryId;
use promptgate_store::Access;
use tracing::instrument;

use super::FaqError;
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Deletes an entry; those behind it move up.
#[instrument(name = "control.faq.delete", skip_all, fields(faq_entry.id = %id))]
pub async fn delete(control: &Control, actor: Actor, id: FaqEntryId) -> Result<(), FaqError> {
    actor.require(Permission::ManageHelp)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    work.faq().hold_places().await?;
    let entry = work.faq().find(id).await?.ok_or(FaqError::NotFound(id))?;
    if !work.faq().remove(id).await? {
        return Err(FaqError::NotFound(id));
    }
    let places = close_gaps(&work.faq().places().await?);
    work.faq().place(&places).await?;
    let event = Entry::of_faq_entry("faq_entry.deleted", id).gone(&shown::faq_entry(&entry));
    control.audit(&mut *work, actor, event, at).await?;
    work.commit().await?;
    Ok(())
}
