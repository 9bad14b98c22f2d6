//! Looking at the audit log.

use std::collections::HashMap;

use promptgate_audit::{Chained, EventFilter};
use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{AccountId, Page, PageRequest, RepositoryError, SortDirection};
use promptgate_store::{Access, UnitOfWork};
use tracing::instrument;

use crate::Control;

/// Why the log is not shown.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// A row, and what its actor is called.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedEvent {
    /// The row.
    pub row: Chained,
    /// The name of the key, as it was then; of a person the user name, as it is now. Somebody who was
    /// deleted has none.
    pub actor_label: Option<String>,
}

/// One page of the wanted events, by their place in the log.
#[instrument(name = "control.audit.list", skip_all)]
pub async fn list(
    control: &Control,
    actor: Actor,
    filter: &EventFilter,
    direction: SortDirection,
    page: PageRequest,
) -> Result<Page<ListedEvent>, AuditError> {
    actor.require(Permission::ReadAudit)?;
    let mut work = control.store.begin(Access::Read).await?;
    let Page { items, request, total } = work.audit().list(filter, direction, page).await?;
    let items = labelled(&mut *work, items).await?;
    Ok(Page { items, request, total })
}

/// Up to `limit` of the wanted events after a position, in order; for whoever wants all of them.
#[instrument(name = "control.audit.list_after", skip_all)]
pub async fn list_after(
    control: &Control,
    actor: Actor,
    filter: &EventFilter,
    position: i64,
    limit: u32,
) -> Result<Vec<ListedEvent>, AuditError> {
    actor.require(Permission::ReadAudit)?;
    let mut work = control.store.begin(Access::Read).await?;
    let rows = work.audit().list_wanted_after(filter, position, limit).await?;
    Ok(labelled(&mut *work, rows).await?)
}

async fn labelled(
    work: &mut dyn UnitOfWork,
    rows: Vec<Chained>,
) -> Result<Vec<ListedEvent>, RepositoryError> {
    let mut known: HashMap<AccountId, Option<String>> = HashMap::new();
    let mut listed = Vec::with_capacity(rows.len());
    for row in rows {
        let actor = &row.event.actor;
        let person = actor.id.as_deref().filter(|_| actor.kind == "account").and_then(|id| id.parse().ok());
        let actor_label = match (&actor.label, person) {
            (Some(label), _) => Some(label.clone()),
            (None, None) => None,
            (None, Some(id)) => {
                if let Some(label) = known.get(&id) {
                    label.clone()
                } else {
                    let label = work.accounts().find(id).await?.map(|account| account.username);
                    known.insert(id, label.clone());
                    label
                }
            }
        };
        listed.push(ListedEvent { row, actor_label });
    }
    Ok(listed)
}
