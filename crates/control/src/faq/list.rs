//! Listing entries.

use promptgate_auth::{Actor, Permission};
use promptgate_help::{FaqEntry, FaqFilter};
use promptgate_kernel::{Page, PageRequest};
use promptgate_store::Access;
use tracing::instrument;

use super::FaqError;
use crate::Control;

/// One page of entries.
#[instrument(name = "control.faq.list", skip_all)]
pub async fn list(
    control: &Control,
    actor: Actor,
    filter: &FaqFilter,
    page: PageRequest,
) -> Result<Page<FaqEntry>, FaqError> {
    actor.require(Permission::ManageHelp)?;
    let mut work = control.store.begin(Access::Read).await?;
    Ok(work.faq().list(filter, page).await?)
}
