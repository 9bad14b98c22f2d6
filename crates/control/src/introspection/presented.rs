//! What a caller presents, and how its failures are counted.

use std::fmt;
use std::net::IpAddr;

use promptgate_audit::{Culprit, Failure};
use promptgate_firewall::guardrails;
use promptgate_tokens::{AccessDenied, Token};

use super::Denied;
use crate::Control;

/// What came as the bearer token of a request, if anything, and from where.
#[derive(Clone, Copy, Default)]
pub struct Presented<'a> {
    /// The text.
    pub text: Option<&'a str>,
    /// The client's address.
    pub address: Option<IpAddr>,
}

impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Counts a refusal that the audit log shows: of a known token by the token, else by the address.
pub(super) fn note(control: &Control, address: Option<IpAddr>, token: Option<&Token>, denied: &Denied) {
    let Some((action, reason)) = named(denied) else { return };
    let by = token.map_or(Culprit::Address(address), |token| {
        let (id, project) = (token.id, token.project_id);
        match denied {
            Denied::AddressDenied { address, .. } => Culprit::TokenAt { id, project, address: *address },
            _ => Culprit::Token { id, project },
        }
    });
    control.failures.note(Failure { action, reason, by }, address, control.clock.now());
}

const fn named(denied: &Denied) -> Option<(&'static str, &'static str)> {
    match denied {
        Denied::Malformed(_) => Some(("auth.token_invalid", "malformed")),
        Denied::Unknown => Some(("auth.token_invalid", "unknown")),
        Denied::Refused(refused) => Some(match refused {
            AccessDenied::Revoked => ("auth.token_revoked", "revoked_or_inactive"),
            AccessDenied::Expired { .. } => ("auth.token_invalid", "expired"),
            AccessDenied::ForeignProject => ("auth.token_invalid", "other_project"),
            AccessDenied::MissingScope { required, .. } => ("auth.scope_missing", required.as_str()),
        }),
        Denied::AddressDenied { scope, .. } => Some(("firewall.denied", scope)),
        Denied::Guardrail(guardrails::AccessDenied::Address) => Some(("guardrail.blocked", "ip_allowlist")),
        Denied::Guardrail(guardrails::AccessDenied::Time) => Some(("guardrail.blocked", "time_window")),
        Denied::Guardrail(guardrails::AccessDenied::Unreadable) => Some(("guardrail.blocked", "unreadable")),
        _ => None,
    }
}
