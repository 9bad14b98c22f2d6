//! Hashing passwords, beside the threads that serve requests.

use promptgate_auth::{PasswordHash, WeakPassword};
use promptgate_kernel::{RepositoryError, SecretString};

use crate::Control;

/// Why there is no hash.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HashError {
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// Whether `password` is the one behind `hash`; the same work without one.
pub(crate) async fn verify(
    control: &Control,
    password: &SecretString,
    hash: Option<&PasswordHash>,
) -> Result<bool, RepositoryError> {
    let hasher = control.sign_in.hasher.clone();
    let (password, hash) = (password.clone(), hash.cloned());
    beside(control, move || hasher.verify(&password, hash.as_ref())).await
}

/// Hashes a new password.
pub(crate) async fn hash(control: &Control, password: &SecretString) -> Result<PasswordHash, HashError> {
    let (hasher, entropy) = (control.sign_in.hasher.clone(), control.entropy.clone());
    let password = password.clone();
    Ok(beside(control, move || hasher.hash(&password, &*entropy)).await??)
}

async fn beside<T: Send + 'static>(
    control: &Control,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, RepositoryError> {
    let permit = control.sign_in.hashing.clone().acquire_owned().await;
    let done = tokio::task::spawn_blocking(move || {
        // Held until the work is done, even if nobody waits for it any more.
        let _permit = permit;
        work()
    });
    done.await.map_err(|error| RepositoryError::Unavailable { source: error.into() })
}
