//! Looking at one call.

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{CallId, RepositoryError};
use promptgate_store::Access;
use promptgate_usage::{CallContent, UsageEvent};
use tracing::instrument;

use crate::Control;
use crate::members::actor_in;

/// A call, and what was said in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Its record.
    pub event: UsageEvent,
    /// What was said; `None` when it was not kept, or not kept for so long.
    pub content: Option<CallContent>,
}

/// Why a call is not shown.
#[derive(Debug, thiserror::Error)]
pub enum FindCallError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none.
    #[error("there is no call {0}")]
    NotFound(CallId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// The call with this id.
#[instrument(name = "control.calls.find", skip_all, fields(call.id = %id))]
pub async fn find(control: &Control, actor: Actor, id: CallId) -> Result<Call, FindCallError> {
    let mut work = control.store.begin(Access::Read).await?;
    let event = work.usage().find(id).await?.ok_or(FindCallError::NotFound(id))?;
    actor_in(&mut *work, actor, event.project_id)
        .await?
        .require_in(event.project_id, Permission::ReadContents)?;
    let content = work.call_contents().find(id).await?;
    Ok(Call { event, content })
}
