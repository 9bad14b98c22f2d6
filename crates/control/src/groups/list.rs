//! Listing groups.

use promptgate_access::GroupFilter;
use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{Page, PageRequest};
use promptgate_store::Access;
use tracing::instrument;

use super::{DescribedGroup, GroupError, described};
use crate::Control;

/// One page of groups.
#[instrument(name = "control.groups.list", skip_all)]
pub async fn list(
    control: &Control,
    actor: Actor,
    filter: &GroupFilter,
    page: PageRequest,
) -> Result<Page<DescribedGroup>, GroupError> {
    actor.require(Permission::ManageGroups)?;
    let mut work = control.store.begin(Access::Read).await?;
    let Page { items, request, total } = work.groups().list(filter, page).await?;
    let items = described(&mut *work, items).await?;
    Ok(Page { items, request, total })
}
