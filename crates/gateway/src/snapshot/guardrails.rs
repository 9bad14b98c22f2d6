//! Rules of guardrails, ready for use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use promptgate_endpoints::CompiledEndpoint;
use promptgate_firewall::guardrails::{Holder, Policy, Rules};
use promptgate_kernel::{EndpointId, ProjectId, TokenId};

/// So many combinations of levels are remembered; then they are found anew.
const MOST_REMEMBERED: usize = 10_000;

/// What guardrails say for every call. It is as immutable as the snapshot that it is part of; what it
/// remembers is only which compiled policy belongs to which combination of levels.
#[derive(Debug, Default)]
pub(super) struct Guardrails {
    kept: Arc<HashMap<Holder, Rules>>,
    endpoints: HashMap<EndpointId, Rules>,
    idle: Arc<Policy>,
    found: RwLock<HashMap<Combination, Arc<Policy>>>,
    compiled: Arc<Compiled>,
}

/// The levels that say something of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Combination {
    project: Option<ProjectId>,
    endpoint: Option<EndpointId>,
    token: Option<TokenId>,
}

/// The policies in use, each compiled once, whatever snapshot it was compiled for.
#[derive(Debug, Default)]
struct Compiled(Mutex<HashMap<Rules, Weak<Policy>>>);

impl Compiled {
    fn policy(&self, rules: Rules) -> Arc<Policy> {
        let find = |known: &HashMap<Rules, Weak<Policy>>| known.get(&rules).and_then(Weak::upgrade);
        if let Some(policy) = find(&self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            return policy;
        }
        // Not under the lock: a long list of words takes a while. Two may do it, and one is kept.
        let policy = Arc::new(Policy::compile(&rules));
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(policy) = find(&known) {
            return policy;
        }
        known.retain(|_, policy| policy.strong_count() > 0);
        known.insert(rules, Arc::downgrade(&policy));
        policy
    }
}

impl Guardrails {
    /// Those in their new state: what is kept apart, unless that did not change, and what endpoints say.
    pub(super) fn recompile<'a>(
        &self,
        kept: Option<Vec<(Holder, Rules)>>,
        endpoints: impl IntoIterator<Item = &'a Arc<CompiledEndpoint>>,
    ) -> Self {
        let kept = match kept {
            Some(kept) => Arc::new(kept.into_iter().filter(|(_, rules)| !rules.is_empty()).collect()),
            None => Arc::clone(&self.kept),
        };
        let endpoints = endpoints.into_iter().filter_map(|endpoint| {
            let endpoint = endpoint.endpoint();
            let rules = read(endpoint.id, &endpoint.guardrails);
            (!rules.is_empty()).then_some((endpoint.id, rules))
        });
        let all = Self {
            kept,
            endpoints: endpoints.collect(),
            idle: Arc::clone(&self.idle),
            found: RwLock::default(),
            compiled: Arc::clone(&self.compiled),
        };
        all.warm_up();
        all
    }

    /// Compiles what calls will need, before they do. What a token says for an endpoint waits for the
    /// first call.
    fn warm_up(&self) {
        let nothing = Combination { project: None, endpoint: None, token: None };
        let holders = self.kept.keys().filter_map(|holder| match holder {
            Holder::Project(id) => Some(Combination { project: Some(*id), ..nothing }),
            Holder::Global | Holder::Token(_) => None,
        });
        for combination in holders.chain([nothing]) {
            self.find(combination);
        }
    }

    /// What counts for a call.
    pub(super) fn policy(
        &self,
        project: ProjectId,
        endpoint: Option<EndpointId>,
        token: TokenId,
    ) -> Arc<Policy> {
        if self.kept.is_empty() && self.endpoints.is_empty() {
            return Arc::clone(&self.idle);
        }
        let says = |holder: Holder| self.kept.contains_key(&holder);
        self.find(Combination {
            project: Some(project).filter(|id| says(Holder::Project(*id))),
            endpoint: endpoint.filter(|id| self.endpoints.contains_key(id)),
            token: Some(token).filter(|id| says(Holder::Token(*id))),
        })
    }

    fn find(&self, combination: Combination) -> Arc<Policy> {
        let found = self.found.read().unwrap_or_else(PoisonError::into_inner).get(&combination).cloned();
        if let Some(policy) = found {
            return policy;
        }
        let kept = |holder: Holder| self.kept.get(&holder);
        let levels = [
            kept(Holder::Global),
            combination.project.and_then(|id| kept(Holder::Project(id))),
            combination.endpoint.and_then(|id| self.endpoints.get(&id)),
            combination.token.and_then(|id| kept(Holder::Token(id))),
        ];
        let policy = self.compiled.policy(Rules::merged(levels.into_iter().flatten()));
        let mut found = self.found.write().unwrap_or_else(PoisonError::into_inner);
        if found.len() >= MOST_REMEMBERED {
            found.clear();
        }
        found.insert(combination, Arc::clone(&policy));
        policy
    }
}

