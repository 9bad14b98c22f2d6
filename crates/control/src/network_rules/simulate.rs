//! Trying network rules.

use std::net::IpAddr;

use promptgate_auth::Actor;
use promptgate_firewall::{Namespace, NetworkRule, evaluate};
use promptgate_store::Access;
use tracing::instrument;

use super::{NetworkRuleError, default_of, open};
use crate::Control;

/// What the rules of a namespace say of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulated {
    /// Whether a client at the address may in.
    pub allowed: bool,
    /// The rule that decides; `None` where none is about the address.
    pub rule: Option<NetworkRule>,
}

/// Says what the enabled rules of a namespace do with a client at this address, whether or not the
/// account goes by rules of its own.
#[instrument(name = "control.network_rules.simulate", skip_all)]
pub async fn simulate(
    control: &Control,
    actor: Actor,
    namespace: Namespace,
    client: IpAddr,
) -> Result<Simulated, NetworkRuleError> {
    let mut work = control.store.begin(Access::Read).await?;
    open(&mut *work, actor, namespace).await?;
    let rules = work.network_rules().list_all(namespace).await?;
    let default = default_of(&mut *work, namespace).await?;
    let verdict = evaluate(&rules, client, default);
    Ok(Simulated { allowed: verdict.allowed(), rule: verdict.rule.cloned() })
}
