//! Replacing the secret of a credential.

use std::time::Duration;

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{CredentialId, SecretString};
use promptgate_providers::Credential;
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::CredentialError;
use crate::Control;
use crate::journal::Entry;

/// What takes the place of a secret.
#[derive(Debug, Clone)]
pub struct RotateCredential {
    /// The new secret.
    pub secret: SecretString,
    /// For how long the secret of today goes on serving where the new one is refused.
    pub overlap: Duration,
}

/// Puts another secret in place of the one of today. Whatever uses the credential goes on.
#[instrument(name = "control.credentials.rotate", skip_all, fields(credential.id = %id))]
pub async fn rotate(
    control: &Control,
    actor: Actor,
    id: CredentialId,
    command: RotateCredential,
) -> Result<Credential, CredentialError> {
    actor.require(Permission::ManageProviders)?;
    let at = control.clock.now();
    let RotateCredential { secret, overlap } = command;
    let mut work = control.store.begin(Access::Write).await?;
    let credential = work.credentials().find(id).await?.ok_or(CredentialError::NotFound(id))?;
    let credential = credential.rotate(&secret, overlap, &control.keys, &*control.entropy, at)?;
    if !work.credentials().save(&credential).await? {
        return Err(CredentialError::Changed(id));
    }
    let entry = Entry::of_credential("credential.rotated", &credential)
        .detail("overlapSeconds", overlap.as_secs().to_string());
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Provider(credential.provider_id), at).await?;
    control.commit(work, revision).await?;
    Ok(credential)
}
