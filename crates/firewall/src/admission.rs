//! How the rules of several namespaces come together.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use promptgate_kernel::{NetworkRuleId, ProjectId, TokenId};

use crate::{Action, CompiledRules, Namespace, NetworkRule};

/// Whose rules a call goes by. It may in if each of them lets it in.
#[derive(Debug, Clone, Copy)]
pub struct CallScopes<'a> {
    /// The account whose own rules stand in place of everybody's, if it has such rules.
    pub own: Option<Namespace>,
    /// The project that is called.
    pub project: ProjectId,
    /// The token of the call, and those that it comes from.
    pub tokens: &'a [TokenId],
}

impl CallScopes<'_> {
    /// The namespaces, in the order in which they are asked: everybody's or the account's own, the
    /// project's, those of tokens.
    pub fn namespaces(&self) -> impl Iterator<Item = Namespace> + '_ {
        let first = [self.own.unwrap_or(Namespace::Global), Namespace::Project(self.project)];
        first.into_iter().chain(self.tokens.iter().copied().map(Namespace::Token))
    }
}

/// A call is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", .rule.map_or_else(
    || format!("no network rule of the {} lets the address in", .namespace.described()),
    |rule| format!("the network rule {rule} of the {} keeps the address out", .namespace.described()),
))]
pub struct AddressDenied {
    /// Whose rules say so.
    pub namespace: Namespace,
    /// The rule; `None` where none is about the address, and the default keeps it out.
    pub rule: Option<NetworkRuleId>,
}

/// The rules of every namespace, compiled. It never changes; another one takes its place.
#[derive(Debug, Clone, Default)]
pub struct NetworkPolicy {
    /// Everybody's, which nearly every call is asked about.
    global: Option<Compiled>,
    /// All others.
    namespaces: HashMap<Namespace, Compiled>,
    has_token_rules: bool,
}

/// The rules of one namespace, and what they were compiled from.
#[derive(Debug, Clone)]
struct Compiled {
    source: Vec<(NetworkRuleId, i64)>,
    default: Action,
    rules: Arc<CompiledRules>,
}

impl NetworkPolicy {
    /// The policy of these rules and of the defaults that somebody set.
    pub fn compile(
        rules: impl IntoIterator<Item = NetworkRule>,
        defaults: impl IntoIterator<Item = (Namespace, Action)>,
    ) -> Self {
        Self::default().recompile(rules, defaults)
    }

    /// The same in a new state. Namespaces of which nothing changed are not compiled again.
    #[must_use]
    pub fn recompile(
        &self,
        rules: impl IntoIterator<Item = NetworkRule>,
        defaults: impl IntoIterator<Item = (Namespace, Action)>,
    ) -> Self {
        let mut grouped: HashMap<Namespace, (Action, Vec<NetworkRule>)> =
            defaults.into_iter().map(|(namespace, action)| (namespace, (action, Vec::new()))).collect();
        for rule in rules {
            let fresh = || (rule.namespace.default_action(), Vec::new());
            grouped.entry(rule.namespace).or_insert_with(fresh).1.push(rule);
        }
        let has_token_rules = grouped.keys().any(|namespace| matches!(namespace, Namespace::Token(_)));
        let compile = |(namespace, (default, rules)): (Namespace, (Action, Vec<NetworkRule>))| {
            let mut source: Vec<_> = rules.iter().map(|rule| (rule.id, rule.version)).collect();
            source.sort_unstable();
            let before = self.rules_of(namespace);
            let same = before.filter(|before| before.default == default && before.source == source);
            let rules = match same {
                Some(same) => Arc::clone(&same.rules),
                None => Arc::new(CompiledRules::compile(&rules, default)),
            };
            (namespace, Compiled { source, default, rules })
        };
        let mut namespaces: HashMap<Namespace, Compiled> = grouped.into_iter().map(compile).collect();
        Self { global: namespaces.remove(&Namespace::Global), namespaces, has_token_rules }
    }

    fn rules_of(&self, namespace: Namespace) -> Option<&Compiled> {
        match namespace {
            Namespace::Global => self.global.as_ref(),
            _ => self.namespaces.get(&namespace),
        }
    }

    /// Whether any token has rules of its own.
    pub const fn has_token_rules(&self) -> bool {
        self.has_token_rules
    }

