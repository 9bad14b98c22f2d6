//! Listing guides.

use promptgate_auth::{Actor, Permission};
use promptgate_help::SetupGuide;
use promptgate_store::Access;
use tracing::instrument;

use super::SetupGuideError;
use crate::Control;

/// Every guide, by position, then title.
#[instrument(name = "control.setup_guides.list", skip_all)]
pub async fn list(control: &Control, actor: Actor) -> Result<Vec<SetupGuide>, SetupGuideError> {
    actor.require(Permission::ManageHelp)?;
    let mut work = control.store.begin(Access::Read).await?;
    Ok(work.setup_guides().list().await?)
}
