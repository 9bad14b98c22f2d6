//! Listing the endpoints of a project.

use promptgate_auth::{Actor, Permission};
use promptgate_endpoints::{Endpoint, EndpointFilter};
use promptgate_kernel::{Page, PageRequest};
use promptgate_store::Access;
use tracing::instrument;

use super::{EndpointError, check_project};
use crate::Control;
use crate::members::actor_in;

/// One page of a project's endpoints.
#[instrument(name = "control.endpoints.list", skip_all, fields(project.id = %filter.project_id))]
pub async fn list(
    control: &Control,
    actor: Actor,
    filter: &EndpointFilter,
    page: PageRequest,
) -> Result<Page<Endpoint>, EndpointError> {
    let mut work = control.store.begin(Access::Read).await?;
    actor_in(&mut *work, actor, filter.project_id)
        .await?
        .require_in(filter.project_id, Permission::ReadProject)?;
    check_project(&mut *work, filter.project_id).await?;
    Ok(work.endpoints().list(filter, page).await?)
}
