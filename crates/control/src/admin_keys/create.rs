//! Making a key.

use promptgate_auth::{Actor, Permission, StoredAdminKey};
use promptgate_kernel::{AdminKeyId, Timestamp};
use promptgate_store::Access;
use tracing::instrument;

use super::{AdminKeyError, IssuedAdminKey};
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// A key as somebody wants it.
#[derive(Debug, Clone, Default)]
pub struct NewAdminKey {
    /// What operators call it.
    pub name: String,
    /// When it stops to serve.
    pub expires_at: Option<Timestamp>,
}

/// Makes a key. Its secret is shown in the answer and nowhere else.
#[instrument(name = "control.admin_keys.create", skip_all)]
pub async fn create(
    control: &Control,
    actor: Actor,
    new: NewAdminKey,
) -> Result<IssuedAdminKey, AdminKeyError> {
    actor.require(Permission::ManageAdminKeys)?;
    let at = control.clock.now();
    let id = AdminKeyId::mint(&*control.clock, &*control.entropy);
    let (key, secret) = StoredAdminKey::create(id, &new.name, new.expires_at, &*control.entropy, at)?;
    let mut work = control.store.begin(Access::Write).await?;
    work.admin_keys().insert(&key).await?;
    let entry = Entry::of_admin_key("admin_key.created", id).made(&shown::admin_key(&key));
    control.audit(&mut *work, actor, entry, at).await?;
    work.commit().await?;
    Ok(IssuedAdminKey { key, secret })
}
