//! Paging through the log of calls.

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::RepositoryError;
use promptgate_store::Access;
use promptgate_usage::{CallFilter, Cursor, UsageEvent};
use tracing::instrument;

use crate::Control;
use crate::members::actor_in;

/// The most calls of one page.
pub const MAX_PAGE: u32 = 200;

/// One page of the log, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct CallPage {
    /// The calls.
    pub calls: Vec<UsageEvent>,
    /// Where the next page begins; `None` when there is none.
    pub next: Option<Cursor>,
}

/// Why calls are not listed.
#[derive(Debug, thiserror::Error)]
pub enum ListCallsError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// The calls behind a place in the log, at most [`MAX_PAGE`].
#[instrument(name = "control.calls.list", skip_all)]
pub async fn list(
    control: &Control,
    actor: Actor,
    filter: &CallFilter,
    after: Option<Cursor>,
    limit: u32,
) -> Result<CallPage, ListCallsError> {
    let limit = limit.clamp(1, MAX_PAGE);
    let mut work = control.store.begin(Access::Read).await?;
    match filter.project {
        Some(project) => {
            actor_in(&mut *work, actor, project).await?.require_in(project, Permission::ReadUsage)?;
        }
        None => actor.require(Permission::ReadUsage)?,
    }
    // One more than wanted tells whether there is a next page.
    let mut calls = work.usage().page(filter, after, limit + 1).await?;
    let more = calls.len() > limit as usize;
    calls.truncate(limit as usize);
    let next = if more { calls.last().map(Cursor::behind) } else { None };
    Ok(CallPage { calls, next })
}
