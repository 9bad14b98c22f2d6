//! Whether a call may come from where it comes.

use std::sync::Arc;

use promptgate_access::{OwnNetworkRules, Standing};
use promptgate_firewall::{CallScopes, Namespace};
use promptgate_kernel::ProjectId;
use promptgate_tokens::Token;

use crate::authenticator::AuthUnavailable;
use crate::meter;
use crate::pipeline::Shared;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::snapshot::Snapshot;

/// Who calls, as far as rules about addresses ask.
pub(crate) struct Visitor<'a> {
    /// The token.
    pub(crate) token: &'a Arc<Token>,
    /// The project that is called.
    pub(crate) project: ProjectId,
    /// The account that the token acts for.
    pub(crate) owner: Option<&'a Standing>,
}

/// Asks the network rules whether the client may call from its address. Whatever else looks at no more
/// than who calls, from where and when, belongs here as well: it is known before the body is read.
pub(crate) async fn admit_address(
    visitor: &Visitor<'_>,
    snapshot: &Snapshot,
    shared: &Shared,
    record: &mut Record,
) -> Result<(), Refusal> {
    let policy = snapshot.network();
    let line;
    let tokens = if policy.has_token_rules() {
        let looked_up = shared.authenticator.line_of(visitor.token).await;
        line = looked_up.map_err(|AuthUnavailable| Refusal::AuthUnavailable)?;
        &line[..]
    } else {
        &[]
    };
    let own = visitor.owner.and_then(own_rules);
    let scopes = CallScopes { own, project: visitor.project, tokens };
    policy.admit(&scopes, record.client).map_err(|denied| {
        record.note(denied.to_string());
        meter::address_denied(denied.namespace.kind());
        Refusal::AddressDenied { address: record.client, scope: denied.namespace.kind() }
    })
}

/// The namespace that stands in place of everybody's, if the account goes by one.
fn own_rules(owner: &Standing) -> Option<Namespace> {
    match owner.network_rules {
        OwnNetworkRules::None => None,
        OwnNetworkRules::Persons => Some(Namespace::Person(owner.account)),
        OwnNetworkRules::Services => Some(Namespace::Service(owner.account)),
    }
}

#[cfg(test)]
mod tests;
