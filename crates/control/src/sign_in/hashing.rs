//! Hashing passwords, beside the threads that serve requests.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use promptgate_auth::{PasswordHash, WeakPassword};
use promptgate_kernel::{RepositoryError, SecretString};

use super::{Throttled, TooManyAttempts};
use crate::Control;

/// Why there is no hash.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HashError {
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// How many sign-ins may wait for each processor that hashes. Whoever knows no password can make any number of
/// them; those who come later are told to come again, instead of all waiting longer and longer.
const WAITING: usize = 32;
const COME_AGAIN: Duration = Duration::from_secs(5);

/// Whether `password` is the one behind `hash`; the same work without one. Too many at once are refused.
pub(super) async fn verify(
    control: &Control,
    password: &SecretString,
    hash: Option<&PasswordHash>,
) -> Result<bool, Throttled> {
    let sign_in = &control.sign_in;
    let Ok(_place) = Arc::clone(&sign_in.waiting).try_acquire_owned() else {
        metrics::counter!("promptgate_sign_in_throttled_total").increment(1);
        return Err(TooManyAttempts { retry_after: COME_AGAIN }.into());
    };
    let hasher = control.sign_in.hasher.clone();
    let (password, hash) = (password.clone(), hash.cloned());
    Ok(beside(control, move || hasher.verify(&password, hash.as_ref())).await?)
}

/// As many places to wait in as [`verify`] gives.
pub(super) const fn places(parallel: NonZeroUsize) -> usize {
    parallel.get().saturating_mul(WAITING + 1)
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
