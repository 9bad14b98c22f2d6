//! Listing network rules.

use promptgate_auth::Actor;
use promptgate_firewall::{Namespace, NetworkRule, NetworkRuleFilter};
use promptgate_kernel::{Page, PageRequest};
use promptgate_store::Access;
use tracing::instrument;

use super::{NetworkRuleError, open};
use crate::Control;

/// One page of the network rules of a namespace.
#[instrument(name = "control.network_rules.list", skip_all)]
pub async fn list(
    control: &Control,
    actor: Actor,
    namespace: Namespace,
    filter: &NetworkRuleFilter,
    page: PageRequest,
) -> Result<Page<NetworkRule>, NetworkRuleError> {
    let mut work = control.store.begin(Access::Read).await?;
    open(&mut *work, actor, namespace).await?;
    Ok(work.network_rules().list(namespace, filter, page).await?)
}
