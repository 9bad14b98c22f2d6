//! What guardrails can look for.

use promptgate_firewall::guardrails::{ContextualKind, RedactionKind};
use promptgate_guard::{PiiKind, SecretKind};

/// Something that a guardrail can look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// Its stable name, which rules use.
    pub name: &'static str,
    /// What people call it.
    pub label: &'static str,
    /// Whether only a model finds it.
    pub needs_model: bool,
}

impl Kind {
    /// Something that a pattern finds.
    const fn of_pattern(name: &'static str, label: &'static str) -> Self {
        Self { name, label, needs_model: false }
    }
}

/// Everything that guardrails can look for by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kinds {
    /// Personal data, for `types` of the PII filter.
    pub personal_data: Vec<Kind>,
    /// Credentials, for `patterns` of the secret scanner.
    pub secrets: Vec<Kind>,
    /// What leaves under tokens, for `types` of reversible redaction.
    pub redactions: Vec<Kind>,
}

/// Everything that guardrails can look for by themselves. Nobody needs a permission to know it.
pub fn kinds() -> Kinds {
    let by_pattern = PiiKind::ALL.map(|kind| Kind::of_pattern(kind.name(), kind.label()));
    let by_model = ContextualKind::ALL.map(|kind| {
        let (name, label) = (kind.name(), kind.label());
        Kind { name, label, needs_model: true }
    });
    Kinds {
        personal_data: by_pattern.into_iter().chain(by_model).collect(),
        secrets: SecretKind::all().map(|kind| Kind::of_pattern(kind.name(), kind.label())).collect(),
        redactions: RedactionKind::ALL.map(|kind| Kind::of_pattern(kind.name(), label(kind))).to_vec(),
    }
}

/// What people call a kind of redaction. IPv4 and IPv6 addresses are one kind of personal data.
fn label(kind: RedactionKind) -> &'static str {
    match kind {
        RedactionKind::Ipv4 => "IPv4 address",
        RedactionKind::Ipv6 => "IPv6 address",
        RedactionKind::Email
        | RedactionKind::Phone
        | RedactionKind::Iban
        | RedactionKind::CreditCard
        | RedactionKind::Ssn => kind.covers().first().map_or("", |kind| kind.label()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_name_is_there_once_and_every_kind_has_a_label() {
        let kinds = kinds();
        for list in [&kinds.personal_data, &kinds.secrets, &kinds.redactions] {
            let names: HashSet<_> = list.iter().map(|kind| kind.name).collect();
            assert_eq!(names.len(), list.len());
            assert!(list.iter().all(|kind| !kind.label.is_empty()));
        }
        assert!(kinds.personal_data.contains(&Kind::of_pattern("email", "E-Mail")));
        assert!(kinds.redactions.contains(&Kind::of_pattern("phone", "Phone")));
        let by_model = kinds.personal_data.iter().filter(|kind| kind.needs_model);
        assert_eq!(by_model.map(|kind| kind.name).collect::<Vec<_>>(), ["person_name", "address"]);
    }
}
