//! Looking at one network rule, and at whose rules they are.

use promptgate_auth::Actor;
use promptgate_firewall::{Namespace, NetworkRule};
use promptgate_kernel::NetworkRuleId;
use promptgate_store::Access;
use tracing::instrument;

use super::{NetworkRuleError, load, open};
use crate::Control;

/// The network rule with this id in a namespace.
#[instrument(name = "control.network_rules.find", skip_all, fields(network_rule.id = %id))]
pub async fn find(
    control: &Control,
    actor: Actor,
    namespace: Namespace,
    id: NetworkRuleId,
) -> Result<NetworkRule, NetworkRuleError> {
    let mut work = control.store.begin(Access::Read).await?;
    open(&mut *work, actor, namespace).await?;
    load(&mut *work, namespace, id).await
}

/// Whether the actor may manage a namespace, and it is there whose rules are meant, for callers that have not read all of a request
/// yet.
#[instrument(name = "control.network_rules.check", skip_all)]
pub async fn check(control: &Control, actor: Actor, namespace: Namespace) -> Result<(), NetworkRuleError> {
    let mut work = control.store.begin(Access::Read).await?;
    open(&mut *work, actor, namespace).await.map(|_| ())
}
