//! Listing keys.

use promptgate_auth::{Actor, AdminKeyFilter, Permission, StoredAdminKey};
use promptgate_kernel::{Page, PageRequest};
use promptgate_store::Access;
use tracing::instrument;

use super::AdminKeyError;
use crate::Control;

/// One page of keys, those that serve no more too.
#[instrument(name = "control.admin_keys.list", skip_all)]
pub async fn list(
    control: &Control,
    actor: Actor,
    filter: &AdminKeyFilter,
    page: PageRequest,
) -> Result<Page<StoredAdminKey>, AdminKeyError> {
    actor.require(Permission::ManageAdminKeys)?;
    let mut work = control.store.begin(Access::Read).await?;
    Ok(work.admin_keys().list(filter, page).await?)
}
