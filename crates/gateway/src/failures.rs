//! What callers were refused, for the audit log.

use promptgate_audit::{Culprit, Failure};
use promptgate_tokens::Token;

use crate::pipeline::Shared;
use crate::record::{MadeFor, Record};
use crate::refusal::Refusal;

/// Counts a refusal that the audit log shows: of a known token by the token, else by the address. Not one
/// of a call that an administrator has made: no token is to blame for it.
pub(crate) fn note(shared: &Shared, record: &Record, token: Option<&Token>, refusal: &Refusal) {
    if record.made_for == MadeFor::Operator {
        return;
    }
    let Some((action, reason)) = named(refusal, token.is_some()) else { return };
    let address = Some(record.client);
    let by = token.map_or(Culprit::Address(address), |token| {
        let (id, project) = (token.id, token.project_id);
        match refusal {
            Refusal::AddressDenied { address, .. } => Culprit::TokenAt { id, project, address: *address },
            _ => Culprit::Token { id, project },
        }
    });
    shared.failures.note(Failure { action, reason, by }, address, shared.clock.now());
}

const fn named(refusal: &Refusal, is_known: bool) -> Option<(&'static str, &'static str)> {
    match refusal {
        Refusal::MalformedToken(_) => Some(("auth.token_invalid", "malformed")),
        Refusal::InvalidToken if is_known => Some(("auth.token_revoked", "revoked_or_inactive")),
        Refusal::InvalidToken => Some(("auth.token_invalid", "unknown")),
        Refusal::ExpiredToken { .. } => Some(("auth.token_invalid", "expired")),
        Refusal::ForeignProject => Some(("auth.token_invalid", "other_project")),
        Refusal::AddressDenied { scope, .. } => Some(("firewall.denied", scope)),
        Refusal::Guardrail(refusal) => Some(("guardrail.blocked", refusal.guardrail())),
        Refusal::MissingScope { required, .. } => Some(("auth.scope_missing", required.as_str())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use promptgate_audit::Culprit;
    use promptgate_providers::Operation;
    use promptgate_tokens::{Token, TokenState};

    use crate::scripted::Scene;
    use crate::testing::secret_of;

    async fn ask(fixture: &Scene, secret: &str) {
        let mut request = fixture.request(Operation::ChatCompletions, "{}", &[]);
        let bearer = HeaderValue::from_str(&format!("Bearer {secret}")).unwrap();
        request.headers.insert("authorization", bearer);
        fixture.gateway.call(request).await;
    }

    #[tokio::test]
    async fn known_tokens_are_counted_by_id_and_others_by_address() {
        let fixture = Scene::new(vec![], vec![]);
        let failures = &fixture.gateway.shared().failures;
        let unknown = secret_of(6);
        for secret in ["pg_live_x", &unknown, &unknown] {
            ask(&fixture, secret).await;
        }
        let counted = failures.take();
        let mut found: Vec<_> =
            counted.iter().map(|(failure, tally)| (failure.reason, failure.action, tally.count)).collect();
        found.sort_unstable();
        assert_eq!(found, [("malformed", "auth.token_invalid", 1), ("unknown", "auth.token_invalid", 2)]);
        assert!(counted.iter().all(|(failure, _)| matches!(failure.by, Culprit::Address(Some(_)))));
        let switched_off = Token { state: TokenState::Inactive, ..fixture.token.clone() };
        fixture.tokens.put(switched_off);
        ask(&fixture, &fixture.secret).await;
        let counted = failures.take();
        let by = Culprit::Token { id: fixture.token.id, project: fixture.token.project_id };
        assert_eq!((counted.len(), counted[0].0.action, counted[0].0.by), (1, "auth.token_revoked", by));
    }
}
