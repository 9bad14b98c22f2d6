//! Accounts that own tokens, ready for use.

use std::collections::HashMap;
use std::sync::Arc;

use promptgate_access::{AccessRule, AccessRules, Group, Standing};
use promptgate_kernel::{AccountId, GroupId};
use promptgate_providers::Provider;

use crate::candidate::Candidate;

/// An account that owns tokens, and what it may call.
#[derive(Debug)]
pub(crate) struct Caller {
    /// Whether it may call at all.
    pub(crate) standing: Standing,
    /// What its groups allow.
    pub(crate) rules: AccessRules,
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

/// Every account.
#[derive(Debug, Default)]
pub(super) struct Callers {
    groups: HashMap<GroupId, (Group, Arc<AccessRule>)>,
    accounts: HashMap<AccountId, Arc<Caller>>,
}

impl Callers {
    /// Those in their new state. Groups that did not change are not compiled again.
    pub(super) fn compile(
        &self,
        groups: Vec<Group>,
        members: Vec<(AccountId, GroupId)>,
        accounts: Vec<Standing>,
    ) -> Self {
        let compile = |group: Group| {
            let before = self.groups.get(&group.id).filter(|(before, _)| *before == group);
            let rule = match before {
                Some((_, same)) => Arc::clone(same),
                None => Arc::new(AccessRule::of(&group)),
            };
            (group.id, (group, rule))
        };
        let groups: HashMap<_, _> = groups.into_iter().map(compile).collect();
        let mut rules: HashMap<AccountId, Vec<Arc<AccessRule>>> = HashMap::new();
        for (account, group) in members {
            if let Some((_, rule)) = groups.get(&group) {
                rules.entry(account).or_default().push(Arc::clone(rule));
            }
        }
        let caller = |standing: Standing| {
            let rules = AccessRules::new(rules.remove(&standing.account).unwrap_or_default());
            (standing.account, Arc::new(Caller { standing, rules }))
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
        let before =
            Callers::default().compile(vec![one.clone(), two.clone()], members.clone(), accounts.clone());
        let changed = Group { version: 2, display_name: "other".into(), ..two.clone() };
        let after = before.compile(vec![one.clone(), changed], members, accounts);
        let same = |id| Arc::ptr_eq(&before.groups[&id].1, &after.groups[&id].1);
        assert_eq!([same(one.id), same(two.id)], [true, false]);
        let provider: ProviderId = "018f4e6e-0000-7000-8000-000000000001".parse().unwrap();
        let allowed = |number| after.find(account(number)).unwrap().rules.model_allowed(provider, "x");
        assert_eq!([allowed(1), allowed(2), allowed(3)], [false, true, false]);
        assert!(after.find(account(4)).is_none());
    }
}
