//! Creating a network rule.

use promptgate_auth::Actor;
use promptgate_firewall::{Namespace, NetworkRule, NewNetworkRule};
use promptgate_kernel::NetworkRuleId;
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::{NetworkRuleError, open};
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
    let at = control.clock.now();
    let id = NetworkRuleId::mint(&*control.clock, &*control.entropy);
    let rule = NetworkRule::create(id, namespace, new, at);
    let mut work = control.store.begin(Access::Write).await?;
    // One at a time, so that an account or a project that is deleted leaves no rule behind.
    work.audit().hold().await?;
    let project = open(&mut *work, actor, namespace).await?;
    work.network_rules().insert(&rule).await?;
    let entry = Entry::of_network_rule("network_rule.created", (namespace, project), id)
        .made(&shown::network_rule(&rule));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::NetworkRules, at).await?;
    control.commit(work, revision).await?;
    Ok(rule)
}
