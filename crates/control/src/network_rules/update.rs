//! Changing a network rule, and moving it by one.

use promptgate_auth::Actor;
use promptgate_firewall::{Direction, Namespace, NetworkRule, NetworkRuleChanges};
use promptgate_kernel::NetworkRuleId;
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::{NetworkRuleError, load, open, put};
use crate::Control;
use crate::journal::{Entry, named, update_action};
use crate::shown;

const ACTIONS: [&str; 3] = ["network_rule.updated", "network_rule.enabled", "network_rule.disabled"];

/// Applies changes to a network rule. A rule that has the new priority gets the old one in exchange.
/// Changes that name nothing are not recorded.
#[instrument(name = "control.network_rules.update", skip_all, fields(network_rule.id = %id))]
pub async fn update(
    control: &Control,
    actor: Actor,
    namespace: Namespace,
    id: NetworkRuleId,
    changes: NetworkRuleChanges,
) -> Result<NetworkRule, NetworkRuleError> {
    let at = control.clock.now();
    let fields = fields(&changes);
    if fields.is_empty() {
        let mut work = control.store.begin(Access::Read).await?;
        open(&mut *work, actor, namespace).await?;
        return load(&mut *work, namespace, id).await;
    }
    let action = update_action(&fields, "enabled", changes.enabled, ACTIONS);
    let mut work = control.store.begin(Access::Write).await?;
    // One at a time, so that two who exchange the same rules do not wait for each other.
    work.audit().hold().await?;
    let project = open(&mut *work, actor, namespace).await?;
    let before = load(&mut *work, namespace, id).await?;
    let rule = before.clone().change(changes, at);
    let displaced = put(&mut *work, &rule, before.priority, at).await?;
    let entry = Entry::of_network_rule(action, (namespace, project), id)
        .detail("fields", fields)
        .between(&shown::network_rule(&before), &shown::network_rule(&rule));
    control.audit(&mut *work, actor, naming(displaced, entry), at).await?;
    let revision = work.changes().record(Change::NetworkRules, at).await?;
    control.commit(work, revision).await?;
    Ok(rule)
}

/// Moves a network rule by one. A rule that is there gets the place that becomes free; no gap is jumped.
#[instrument(name = "control.network_rules.move", skip_all, fields(network_rule.id = %id))]
pub async fn move_one(
    control: &Control,
    actor: Actor,
    namespace: Namespace,
    id: NetworkRuleId,
    direction: Direction,
) -> Result<NetworkRule, NetworkRuleError> {
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    work.audit().hold().await?;
    let project = open(&mut *work, actor, namespace).await?;
    let before = load(&mut *work, namespace, id).await?;
    let rule = before.clone().give_way(before.priority.moved(direction)?, at);
    let displaced = put(&mut *work, &rule, before.priority, at).await?;
    let entry = Entry::of_network_rule("network_rule.moved", (namespace, project), id)
        .between(&shown::network_rule(&before), &shown::network_rule(&rule));
    control.audit(&mut *work, actor, naming(displaced, entry), at).await?;
    let revision = work.changes().record(Change::NetworkRules, at).await?;
    control.commit(work, revision).await?;
    Ok(rule)
}

/// The entry, with the rule that got the place that became free.
fn naming(displaced: Option<NetworkRuleId>, entry: Entry) -> Entry {
    match displaced {
        Some(id) => entry.detail("exchangedWith", id.to_string()),
        None => entry,
    }
}

fn fields(changes: &NetworkRuleChanges) -> String {
    named([
        ("address", changes.address.is_some()),
        ("description", changes.description.is_some()),
        ("priority", changes.priority.is_some()),
        ("action", changes.action.is_some()),
        ("enabled", changes.enabled.is_some()),
    ])
}