/// What an endpoint says. A guardrail that cannot be read, which was stored when nobody read them, says
/// nothing.
fn read(endpoint: EndpointId, document: &serde_json::Map<String, serde_json::Value>) -> Rules {
    if document.is_empty() {
        return Rules::default();
    }
    Rules::parse(document).unwrap_or_else(|wrong| {
        tracing::warn!(endpoint.id = %endpoint, %wrong, "guardrails of an AI endpoint cannot be read one by one");
        let each = document.iter().filter_map(|(name, fields)| {
            Rules::parse(&[(name.clone(), fields.clone())].into_iter().collect()).ok()
        });
        each.fold(Rules::default(), |all, one| one.over(&all))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(json: &str) -> Rules {
        serde_json::from_str(json).unwrap()
    }

    fn id<T: std::str::FromStr>(number: u32) -> T
    where
        T::Err: std::fmt::Debug,
    {
        format!("018f4e6e-0000-7000-8000-{number:012}").parse().unwrap()
    }

    const NONE: [&Arc<CompiledEndpoint>; 0] = [];

    #[test]
    fn the_same_rules_are_compiled_once_for_all_who_have_them_and_for_all_snapshots() {
        let kept = vec![
            (Holder::Global, rules(r#"{"content_length":{"enabled":true,"max":5}}"#)),
            (Holder::Project(id(2)), rules(r#"{"content_length":{"max":7}}"#)),
            (Holder::Token(id(9)), rules(r#"{"content_length":{"max":7}}"#)),
        ];
        let first = Guardrails::default().recompile(Some(kept.clone()), NONE);
        let (one, other) = (first.policy(id(1), None, id(7)), first.policy(id(3), Some(id(5)), id(8)));
        assert!(Arc::ptr_eq(&one, &other), "only what everybody has");
        let (of_project, of_token) = (first.policy(id(2), None, id(7)), first.policy(id(1), None, id(9)));
        assert!(Arc::ptr_eq(&of_project, &of_token) && !Arc::ptr_eq(&of_project, &one));
        let second = first.recompile(Some(kept), NONE);
        assert!(Arc::ptr_eq(&one, &second.policy(id(1), None, id(7))));
        let unchanged = second.recompile(None, NONE);
        assert!(Arc::ptr_eq(&of_token, &unchanged.policy(id(1), None, id(9))));
    }

    #[test]
    fn where_nobody_says_anything_nothing_is_looked_for() {
        let none = Guardrails::default().recompile(Some(vec![(Holder::Global, Rules::default())]), NONE);
        assert!(!none.policy(id(1), None, id(2)).reads_input());
    }

    #[test]
    fn what_cannot_be_read_says_nothing_and_the_rest_counts() {
        let document =
            serde_json::json!({"pii": {"enabled": true}, "content_length": {"enabled": true, "max": 1}});
        let read = read(id(1), document.as_object().unwrap());
        assert_eq!(read, rules(r#"{"content_length":{"enabled":true,"max":1}}"#));
    }
}
