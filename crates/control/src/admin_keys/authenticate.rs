//! Finding out which key was presented.

use promptgate_auth::{AdminKeyHash, StoredAdminKey};
use promptgate_kernel::{AdminKeyId, RepositoryError, Timestamp};
use promptgate_store::Access;
use tracing::instrument;

use crate::Control;

/// The key that `presented` opens with now, if any. The store is asked each time, so that a revocation
/// counts at once, in every process; what has not the form of a key is not asked for.
#[instrument(name = "control.admin_keys.authenticate", skip_all)]
pub async fn authenticate(control: &Control, presented: &str) -> Result<Option<AdminKeyId>, RepositoryError> {
    let Some(hash) = AdminKeyHash::of_presented(presented) else { return Ok(None) };
    let now = control.clock.now();
    let mut work = control.store.begin(Access::Read).await?;
    let found = work.admin_keys().find_by_hash(&hash).await?;
    drop(work);
    let Some(key) = found.filter(|key| key.opens(&hash, now)) else { return Ok(None) };
    note(control, &key, now).await;
    Ok(Some(key.id))
}

/// Notes the use. It is a courtesy to people who look at the list; nothing is refused over it.
async fn note(control: &Control, key: &StoredAdminKey, now: Timestamp) {
    if !key.should_note_use(now) {
        return;
    }
    let noted = async {
        let mut work = control.store.begin(Access::Write).await?;
        work.admin_keys().note_use(key.id, now).await?;
        work.commit().await
    };
    if let Err(error) = noted.await {
        tracing::debug!(admin_key.id = %key.id, %error, "the last use of admin key {} was not noted", key.id);
    }
}
