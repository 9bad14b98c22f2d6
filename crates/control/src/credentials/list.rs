//! Listing credentials.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{Page, PageRequest};
use promptgate_providers::{CredentialFilter, ListedCredential};
use promptgate_store::Access;
use tracing::instrument;

use super::CredentialError;
use crate::Control;

/// One page of credentials, with how much depends on each.
#[instrument(name = "control.credentials.list", skip_all)]
pub async fn list(
    control: &Control,
    actor: Actor,
    filter: &CredentialFilter,
    page: PageRequest,
) -> Result<Page<ListedCredential>, CredentialError> {
    actor.require(Permission::ManageProviders)?;
    let mut work = control.store.begin(Access::Read).await?;
    Ok(work.credentials().list(filter, page).await?)
}
