//! Looking at one entry.

use promptgate_auth::{Actor, Permission};
use promptgate_help::FaqEntry;
use promptgate_kernel::FaqEntryId;
use promptgate_store::Access;
use tracing::instrument;

use super::FaqError;
use crate::Control;

/// The entry with this id.
#[instrument(name = "control.faq.find", skip_all, fields(faq_entry.id = %id))]
pub async fn find(control: &Control, actor: Actor, id: FaqEntryId) -> Result<FaqEntry, FaqError> {
    actor.require(Permission::ManageHelp)?;
    let mut work = control.store.begin(Access::Read).await?;
    work.faq().find(id).await?.ok_or(FaqError::NotFound(id))
}
