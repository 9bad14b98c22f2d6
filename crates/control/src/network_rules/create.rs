//! Creating a network rule.

use promptgate_auth::{Actor, Permission};
use promptgate_firewall::{Namespace, NetworkRule, NewNetworkRule};
use promptgate_kernel::NetworkRuleId;
use promptgate_store::Access;
use tracing::instrument;

use super::{NetworkRuleError, check_namespace};
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Creates a network rule. A priority that is taken is refused.
#[instrument(name = "control.network_rules.create", skip_all, fields(network_rule.namespace = namespace.kind()))]
pub async fn create(
    control: &Control,
    actor: Actor,
    namespace: Namespace,
    new: NewNetworkRule,
) -> Result<NetworkRule, NetworkRuleError> {
    actor.require(Permission::ManageNetworkRules)?;
    let at = control.clock.now();
    let id = NetworkRuleId::mint(&*control.clock, &*control.entropy);
    let rule = NetworkRule::create(id, namespace, new, at);
    let entry =
        Entry::of_network_rule("network_rule.created", namespace, id).made(&shown::network_rule(&rule));
    let mut work = control.store.begin(Access::Write).await?;
    // One at a time, so that an account that is deleted leaves no rule behind.
    work.audit().hold().await?;
    check_namespace(&mut *work, namespace).await?;
    work.network_rules().insert(&rule).await?;
    control.audit(&mut *work, actor, entry, at).await?;
    work.commit().await?;
    Ok(rule)
}
