//! Deleting a credential.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::CredentialId;
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::CredentialError;
use crate::Control;
use crate::endpoints::forget_credential;
use crate::journal::Entry;
use crate::shown;

/// Deletes a credential. Endpoints, their failover lists, templates and projects that named it name
/// none afterwards, which leaves the choice to the provider's other credentials.
#[instrument(name = "control.credentials.delete", skip_all, fields(credential.id = %id))]
pub async fn delete(control: &Control, actor: Actor, id: CredentialId) -> Result<(), CredentialError> {
    actor.require(Permission::ManageProviders)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    let credential = work.credentials().find(id).await?.ok_or(CredentialError::NotFound(id))?;
    let endpoints = forget_credential(&mut *work, &credential, at).await?;
    if !work.credentials().remove(id).await? {
        return Err(CredentialError::NotFound(id));
    }
    let entry = Entry::of_credential("credential.deleted", &credential).gone(&shown::credential(&credential));
    control.audit(&mut *work, actor, entry, at).await?;
    for endpoint in endpoints {
        work.changes().record(Change::Endpoint(endpoint), at).await?;
    }
    let revision = work.changes().record(Change::Provider(credential.provider_id), at).await?;
    control.commit(work, revision).await?;
    Ok(())
}
