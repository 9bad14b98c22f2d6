//! Listing dead letters.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{Page, PageRequest};
use promptgate_store::Access;
use promptgate_usage::{DeadLetter, DeadLetterFilter};
use tracing::instrument;

use super::DeadLetterError;
use crate::Control;

/// One page of dead letters, those that were tried last first.
#[instrument(name = "control.dead_letters.list", skip_all)]
pub async fn list(
    control: &Control,
    actor: Actor,
    filter: DeadLetterFilter,
    page: PageRequest,
) -> Result<Page<DeadLetter>, DeadLetterError> {
    actor.require(Permission::ManageJobs)?;
    let mut work = control.store.begin(Access::Read).await?;
    Ok(work.dead_letters().list(filter, page).await?)
}
