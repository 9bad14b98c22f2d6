//! Giving a key another secret.

use std::time::Duration;

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::AdminKeyId;
use promptgate_store::Access;
use tracing::instrument;

use super::{AdminKeyError, IssuedAdminKey};
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Gives a key another secret. The one before serves for `overlap` more, and the one before that no more.
#[instrument(name = "control.admin_keys.rotate", skip_all, fields(admin_key.id = %id))]
pub async fn rotate(
    control: &Control,
    actor: Actor,
    id: AdminKeyId,
    overlap: Duration,
) -> Result<IssuedAdminKey, AdminKeyError> {
    actor.require(Permission::ManageAdminKeys)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    let before = work.admin_keys().find(id).await?.ok_or(AdminKeyError::NotFound(id))?;
    let (key, secret) = before.clone().rotate(overlap, &*control.entropy, at)?;
    if !work.admin_keys().save(&key).await? {
        return Err(AdminKeyError::Changed(id));
    }
    let entry = Entry::of_admin_key("admin_key.rotated", id)
        .detail("overlapSeconds", overlap.as_secs().to_string())
        .between(&shown::admin_key(&before), &shown::admin_key(&key));
    control.audit(&mut *work, actor, entry, at).await?;
    work.commit().await?;
    Ok(IssuedAdminKey { key, secret })
}