    /// Whether a client at this address may call. The first namespace that keeps it out is named.
    pub fn admit(&self, scopes: &CallScopes<'_>, client: IpAddr) -> Result<(), AddressDenied> {
        for namespace in scopes.namespaces() {
            let rules = self.rules_of(namespace).map(|compiled| &compiled.rules);
            let is_let_in = match rules {
                Some(rules) => rules.let_in(client),
                None => namespace.default_action() == Action::Allow,
            };
            if !is_let_in {
                let rule = rules.and_then(|rules| rules.decide(client).rule);
                return Err(AddressDenied { namespace, rule });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use promptgate_kernel::{AccountId, Timestamp};

    use super::*;
    use crate::{NewNetworkRule, Priority, RuleAddress};

    fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(number: u8) -> T {
        format!("018f4e6e-0000-7000-8000-0000000000{number:02x}").parse().unwrap()
    }

    fn rule(namespace: Namespace, number: u8, address: &str, action: Action) -> NetworkRule {
        let new = NewNetworkRule {
            address: RuleAddress::parse(address).unwrap(),
            description: String::new(),
            priority: Priority::new(i64::from(number)).unwrap(),
            action,
            enabled: true,
        };
        NetworkRule::create(id(number), namespace, new, Timestamp::default())
    }

    fn project() -> ProjectId {
        id(90)
    }

    fn scopes(own: Option<Namespace>, tokens: &[TokenId]) -> CallScopes<'_> {
        CallScopes { own, project: project(), tokens }
    }

    fn denied(policy: &NetworkPolicy, scopes: &CallScopes<'_>, client: &str) -> Option<(&'static str, bool)> {
        let outcome = policy.admit(scopes, client.parse().unwrap());
        outcome.err().map(|denied| (denied.namespace.kind(), denied.rule.is_some()))
    }

    #[test]
    fn without_rules_everybody_may_in_but_not_whoever_goes_by_own_rules() {
        let policy = NetworkPolicy::default();
        let person = Namespace::Person(id::<AccountId>(1));
        assert_eq!(denied(&policy, &scopes(None, &[id(2)]), "192.0.2.1"), None);
        assert_eq!(denied(&policy, &scopes(Some(person), &[]), "192.0.2.1"), Some(("person", false)));
    }

    #[test]
    fn an_accounts_rules_stand_in_place_of_everybodys_and_all_others_count_besides() {
        let service = Namespace::Service(id::<AccountId>(1));
        let (token, parent): (TokenId, TokenId) = (id(2), id(3));
        let policy = NetworkPolicy::compile(
            [
                rule(Namespace::Global, 10, "10.0.0.0/8", Action::Deny),
                rule(service, 11, "10.0.0.0/8", Action::Allow),
                rule(Namespace::Project(project()), 12, "10.1.0.0/16", Action::Deny),
                rule(Namespace::Token(parent), 13, "10.2.0.0/16", Action::Deny),
            ],
            [],
        );
        let line = [token, parent];
        for (own, client, expected) in [
            (None, "10.0.0.1", Some(("global", true))),
            (None, "192.0.2.1", None),
            (Some(service), "10.0.0.1", None),
            (Some(service), "192.0.2.1", Some(("service", false))),
            (Some(service), "10.1.0.1", Some(("project", true))),
            (Some(service), "10.2.0.1", Some(("token", true))),
        ] {
            assert_eq!(denied(&policy, &scopes(own, &line), client), expected, "{client}");
        }
        assert_eq!(denied(&policy, &scopes(Some(service), &[token]), "10.2.0.1"), None);
        let said = policy.admit(&scopes(None, &[]), "10.0.0.1".parse().unwrap()).unwrap_err().to_string();
        assert!(said.starts_with("the network rule 018f4e6e-"), "{said}");
    }

    #[test]
    fn a_default_that_was_set_counts_without_any_rule_and_only_there() {
        let (token, other): (TokenId, TokenId) = (id(2), id(3));
        let namespace = Namespace::Token(token);
        let policy = NetworkPolicy::compile(
            [rule(namespace, 10, "2001:db8::/32", Action::Allow)],
            [(namespace, Action::Deny)],
        );
        assert!(policy.has_token_rules());
        assert_eq!(denied(&policy, &scopes(None, &[token]), "192.0.2.1"), Some(("token", false)));
        assert_eq!(denied(&policy, &scopes(None, &[token]), "2001:db8::1"), None);
        assert_eq!(denied(&policy, &scopes(None, &[other]), "192.0.2.1"), None);
        let closed = NetworkPolicy::compile([], [(Namespace::Global, Action::Deny)]);
        assert_eq!(denied(&closed, &scopes(None, &[]), "192.0.2.1"), Some(("global", false)));
    }

    #[test]
    fn what_did_not_change_is_not_compiled_again() {
        let (one, two) = (Namespace::Project(id(1)), Namespace::Project(id(2)));
        let rules = [rule(one, 10, "10.0.0.1", Action::Deny), rule(two, 11, "10.0.0.1", Action::Deny)];
        let before = NetworkPolicy::compile(rules.clone(), []);
        let changed = NetworkRule { version: 2, action: Action::Allow, ..rules[1].clone() };
        let after = before.recompile([rules[0].clone(), changed], []);
        let same = |namespace| {
            Arc::ptr_eq(&before.rules_of(namespace).unwrap().rules, &after.rules_of(namespace).unwrap().rules)
        };
        assert_eq!([same(one), same(two)], [true, false]);
        let other_default = before.recompile(rules, [(one, Action::Deny)]);
        assert!(!Arc::ptr_eq(&before.namespaces[&one].rules, &other_default.namespaces[&one].rules));
    }
}
