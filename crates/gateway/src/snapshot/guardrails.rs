//! Rules of guardrails, ready for use.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use promptgate_endpoints::CompiledEndpoint;
use promptgate_firewall::guardrails::{
    AllRules, Holder, InvalidRules, Policy, RuleFaults, Rules, StoredRules,
};
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
    /// What of theirs cannot be taken as it is stored.
    endpoint_faults: BTreeMap<EndpointId, EndpointFault>,
    has_token_rules: bool,
    idle: Arc<Policy>,
    found: RwLock<HashMap<Combination, Arc<Policy>>>,
    compiled: Arc<Compiled>,
}

/// What of an endpoint's rules cannot be taken as it is stored.
#[derive(Debug, PartialEq, Eq)]
enum EndpointFault {
    /// Fields that this version does not know. They say nothing.
    Unknown(Vec<String>),
    /// They cannot be read: the endpoint is closed.
    Unreadable(InvalidRules),
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
        let (mut said, mut endpoint_faults) = (HashMap::new(), BTreeMap::new());
        for endpoint in endpoints {
            let endpoint = endpoint.endpoint();
            let (rules, fault) = read(&endpoint.guardrails);
            if !rules.is_empty() {
                said.insert(endpoint.id, rules);
            }
            if let Some(fault) = fault {
                endpoint_faults.insert(endpoint.id, fault);
            }
        }
        self.tell_of_endpoints(&endpoint_faults);
        let unreadable_holders = faults.unreadable.iter().map(|(holder, _)| holder);
        let all = Self {
            has_token_rules: kept
                .keys()
                .chain(unreadable_holders)
                .any(|holder| matches!(holder, Holder::Token(_))),
            kept,
            faults,
            endpoints: said,
            endpoint_faults,
            idle: Arc::clone(&self.idle),
            found: RwLock::default(),
            compiled: Arc::clone(&self.compiled),
        };
        let before = self.found.read().unwrap_or_else(PoisonError::into_inner);
        all.warm_up(before.keys());
        drop(before);
        all
    }

    /// Says what cannot be taken as it is stored, once, and nothing of what is stored: that may be
    /// confidential.
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
                field = wrong.field,
                "stored guardrails cannot be read; what they govern is closed"
            );
        }
    }

    /// The same for endpoints.
    fn tell_of_endpoints(&self, faults: &BTreeMap<EndpointId, EndpointFault>) {
        for (endpoint, fault) in faults {
            let before = self.endpoint_faults.get(endpoint);
            match fault {
                EndpointFault::Unknown(fields) => {
                    let is_known = |field: &&String| matches!(before, Some(EndpointFault::Unknown(before)) if before.contains(field));
                    for field in fields.iter().filter(|field| !is_known(field)) {
                        tracing::warn!(
                            endpoint.id = %endpoint,
                            level = "endpoint",
                            field,
                            "stored guardrails say something of `{field}`, which this version does not know; \
                             it counts for nothing here"
                        );
                    }
                }
                EndpointFault::Unreadable(_) if before == Some(fault) => {}
                EndpointFault::Unreadable(wrong) => tracing::error!(
                    endpoint.id = %endpoint,
                    field = wrong.field,
                    "the guardrails of an AI endpoint cannot be read"
                ),
            }
        }
    }

    /// Whether what counts for a call cannot be read.
    fn is_closed(&self, project: ProjectId, endpoint: Option<EndpointId>, line: &[TokenId]) -> bool {
        let fault = endpoint.and_then(|id| self.endpoint_faults.get(&id));
        matches!(fault, Some(EndpointFault::Unreadable(_)))
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
fn read(document: &Map<String, Value>) -> (Rules, Option<EndpointFault>) {
    match StoredRules::read(document) {
        Ok(StoredRules { rules, unknown, .. }) => {
            let fault = (!unknown.is_empty()).then_some(EndpointFault::Unknown(unknown));
            (rules, fault)
        }
        Err(wrong) => (Rules::default(), Some(EndpointFault::Unreadable(wrong))),
    }
}

#[cfg(test)]
mod tests;
