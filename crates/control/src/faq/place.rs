//! Moving an entry.

use promptgate_auth::{Actor, Permission};
use promptgate_help::{FaqEntry, move_to};
use promptgate_kernel::FaqEntryId;
use promptgate_store::Access;
use tracing::instrument;

use super::FaqError;
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Puts an entry at a place; the others make room.
#[instrument(name = "control.faq.place", skip_all, fields(faq_entry.id = %id))]
pub async fn place(
    control: &Control,
    actor: Actor,
    id: FaqEntryId,
    position: i64,
) -> Result<FaqEntry, FaqError> {
    actor.require(Permission::ManageHelp)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    work.faq().hold_places().await?;
    let entries = work.faq().places().await?;
    let places = move_to(&entries, id, position).ok_or(FaqError::NotFound(id))??;
    let entry = work.faq().find(id).await?.ok_or(FaqError::NotFound(id))?;
    if places.is_empty() {
        return Ok(entry);
    }
    work.faq().place(&places).await?;
    let before = shown::faq_entry(&entry);
    let entry = work.faq().find(id).await?.ok_or(FaqError::NotFound(id))?;
    let event = Entry::of_faq_entry("faq_entry.moved", id).between(&before, &shown::faq_entry(&entry));
    control.audit(&mut *work, actor, event, at).await?;
    work.commit().await?;
    Ok(entry)
}
