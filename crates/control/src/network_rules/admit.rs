//! Asking the network rules about somebody who came with a token.

use std::net::IpAddr;

use promptgate_auth::{Account, AccountKind};
use promptgate_firewall::{AddressDenied, CallScopes, Namespace, NetworkPolicy};
use promptgate_kernel::RepositoryError;
use promptgate_store::UnitOfWork;
use promptgate_tokens::Token;

/// Whether a token that acts for this account may be used from an address, by the same rules as calls of
/// models are.
pub(crate) async fn admit_address(
    work: &mut dyn UnitOfWork,
    token: &Token,
    owner: Option<&Account>,
    address: IpAddr,
) -> Result<Result<(), AddressDenied>, RepositoryError> {
    let own = owner.filter(|account| account.firewall_override).map(|account| match account.kind {
        AccountKind::Person => Namespace::Person(account.id),
        AccountKind::Service => Namespace::Service(account.id),
    });
    let mut line = vec![token.id];
    if token.parent.is_some() {
        line.extend(work.tokens().line_above(token.id).await?);
    }
    let scopes = CallScopes { own, project: token.project_id, tokens: &line };
    let (mut rules, mut defaults) = (Vec::new(), Vec::new());
    for namespace in scopes.namespaces() {
        rules.extend(work.network_rules().list_all(namespace).await?);
        if let Some(action) = work.network_rules().find_default(namespace).await? {
            defaults.push((namespace, action));
        }
    }
    Ok(NetworkPolicy::compile(rules, defaults).admit(&scopes, address))
}
