//! Which tokens a project has.

use promptgate_auth::Permission;
use promptgate_kernel::{Page, PageRequest, ProjectId, SortDirection};
use promptgate_store::Access;
use promptgate_tokens::{Token, TokenFilter, TokenSort};
use tracing::instrument;

use super::{Caller, IntrospectionError};
use crate::Control;

/// How many tokens are shown at most; the list has no pages.
pub const TOKENS_SHOWN: u32 = 1_000;

/// The tokens of the caller's project, newest first, at most [`TOKENS_SHOWN`]; `total` says how
/// many there are.
#[instrument(name = "control.introspection.tokens", skip_all, fields(project.id = %caller.project.id))]
pub async fn tokens(control: &Control, caller: &Caller) -> Result<Page<Token>, IntrospectionError> {
    caller.actor().require_in(caller.project.id, Permission::ReadProject)?;
    let filter = filter(caller.project.id);
    let mut work = control.store.begin(Access::Read).await?;
    let size = PageRequest::MAX_SIZE;
    let mut shown = work.tokens().list(&filter, PageRequest::clamped(1, size)).await?;
    for page in 2..=TOKENS_SHOWN / size {
        if shown.items.len() as u64 >= shown.total {
            break;
        }
        let next = work.tokens().list(&filter, PageRequest::clamped(page, size)).await?;
        shown.items.extend(next.items);
    }
    Ok(shown)
}

pub(super) const fn filter(project_id: ProjectId) -> TokenFilter {
    TokenFilter {
        project_id,
        include_revoked: true,
        sort: TokenSort::CreatedAt,
        direction: SortDirection::Descending,
    }
}
