//! What happens to addresses that no rule of a namespace is about.

use promptgate_auth::Actor;
use promptgate_firewall::{Action, Namespace};
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::{NetworkRuleError, default_of, open};
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// What happens to addresses that no rule of a namespace is about.
#[instrument(name = "control.network_rules.default_action", skip_all)]
pub async fn default_action(
    control: &Control,
    actor: Actor,
    namespace: Namespace,
) -> Result<Action, NetworkRuleError> {
    let mut work = control.store.begin(Access::Read).await?;
    open(&mut *work, actor, namespace).await?;
    Ok(default_of(&mut *work, namespace).await?)
}

/// Sets it. What was so before is not recorded.
#[instrument(name = "control.network_rules.set_default_action", skip_all)]
pub async fn set_default_action(
    control: &Control,
    actor: Actor,
    namespace: Namespace,
    action: Action,
) -> Result<Action, NetworkRuleError> {
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    // One at a time, as with every change of rules.
    work.audit().hold().await?;
    let project = open(&mut *work, actor, namespace).await?;
    let before = default_of(&mut *work, namespace).await?;
    if before == action {
        return Ok(action);
    }
    work.network_rules().set_default(namespace, action).await?;
    let entry = Entry::of_network_rules("network_rule.default_changed", (namespace, project))
        .between(&shown::default_action(before), &shown::default_action(action));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::NetworkRules, at).await?;
    control.commit(work, revision).await?;
    Ok(action)
}
