//! Deleting a network rule.

use promptgate_auth::Actor;
use promptgate_firewall::Namespace;
use promptgate_kernel::NetworkRuleId;
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::{NetworkRuleError, load, open};
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
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    // One at a time, as with every change of rules.
    work.audit().hold().await?;
    let project = open(&mut *work, actor, namespace).await?;
    let rule = load(&mut *work, namespace, id).await?;
    if !work.network_rules().remove(namespace, id).await? {
        return Err(NetworkRuleError::NotFound(id));
    }
    let entry = Entry::of_network_rule("network_rule.deleted", (namespace, project), id)
        .gone(&shown::network_rule(&rule));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::NetworkRules, at).await?;
    control.commit(work, revision).await?;
    Ok(())
}
