//! Rules of guardrails, ready for use.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use promptgate_endpoints::CompiledEndpoint;
use promptgate_firewall::guardrails::{AllRules, Holder, Policy, RuleFaults, Rules, StoredRules};
use promptgate_kernel::{EndpointId, ProjectId, TokenId};
use serde_json::{Map, Value};

/// So many combinations of levels are remembered; then they are found anew.
const MOST_REMEMBERED: usize = 10_000;

/// What guardrails say for every call. It is as immutable as the snapshot that it is part of; what it
/// remembers is only which compiled policy belongs to which combination of levels.
#[derive(Debug, Default)]
pub(super) struct Guardrails {
    kept: Arc<HashMap<Holder, Rules>>,
    /// What of it cannot be taken as it is stored.
    faults: Arc<RuleFaults>,
    endpoints: HashMap<EndpointId, Rules>,
    /// Endpoints whose rules cannot be read.
    unreadable: HashSet<EndpointId>,
    has_token_rules: bool,
    idle: Arc<Policy>,
    found: RwLock<HashMap<Combination, Arc<Policy>>>,
    compiled: Arc<Compiled>,
}

/// The levels that say something of a call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Combination {
    project: Option<ProjectId>,
    endpoint: Option<EndpointId>,
    /// The token's own last, and before it those of the tokens that it comes from.
    tokens: Vec<TokenId>,
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
        kept: Option<AllRules>,
        endpoints: impl IntoIterator<Item = &'a Arc<CompiledEndpoint>>,
    ) -> Self {
        let (kept, faults) = match kept {
            Some(AllRules { rules, faults }) => {
                self.tell(&faults);
                let said = rules.into_iter().filter(|(_, rules)| !rules.is_empty());
                (Arc::new(said.collect()), Arc::new(faults))
            }
            None => (Arc::clone(&self.kept), Arc::clone(&self.faults)),
        };
        let (mut said, mut unreadable) = (HashMap::new(), HashSet::new());
        for endpoint in endpoints {
            let endpoint = endpoint.endpoint();
            match read(endpoint.id, &endpoint.guardrails) {
                Some(rules) if rules.is_empty() => {}
                Some(rules) => drop(said.insert(endpoint.id, rules)),
                None => drop(unreadable.insert(endpoint.id)),
            }
        }
        let unreadable_holders = faults.unreadable.iter().map(|(holder, _)| holder);
        let all = Self {
            has_token_rules: kept
                .keys()
                .chain(unreadable_holders)
                .any(|holder| matches!(holder, Holder::Token(_))),
            kept,
            faults,
            endpoints: said,
            unreadable,
            idle: Arc::clone(&self.idle),
            found: RwLock::default(),
            compiled: Arc::clone(&self.compiled),
        };
        let before = self.found.read().unwrap_or_else(PoisonError::into_inner);
        all.warm_up(before.keys());
        drop(before);
        all
    }

    /// Says what cannot be taken as it is stored, once.
    fn tell(&self, faults: &RuleFaults) {
        for (holder, field) in faults.unknown.iter().filter(|known| !self.faults.unknown.contains(known)) {
            tracing::warn!(
                level = holder.level().name(),
                field,
                "stored guardrails say something of `{field}`, which this version does not know; it counts for \
                 nothing here"
            );
        }
        for (holder, wrong) in
            faults.unreadable.iter().filter(|known| !self.faults.unreadable.contains(known))
        {
            tracing::error!(
                level = holder.level().name(),
                ?holder,
                %wrong,
                "stored guardrails cannot be read; what they govern is closed"
            );
        }
    }

    /// Whether what counts for a call cannot be read.
    fn is_closed(&self, project: ProjectId, endpoint: Option<EndpointId>, line: &[TokenId]) -> bool {
        endpoint.is_some_and(|id| self.unreadable.contains(&id))
            || self.faults.unreadable.iter().any(|(holder, _)| match holder {
                Holder::Global => true,
                Holder::Project(id) => *id == project,
                Holder::Token(id) => line.contains(id),
            })
    }

    /// Compiles what calls will need, before they do: what projects and endpoints say, and what calls
    /// asked for until now.
    fn warm_up<'a>(&self, before: impl Iterator<Item = &'a Combination>) {
        let nothing = Combination { project: None, endpoint: None, tokens: Vec::new() };
        let holders = self.kept.keys().filter_map(|holder| match holder {
            Holder::Project(id) => Some(Combination { project: Some(*id), ..nothing.clone() }),
            Holder::Global | Holder::Token(_) => None,
        });
        let still = |combination: &&Combination| {
            combination.project.is_none_or(|id| self.kept.contains_key(&Holder::Project(id)))
                && combination.endpoint.is_none_or(|id| self.endpoints.contains_key(&id))
                && combination.tokens.iter().all(|id| self.kept.contains_key(&Holder::Token(*id)))
        };
        for combination in holders.chain([nothing.clone()]).chain(before.filter(still).cloned()) {
            self.find(combination);
        }
    }

    /// Whether what a token comes from has to be known.
    pub(super) const fn has_token_rules(&self) -> bool {
        self.has_token_rules
    }

    /// What counts for a call. `line` is the token and those that it comes from, itself first: what they
    /// say counts for it, too, unless it says something else.
    pub(super) fn policy(
        &self,
        project: ProjectId,
        endpoint: Option<EndpointId>,
        line: &[TokenId],
    ) -> Arc<Policy> {
        if self.is_closed(project, endpoint, line) {
            return Arc::new(Policy::closed());
        }
        if self.kept.is_empty() && self.endpoints.is_empty() {
            return Arc::clone(&self.idle);
        }
        let says = |holder: Holder| self.kept.contains_key(&holder);
        self.find(Combination {
            project: Some(project).filter(|id| says(Holder::Project(*id))),
            endpoint: endpoint.filter(|id| self.endpoints.contains_key(id)),
            tokens: line.iter().rev().copied().filter(|id| says(Holder::Token(*id))).collect(),
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
        ];
        let tokens = combination.tokens.iter().filter_map(|id| kept(Holder::Token(*id)));
        let policy = self.compiled.policy(Rules::merged(levels.into_iter().flatten().chain(tokens)));
        let mut found = self.found.write().unwrap_or_else(PoisonError::into_inner);
        if found.len() >= MOST_REMEMBERED {
            found.clear();
        }
        found.insert(combination, Arc::clone(&policy));
        policy
    }
}

