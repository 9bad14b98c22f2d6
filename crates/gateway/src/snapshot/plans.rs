//! Subscription plans, ready for use.

use std::collections::HashMap;

use promptgate_access::Plan;
use promptgate_kernel::PlanId;

/// Every plan.
#[derive(Debug, Default)]
pub(super) struct Plans {
    by_id: HashMap<PlanId, Plan>,
    default: Option<PlanId>,
}

impl Plans {
    pub(super) fn new(plans: Vec<Plan>) -> Self {
        let default = plans.iter().find(|plan| plan.is_default).map(|plan| plan.id);
        Self { by_id: plans.into_iter().map(|plan| (plan.id, plan)).collect(), default }
    }

    /// The plan that counts for an account that was given this one, or none. One that is gone leaves the
    /// default one.
    pub(super) fn effective(&self, given: Option<PlanId>) -> Option<&Plan> {
        given.and_then(|id| self.by_id.get(&id)).or_else(|| self.by_id.get(&self.default?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::plan;

    #[test]
    fn an_account_has_its_own_plan_or_the_default_one() {
        let (own, common) = (plan("own"), Plan { is_default: true, ..plan("common") });
        let plans = Plans::new(vec![own.clone(), common.clone()]);
        assert_eq!(plans.effective(Some(own.id)), Some(&own));
        assert_eq!(plans.effective(None), Some(&common));
        let alone = Plans::new(vec![own]);
        assert_eq!(alone.effective(None), None);
        assert_eq!(plans.effective(Some(plan("gone").id)), Some(&common));
    }
}
