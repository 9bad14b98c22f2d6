//! Deleting a network rule.

use promptgate_auth::{Actor, Permission};
use promptgate_firewall::Namespace;
use promptgate_kernel::NetworkRuleId;
use promptgate_store::Access;
use tracing::instrument;

use super::{NetworkRuleError, load};
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Deletes a network rule. The others keep their priorities.
#[instrument(name = "control.network_rules.delete", skip_all, fields(network_rule.id = %id))]
pub async fn delete(
    control: &Control,
    actor: Actor,
    namespace: Namespace,
    id: NetworkRuleId,
) -> Result<(), NetworkRuleError> {
    actor.require(Permission::ManageNetworkRules)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    // One at a time, as with every change of rules.
    work.audit().hold().await?;
    let rule = load(&mut *work, namespace, id).await?;
    if !work.network_rules().remove(namespace, id).await? {
        return Err(NetworkRuleError::NotFound(id));
    }
    let entry =
        Entry::of_network_rule("network_rule.deleted", namespace, id).gone(&shown::network_rule(&rule));
    control.audit(&mut *work, actor, entry, at).await?;
    work.commit().await?;
    Ok(())
}
