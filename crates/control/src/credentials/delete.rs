//! Deleting a credential.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::CredentialId;
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::CredentialError;
use crate::Control;
use crate::journal::Entry;

/// Deletes a credential. Endpoints, templates and projects that named it name none afterwards, which
/// leaves the choice to the provider's other credentials.
#[instrument(name = "control.credentials.delete", skip_all, fields(credential.id = %id))]
pub async fn delete(control: &Control, actor: Actor, id: CredentialId) -> Result<(), CredentialError> {
    actor.require(Permission::ManageProviders)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    let credential = work.credentials().find(id).await?.ok_or(CredentialError::NotFound(id))?;
    work.credentials().remove(id).await?;
    let entry = Entry::of_credential("credential.deleted", &credential);
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Provider(credential.provider_id), at).await?;
    control.commit(work, revision).await?;
    Ok(())
}
