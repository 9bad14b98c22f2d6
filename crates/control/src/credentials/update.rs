//! Changing a credential without touching its secret.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::CredentialId;
use promptgate_providers::{Credential, CredentialChanges};
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::CredentialError;
use crate::Control;
use crate::journal::{Entry, named, update_action};
use crate::shown;

const ACTIONS: [&str; 3] = ["credential.updated", "credential.activated", "credential.deactivated"];

/// Applies changes to a credential. Changes that name nothing are not recorded.
#[instrument(name = "control.credentials.update", skip_all, fields(credential.id = %id))]
pub async fn update(
    control: &Control,
    actor: Actor,
    id: CredentialId,
    changes: CredentialChanges,
) -> Result<Credential, CredentialError> {
    actor.require(Permission::ManageProviders)?;
    let at = control.clock.now();
    let fields = named([
        ("name", changes.name.is_some()),
        ("weight", changes.weight.is_some()),
        ("isActive", changes.active.is_some()),
    ]);
    let action = update_action(&fields, "isActive", changes.active, ACTIONS);
    let mut work = control.store.begin(Access::Write).await?;
    let credential = work.credentials().find(id).await?.ok_or(CredentialError::NotFound(id))?;
    if fields.is_empty() {
        return Ok(credential);
    }
    let before = shown::credential(&credential);
    let credential = credential.change(changes, at)?;
    if !work.credentials().save(&credential).await? {
        return Err(CredentialError::Changed(id));
    }
    let entry = Entry::of_credential(action, &credential)
        .detail("fields", fields)
        .between(&before, &shown::credential(&credential));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Provider(credential.provider_id), at).await?;
    control.commit(work, revision).await?;
    Ok(credential)
}
