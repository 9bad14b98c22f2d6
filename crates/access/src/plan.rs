//! Subscription plans.

use promptgate_kernel::{PlanId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::limits::{is_line, is_text};

/// What is wrong with a plan that somebody wants to create or change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPlan {
    /// The name is blank or too long.
    #[error("name must have 1 to 120 characters that are no control characters")]
    Name,
    /// The description is too long.
    #[error("description must have at most 2,000 characters")]
    Description,
    /// What five hours allow is no number that can be kept.
    #[error("quota5hTokens must be a whole number above 0, or null for no limit")]
    Quota5h,
    /// What seven days allow is no number that can be kept.
    #[error("quota7dTokens must be a whole number above 0, or null for no limit")]
    Quota7d,
}

impl InvalidPlan {
    /// The field that is wrong, as the wire names it.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Description => "description",
            Self::Quota5h => "quota5hTokens",
            Self::Quota7d => "quota7dTokens",
        }
    }
}

/// How many tokens accounts may use. Exactly one plan is the default, which every account has that was
/// given none of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Its identity.
    pub id: PlanId,
    /// Its name; unique.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The most tokens in five hours; `None` is no limit.
    pub quota_5h_tokens: Option<u64>,
    /// The most tokens in seven days; `None` is no limit.
    pub quota_7d_tokens: Option<u64>,
    /// Whether accounts without a plan have it.
    pub is_default: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Grows with every change; a save of an older version does not match.
    pub version: i64,
}

/// What a plan is made from.
#[derive(Debug, Clone)]
pub struct NewPlan {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The most tokens in five hours.
    pub quota_5h_tokens: Option<u64>,
    /// The most tokens in seven days.
    pub quota_7d_tokens: Option<u64>,
    /// Whether accounts without a plan have it from now on.
    pub is_default: bool,
}

/// What may be changed about a plan; `None` keeps a value, `Some(None)` takes a limit away. Whether it
/// is the default is no change of one plan alone.
#[derive(Debug, Clone, Default)]
pub struct PlanChanges {
    /// Another name.
    pub name: Option<String>,
    /// Another description.
    pub description: Option<String>,
    /// Another limit of five hours.
    pub quota_5h_tokens: Option<Option<u64>>,
    /// Another limit of seven days.
    pub quota_7d_tokens: Option<Option<u64>>,
}

impl Plan {
    /// Creates a plan.
    #[expect(clippy::needless_pass_by_value, reason = "what a thing is made of is handed over")]
    pub fn create(id: PlanId, new: NewPlan, at: Timestamp) -> Result<Self, InvalidPlan> {
        let plan = Self {
            id,
            name: new.name.trim().to_owned(),
            description: new.description.trim().to_owned(),
            quota_5h_tokens: new.quota_5h_tokens,
            quota_7d_tokens: new.quota_7d_tokens,
            is_default: new.is_default,
            created_at: at,
            updated_at: at,
            version: 1,
        };
        plan.check()?;
        Ok(plan)
    }

    /// Applies changes.
    pub fn change(mut self, changes: PlanChanges, at: Timestamp) -> Result<Self, InvalidPlan> {
        if let Some(name) = changes.name {
            name.trim().clone_into(&mut self.name);
        }
        if let Some(description) = changes.description {
            description.trim().clone_into(&mut self.description);
        }
        self.quota_5h_tokens = changes.quota_5h_tokens.unwrap_or(self.quota_5h_tokens);
        self.quota_7d_tokens = changes.quota_7d_tokens.unwrap_or(self.quota_7d_tokens);
        self.updated_at = at;
        self.version += 1;
        self.check()?;
        Ok(self)
    }

    /// The same plan as the default, or as an ordinary one.
    #[must_use]
    pub fn as_default(self, is_default: bool, at: Timestamp) -> Self {
        Self { is_default, updated_at: at, version: self.version + 1, ..self }
    }

    fn check(&self) -> Result<(), InvalidPlan> {
        let fits = |quota: Option<u64>| quota.is_none_or(|quota| quota > 0 && i64::try_from(quota).is_ok());
        let checks = [
            (is_line(&self.name, 1, 120), InvalidPlan::Name),
            (is_text(&self.description, 2_000), InvalidPlan::Description),
            (fits(self.quota_5h_tokens), InvalidPlan::Quota5h),
            (fits(self.quota_7d_tokens), InvalidPlan::Quota7d),
        ];
        match checks.into_iter().find(|(fits, _)| !fits) {
            Some((_, wrong)) => Err(wrong),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new() -> NewPlan {
        NewPlan {
            name: " Team ".into(),
            description: String::new(),
            quota_5h_tokens: Some(1),
            quota_7d_tokens: None,
            is_default: false,
        }
    }

    fn create(new: NewPlan) -> Result<Plan, InvalidPlan> {
        Plan::create("018f4e6e-0000-7000-8000-000000000001".parse().unwrap(), new, Timestamp::default())
    }

    #[test]
    fn what_is_left_out_stays_and_a_limit_can_be_taken_away() {
        let plan = create(new()).unwrap();
        assert_eq!(plan.name, "Team");
        let changes = PlanChanges { quota_5h_tokens: Some(None), ..PlanChanges::default() };
        let unlimited = plan.clone().change(changes, Timestamp::from_micros(3)).unwrap();
        assert_eq!(
            (unlimited.quota_5h_tokens, unlimited.name.as_str(), unlimited.version),
            (None, "Team", 2)
        );
        let kept = plan.change(PlanChanges::default(), Timestamp::default()).unwrap();
        assert_eq!(kept.quota_5h_tokens, Some(1));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (wrong, field) in [
            (NewPlan { name: "  ".into(), ..new() }, "name"),
            (NewPlan { name: "é".repeat(121), ..new() }, "name"),
            (NewPlan { description: "x".repeat(2_001), ..new() }, "description"),
            (NewPlan { quota_5h_tokens: Some(0), ..new() }, "quota5hTokens"),
            (NewPlan { quota_7d_tokens: Some(u64::MAX), ..new() }, "quota7dTokens"),
        ] {
            assert_eq!(create(wrong).unwrap_err().field(), field);
        }
        assert!(create(NewPlan { name: "é".repeat(120), ..new() }).is_ok());
    }
}
