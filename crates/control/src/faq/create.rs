//! Writing an entry.

use promptgate_auth::{Actor, Permission};
use promptgate_help::{FaqEntry, NewFaqEntry};
use promptgate_kernel::FaqEntryId;
use promptgate_store::Access;
use tracing::instrument;

use super::FaqError;
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Puts an entry behind all others.
#[instrument(name = "control.faq.create", skip_all)]
pub async fn create(control: &Control, actor: Actor, new: NewFaqEntry) -> Result<FaqEntry, FaqError> {
    actor.require(Permission::ManageHelp)?;
    let at = control.clock.now();
    let id = FaqEntryId::mint(&*control.clock, &*control.entropy);
    let mut work = control.store.begin(Access::Write).await?;
    work.faq().hold_places().await?;
    let next = work.faq().places().await?.last().map_or(0, |(_, position)| position + 1);
    let entry = FaqEntry::create(id, &new, next, at)?;
    work.faq().insert(&entry).await?;
    let event = Entry::of_faq_entry("faq_entry.created", id).made(&shown::faq_entry(&entry));
    control.audit(&mut *work, actor, event, at).await?;
    work.commit().await?;
    Ok(entry)
}
