//! Subscription plans: create, find, list, change, assign and delete them.

mod assign;
mod create;
mod default;
mod delete;
mod find;
mod list;
mod quota;
mod update;

use promptgate_access::InvalidPlan;
use promptgate_auth::Forbidden;
use promptgate_kernel::{PlanId, RepositoryError};

pub use assign::{AssignPlanError, assign};
pub use create::create;
pub use default::make_default;
pub use delete::delete;
pub use find::find;
pub use list::list;
pub(crate) use quota::quotas;
pub use quota::{Quota, Window, quota};
pub use update::{UpdatePlan, update};

/// The constraint that keeps two plans from having one name.
const NAME_KEY: &str = "subscription_plans_name_folded_key";
/// The constraint that keeps two plans from being the default.
const DEFAULT_KEY: &str = "subscription_plans_is_default_key";

/// Why nothing was done about a plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none.
    #[error("there is no subscription plan {0}")]
    NotFound(PlanId),
    /// Something about it is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidPlan),
    /// Another plan has the name.
    #[error("another subscription plan has this name; choose another one")]
    NameTaken,
    /// It is the default one, which there must be.
    #[error("this is the default plan, and there must be one; make another one the default instead")]
    DefaultRequired,
    /// It is the default one, which cannot be deleted.
    #[error("the default plan cannot be deleted; make another one the default first")]
    DefaultNotDeleted,
    /// Accounts were given it.
    #[error("{accounts} accounts were given this plan; give them another one first")]
    Assigned {
        /// How many.
        accounts: u64,
    },
    /// Somebody else changed it, or which one is the default, at the same time; look at it again.
    #[error("the subscription plans were changed by somebody else")]
    Changed,
    /// The store failed.
    #[error(transparent)]
    Store(RepositoryError),
}

impl From<RepositoryError> for PlanError {
    fn from(error: RepositoryError) -> Self {
        if error.is_conflict(NAME_KEY) {
            Self::NameTaken
        } else if error.is_conflict(DEFAULT_KEY) {
            Self::Changed
        } else {
            Self::Store(error)
        }
    }
}
