//! Looking at a dead letter.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::CallId;
use promptgate_store::Access;
use promptgate_usage::DeadLetter;
use tracing::instrument;

use super::DeadLetterError;
use crate::Control;

/// The dead letter of a call.
#[instrument(name = "control.dead_letters.find", skip_all, fields(call.id = %id))]
pub async fn find(control: &Control, actor: Actor, id: CallId) -> Result<DeadLetter, DeadLetterError> {
    actor.require(Permission::ManageJobs)?;
    let mut work = control.store.begin(Access::Read).await?;
    work.dead_letters().find(id).await?.ok_or(DeadLetterError::NotFound(id))
}
