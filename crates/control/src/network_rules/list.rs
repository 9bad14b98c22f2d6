//! Listing network rules.

use promptgate_auth::{Actor, Permission};
use promptgate_firewall::{Namespace, NetworkRule, NetworkRuleFilter};
use promptgate_kernel::{Page, PageRequest};
use promptgate_store::Access;
use tracing::instrument;

use super::{NetworkRuleError, check_namespace};
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
    actor.require(Permission::ManageNetworkRules)?;
    let mut work = control.store.begin(Access::Read).await?;
    check_namespace(&mut *work, namespace).await?;
    Ok(work.network_rules().list(namespace, filter, page).await?)
}
