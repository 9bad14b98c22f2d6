//! Adding a credential to a provider.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::CredentialId;
use promptgate_providers::{Credential, NewCredential};
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::CredentialError;
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Seals a secret and keeps it as one more credential of its provider.
#[instrument(name = "control.credentials.create", skip_all, fields(provider.id = %new.provider_id))]
pub async fn create(
    control: &Control,
    actor: Actor,
    new: NewCredential,
) -> Result<Credential, CredentialError> {
    actor.require(Permission::ManageProviders)?;
    let at = control.clock.now();
    let id = CredentialId::mint(&*control.clock, &*control.entropy);
    let credential = Credential::create(id, &new, &control.keys, &*control.entropy, at)?;
    let mut work = control.store.begin(Access::Write).await?;
    let provider = new.provider_id;
    work.providers().find(provider).await?.ok_or(CredentialError::UnknownProvider(provider))?;
    work.credentials().insert(&credential).await?;
    let entry = Entry::of_credential("credential.created", &credential).made(&shown::credential(&credential));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Provider(provider), at).await?;
    control.commit(work, revision).await?;
    Ok(credential)
}
