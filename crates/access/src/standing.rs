//! Whether an account may call at all.

use promptgate_kernel::{AccountId, PlanId, Timestamp};
use serde::{Deserialize, Serialize};

/// What decides whether the keys of an account open anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The account.
    pub account: AccountId,
    /// Whether it is switched on.
    pub active: bool,
    /// Whether it has a role.
    pub has_role: bool,
    /// When its access ends; `None` means never.
    pub expires_at: Option<Timestamp>,
    /// Which network rules its calls go by.
    pub network_rules: OwnNetworkRules,
    /// The plan it was given; `None` is the default one.
    pub plan: Option<PlanId>,
}

/// Whether an account's calls go by network rules of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum OwnNetworkRules {
    /// They go by everybody's.
    #[default]
    None,
    /// They go by those of this person.
    Persons,
    /// They go by those of this service account.
    Services,
}

/// Why an account's keys open nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StandingRefused {
    /// It is switched off.
    #[error("the account is switched off; an administrator can switch it on")]
    Inactive,
    /// It has no role, or its access ended, which is the same.
    #[error("the account has no role, or its access has ended; an administrator can give it one")]
    NoRole,
}

impl Standing {
    /// Whether the account's keys open anything now.
    pub fn usable(&self, now: Timestamp) -> Result<(), StandingRefused> {
        if !self.active {
            return Err(StandingRefused::Inactive);
        }
        if !self.has_role || self.expires_at.is_some_and(|at| at <= now) {
            return Err(StandingRefused::NoRole);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_ends_at_the_instant_itself() {
        let standing = Standing {
            account: "018f4e6e-0000-7000-8000-000000000001".parse().unwrap(),
            active: true,
            has_role: true,
            expires_at: Some(Timestamp::from_micros(10)),
            network_rules: OwnNetworkRules::None,
            plan: None,
        };
        assert_eq!(standing.usable(Timestamp::from_micros(9)), Ok(()));
        assert_eq!(standing.usable(Timestamp::from_micros(10)), Err(StandingRefused::NoRole));
        let off = Standing { active: false, ..standing };
        assert_eq!(off.usable(Timestamp::default()), Err(StandingRefused::Inactive));
        let nobody = Standing { has_role: false, ..standing };
        assert_eq!(nobody.usable(Timestamp::default()), Err(StandingRefused::NoRole));
    }
}
