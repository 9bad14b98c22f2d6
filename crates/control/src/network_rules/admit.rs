//! Asking the network rules about somebody who came with a token.

use std::net::IpAddr;

use promptgate_auth::{Account, AccountKind};
use promptgate_firewall::{AddressDenied, CallScopes, Namespace, evaluate};
use promptgate_kernel::RepositoryError;
use promptgate_store::UnitOfWork;
use promptgate_tokens::Token;

use super::default_of;

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
    // Asked once, the list is read faster than it is compiled.
    for namespace in scopes.namespaces() {
        let rules = work.network_rules().list_all(namespace).await?;
        let verdict = evaluate(&rules, address, default_of(work, namespace).await?);
        if !verdict.allowed() {
            return Ok(Err(AddressDenied { namespace, rule: verdict.rule.map(|rule| rule.id) }));
        }
    }
    Ok(Ok(()))
}
