//! Accounts that own tokens, ready for use.

use std::collections::HashMap;
use std::sync::Arc;

use promptgate_access::{AccessRule, AccessRules, Group, Standing};
use promptgate_kernel::{AccountId, GroupId, LimitSet};
use promptgate_providers::Provider;

use crate::candidate::Candidate;

/// What the groups of an account allow, and what they limit.
type Memberships = (Vec<Arc<AccessRule>>, Vec<Arc<CallerGroup>>);

/// An account that owns tokens, and what it may call.
#[derive(Debug)]
pub(crate) struct Caller {
    /// Whether it may call at all.
    pub(crate) standing: Standing,
    /// What its groups allow.
    pub(crate) rules: AccessRules,
    /// How much it may use.
    pub(crate) limits: LimitSet,
    /// The groups that it is in, by id.
    pub(crate) groups: Vec<Arc<CallerGroup>>,
}

/// A group of callers, and how much they may use together.
#[derive(Debug)]
pub(crate) struct CallerGroup {
    /// The group.
    pub(crate) id: GroupId,
    /// How much.
    pub(crate) limits: LimitSet,
}

impl Caller {
    /// Whether its groups allow what a candidate would be asked for.
    pub(crate) fn allows(&self, candidate: &Candidate) -> bool {
        self.allows_model(&candidate.provider.provider, &candidate.model)
    }

    /// Whether its groups allow a model, whichever of its names is given.
    pub(crate) fn allows_model(&self, provider: &Provider, model: &str) -> bool {
        self.rules.model_allowed(provider.id, provider.kind.model_name(model))
    }
}

/// A group, compiled.
#[derive(Debug)]
struct CompiledGroup {
    group: Group,
    rule: Arc<AccessRule>,
    callers: Arc<CallerGroup>,
}

/// Every account.
#[derive(Debug, Default)]
pub(super) struct Callers {
    groups: HashMap<GroupId, CompiledGroup>,
    accounts: HashMap<AccountId, Arc<Caller>>,
}

impl Callers {
    /// Those in their new state. Groups that did not change are not compiled again.
    pub(super) fn compile(
        &self,
        groups: Vec<Group>,
        members: Vec<(AccountId, GroupId)>,
        accounts: Vec<Standing>,
        limits: Vec<(AccountId, LimitSet)>,
    ) -> Self {
        let compile = |group: Group| {
            let before = self.groups.get(&group.id).filter(|before| before.group == group);
            let (rule, callers) = if let Some(same) = before {
                (Arc::clone(&same.rule), Arc::clone(&same.callers))
            } else {
                let callers = CallerGroup { id: group.id, limits: group.limits.clone() };
                (Arc::new(AccessRule::of(&group)), Arc::new(callers))
            };
            (group.id, CompiledGroup { group, rule, callers })
        };
        let groups: HashMap<_, _> = groups.into_iter().map(compile).collect();
        let mut of: HashMap<AccountId, Memberships> = HashMap::new();
        for (account, group) in members {
            if let Some(compiled) = groups.get(&group) {
                let (rules, callers) = of.entry(account).or_default();
                rules.push(Arc::clone(&compiled.rule));
                callers.push(Arc::clone(&compiled.callers));
            }
        }
        let mut limits: HashMap<AccountId, LimitSet> = limits.into_iter().collect();
        let caller = |standing: Standing| {
            let (rules, groups) = of.remove(&standing.account).unwrap_or_default();
            let limits = limits.remove(&standing.account).unwrap_or_default();
            let caller = Caller { standing, rules: AccessRules::new(rules), limits, groups };
            (standing.account, Arc::new(caller))
        };
        let accounts = accounts.into_iter().map(caller).collect();
        Self { groups, accounts }
    }

    pub(super) fn find(&self, id: AccountId) -> Option<&Arc<Caller>> {
        self.accounts.get(&id)
    }
}

#[cfg(test)]
mod tests {
    use promptgate_access::Providers;
    use promptgate_kernel::ProviderId;

    use super::*;
    use crate::testing::{account, group, standing};

    #[test]
    fn only_what_changed_is_compiled_again() {
        let (one, two) = (group("one", Providers::All, &[], &[]), group("two", Providers::All, &[], &["x"]));
        let members = vec![(account(1), one.id), (account(1), two.id), (account(2), one.id)];
        let accounts = vec![standing(1), standing(2), standing(3)];
        let before = Callers::default().compile(
            vec![one.clone(), two.clone()],
            members.clone(),
            accounts.clone(),
            vec![],
        );
        let limits = LimitSet { daily_tokens: Some(7), ..LimitSet::default() };
        let changed = Group { version: 2, limits: limits.clone(), ..two.clone() };
        let own = LimitSet { max_concurrent: Some(2), ..LimitSet::default() };
        let owners = vec![(account(2), own.clone())];
        let after = before.compile(vec![one.clone(), changed], members, accounts, owners);
        let same = |id| Arc::ptr_eq(&before.groups[&id].rule, &after.groups[&id].rule);
        assert_eq!([same(one.id), same(two.id)], [true, false]);
        let provider: ProviderId = "018f4e6e-0000-7000-8000-000000000001".parse().unwrap();
        let allowed = |number| after.find(account(number)).unwrap().rules.model_allowed(provider, "x");
        assert_eq!([allowed(1), allowed(2), allowed(3)], [false, true, false]);
        assert!(after.find(account(4)).is_none());
        let in_groups: Vec<_> = after.find(account(1)).unwrap().groups.iter().map(|group| group.id).collect();
        assert_eq!(in_groups, [one.id, two.id]);
        assert_eq!(after.find(account(1)).unwrap().groups[1].limits, limits);
        assert_eq!(after.find(account(2)).unwrap().limits, own);
        assert!(after.find(account(3)).unwrap().limits.is_empty());
    }
}
