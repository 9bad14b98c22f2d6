//! Ending a key.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::AdminKeyId;
use promptgate_store::Access;
use tracing::instrument;

use super::AdminKeyError;
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Revokes a key for good; with it goes the secret that it had before.
#[instrument(name = "control.admin_keys.revoke", skip_all, fields(admin_key.id = %id))]
pub async fn revoke(control: &Control, actor: Actor, id: AdminKeyId) -> Result<(), AdminKeyError> {
    actor.require(Permission::ManageAdminKeys)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    let key = work.admin_keys().find(id).await?.filter(|key| key.revoked_at.is_none());
    let key = key.ok_or(AdminKeyError::NotFound(id))?.revoke(at)?;
    if !work.admin_keys().save(&key).await? {
        return Err(AdminKeyError::Changed(id));
    }
    let entry = Entry::of_admin_key("admin_key.revoked", id).gone(&shown::admin_key(&key));
    control.audit(&mut *work, actor, entry, at).await?;
    work.commit().await?;
    Ok(())
}
