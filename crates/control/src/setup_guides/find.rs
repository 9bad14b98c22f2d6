//! Looking at one guide.

use promptgate_auth::{Actor, Permission};
use promptgate_help::SetupGuide;
use promptgate_kernel::SetupGuideId;
use promptgate_store::Access;
use tracing::instrument;

use super::SetupGuideError;
use crate::Control;

/// The guide with this id.
#[instrument(name = "control.setup_guides.find", skip_all, fields(setup_guide.id = %id))]
pub async fn find(control: &Control, actor: Actor, id: SetupGuideId) -> Result<SetupGuide, SetupGuideError> {
    actor.require(Permission::ManageHelp)?;
    let mut work = control.store.begin(Access::Read).await?;
    work.setup_guides().find(id).await?.ok_or(SetupGuideError::NotFound(id))
}