/// What an endpoint says. Names that this version does not know, which were stored when nobody read them
/// or by another version, say nothing; what is known and cannot be read closes the endpoint.
fn read(endpoint: EndpointId, document: &Map<String, Value>) -> Option<Rules> {
    match StoredRules::read(document) {
        Ok(StoredRules { rules, unknown, .. }) => {
            for field in unknown {
                tracing::warn!(
                    endpoint.id = %endpoint,
                    level = "endpoint",
                    field,
                    "stored guardrails say something of `{field}`, which this version does not know; it counts \
                     for nothing here"
                );
            }
            Some(rules)
        }
        Err(wrong) => {
            tracing::error!(endpoint.id = %endpoint, %wrong, "the guardrails of an AI endpoint cannot be read");
            None
        }
    }
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

    fn all(rules: Vec<(Holder, Rules)>) -> AllRules {
        AllRules { rules, ..AllRules::default() }
    }

    #[test]
    fn the_same_rules_are_compiled_once_for_all_who_have_them_and_for_all_snapshots() {
        let kept = vec![
            (Holder::Global, rules(r#"{"content_length":{"enabled":true,"max":5}}"#)),
            (Holder::Project(id(2)), rules(r#"{"content_length":{"max":7}}"#)),
            (Holder::Token(id(9)), rules(r#"{"content_length":{"max":7}}"#)),
        ];
        let first = Guardrails::default().recompile(Some(all(kept.clone())), NONE);
        let (one, other) = (first.policy(id(1), None, &[id(7)]), first.policy(id(3), Some(id(5)), &[id(8)]));
        assert!(Arc::ptr_eq(&one, &other), "only what everybody has");
        let (of_project, of_token) =
            (first.policy(id(2), None, &[id(7)]), first.policy(id(1), None, &[id(9)]));
        assert!(Arc::ptr_eq(&of_project, &of_token) && !Arc::ptr_eq(&of_project, &one));
        let second = first.recompile(Some(all(kept)), NONE);
        assert!(Arc::ptr_eq(&one, &second.policy(id(1), None, &[id(7)])));
        let unchanged = second.recompile(None, NONE);
        assert!(Arc::ptr_eq(&of_token, &unchanged.policy(id(1), None, &[id(9)])));
    }

    #[test]
    fn where_nobody_says_anything_nothing_is_looked_for() {
        let none = Guardrails::default().recompile(Some(all(vec![(Holder::Global, Rules::default())])), NONE);
        assert!(!none.policy(id(1), None, &[id(2)]).reads_input());
    }

    #[test]
    fn a_token_goes_by_the_rules_of_those_that_it_comes_from() {
        let off = rules(r#"{"content_length":{"enabled":true,"max":1}}"#);
        let own = rules(r#"{"content_length":{"max":9}}"#);
        let kept = vec![(Holder::Token(id(1)), off.clone()), (Holder::Token(id(2)), own.clone())];
        let guardrails = Guardrails::default().recompile(Some(all(kept)), NONE);
        assert!(guardrails.has_token_rules());
        let of_child = guardrails.policy(id(7), None, &[id(3), id(1)]);
        assert!(Arc::ptr_eq(&of_child, &guardrails.policy(id(7), None, &[id(1)])));
        let of_other = guardrails.policy(id(7), None, &[id(2), id(1)]);
        assert!(Arc::ptr_eq(&of_other, &guardrails.compiled.policy(own.over(&off))));
    }

    #[test]
    fn an_unknown_guardrail_says_nothing_and_one_that_cannot_be_read_closes_the_endpoint() {
        let read = |document: serde_json::Value| read(id(1), document.as_object().unwrap());
        let some =
            serde_json::json!({"pii": {"enabled": true}, "content_length": {"enabled": true, "max": 1}});
        assert_eq!(read(some), Some(rules(r#"{"content_length":{"enabled":true,"max":1}}"#)));
        let of_tomorrow = serde_json::json!({"content_length": {"enabled": true, "most": 1}});
        assert_eq!(read(of_tomorrow), Some(rules(r#"{"content_length":{"enabled":true}}"#)));
        assert_eq!(read(serde_json::json!({"content_length": {"enabled": true, "max": "long"}})), None);
    }

    #[test]
    fn rules_that_cannot_be_read_close_what_they_govern_and_nothing_else() {
        let mut kept = AllRules::default();
        kept.add(Holder::Project(id(1)), r#"{"content_length":{"max":"long"}}"#);
        kept.add(Holder::Token(id(9)), "no JSON at all");
        kept.add(Holder::Project(id(2)), r#"{"content_length":{"enabled":true,"max":7,"most":8}}"#);
        let guardrails = Guardrails::default().recompile(Some(kept), NONE);
        assert!(guardrails.has_token_rules());
        let is_open = |project, line: &[u32]| {
            let line: Vec<TokenId> = line.iter().map(|number| id(*number)).collect();
            let policy = guardrails.policy(id(project), None, &line);
            policy.access().check(None, promptgate_kernel::Timestamp::default()).is_ok()
        };
        assert!(!is_open(1, &[7]) && is_open(2, &[7]) && is_open(3, &[7]));
        assert!(!is_open(3, &[9]) && !is_open(3, &[7, 9]));
        assert!(guardrails.policy(id(2), None, &[id(7)]).reads_input(), "what is known of it counts");
        let mut kept = AllRules::default();
        kept.add(Holder::Global, "[]");
        let all_closed = guardrails.recompile(Some(kept), NONE);
        assert!(
            all_closed
                .policy(id(3), None, &[])
                .access()
                .check(None, promptgate_kernel::Timestamp::default())
                .is_err()
        );
    }
}
