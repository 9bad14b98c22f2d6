//! Changing an entry.

use promptgate_auth::{Actor, Permission};
use promptgate_help::{FaqChanges, FaqEntry};
use promptgate_kernel::FaqEntryId;
use promptgate_store::Access;
use tracing::instrument;

use super::FaqError;
use crate::Control;
use crate::journal::{Entry, named, update_action};
use crate::shown;

const ACTIONS: [&str; 3] = ["faq_entry.updated", "faq_entry.published", "faq_entry.withdrawn"];

/// Applies changes to an entry. Changes that name nothing are not recorded.
#[instrument(name = "control.faq.update", skip_all, fields(faq_entry.id = %id))]
pub async fn update(
    control: &Control,
    actor: Actor,
    id: FaqEntryId,
    changes: FaqChanges,
) -> Result<FaqEntry, FaqError> {
    actor.require(Permission::ManageHelp)?;
    let at = control.clock.now();
    let fields = named([
        ("question", changes.question.is_some()),
        ("answer", changes.answer.is_some()),
        ("published", changes.published.is_some()),
    ]);
    let action = update_action(&fields, "published", changes.published, ACTIONS);
    let mut work = control.store.begin(Access::Write).await?;
    let entry = work.faq().find(id).await?.ok_or(FaqError::NotFound(id))?;
    if fields.is_empty() {
        return Ok(entry);
    }
    let before = shown::faq_entry(&entry);
    let entry = entry.change(&changes, at)?;
    if !work.faq().save(&entry).await? {
        return Err(FaqError::Changed(id));
    }
    let event =
        Entry::of_faq_entry(action, id).detail("fields", fields).between(&before, &shown::faq_entry(&entry));
    control.audit(&mut *work, actor, event, at).await?;
    // A move may have come in between; it is no change of the text.
    let entry = work.faq().find(id).await?.ok_or(FaqError::NotFound(id))?;
    work.commit().await?;
    Ok(entry)
}
