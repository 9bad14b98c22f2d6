//! `/api/v1/admin/subscriptions`: the plans that accounts may have.

mod create;
mod default;
mod delete;
mod find;
mod list;
mod update;

use http::StatusCode;
use promptgate_access::{InvalidPlan, ListedPlan};
use promptgate_control::plans::PlanError;
use promptgate_kernel::{PlanId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::error::ApiError;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(find::find, update::update, delete::delete))
        .routes(routes!(default::make_default))
}

/// How many tokens accounts may use, and how many accounts have the plan.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SubscriptionPlanView {
    #[schema(value_type = String, format = "uuid")]
    id: PlanId,
    name: String,
    description: String,
    /// The most tokens in five hours; null for no limit.
    #[serde(rename = "quota5hTokens")]
    quota_5h_tokens: Option<u64>,
    /// The most tokens in seven days; null for no limit.
    #[serde(rename = "quota7dTokens")]
    quota_7d_tokens: Option<u64>,
    /// Whether accounts have it that were given none. Exactly one plan is it.
    is_default: bool,
    /// People who were given it.
    assigned_users_count: u64,
    /// Service accounts that were given it.
    assigned_service_accounts_count: u64,
    /// Accounts that were given it.
    assigned_direct_accounts_count: u64,
    /// Accounts that have it because it is the default one.
    assigned_indirect_accounts_count: u64,
    /// Accounts that have it.
    assigned_accounts_count: u64,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

impl From<ListedPlan> for SubscriptionPlanView {
    fn from(ListedPlan { plan, people, service_accounts, inheriting }: ListedPlan) -> Self {
        let given = people + service_accounts;
        Self {
            id: plan.id,
            name: plan.name,
            description: plan.description,
            quota_5h_tokens: plan.quota_5h_tokens,
            quota_7d_tokens: plan.quota_7d_tokens,
            is_default: plan.is_default,
            assigned_users_count: people,
            assigned_service_accounts_count: service_accounts,
            assigned_direct_accounts_count: given,
            assigned_indirect_accounts_count: inheriting,
            assigned_accounts_count: given + inheriting,
            created_at: plan.created_at,
            updated_at: plan.updated_at,
        }
    }
}

/// Reads the id in the address; what is no id belongs to no plan.
fn parse_id(text: &str) -> Result<PlanId, ApiError> {
    text.parse().map_err(not_found)
}

/// A limit as it was sent: one below zero is as wrong as zero, and is told in the same words.
fn quota(sent: i64) -> u64 {
    u64::try_from(sent).unwrap_or(0)
}

fn not_found(error: impl ToString) -> ApiError {
    ApiError::not_found("subscription_plan_not_found").message(error)
}

impl From<InvalidPlan> for ApiError {
    fn from(error: InvalidPlan) -> Self {
        Self::bad_request("invalid_subscription_plan").field(error.field()).message(error)
    }
}

impl From<PlanError> for ApiError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Forbidden(error) => error.into(),
            error @ PlanError::NotFound(_) => not_found(error),
            PlanError::Invalid(error) => error.into(),
            error @ PlanError::NameTaken => {
                Self::new(StatusCode::CONFLICT, "name_conflict").field("name").message(error)
            }
            error @ PlanError::DefaultRequired => {
                Self::bad_request("default_plan_required").field("isDefault").message(error)
            }
            error @ PlanError::DefaultNotDeleted => {
                Self::bad_request("default_plan_delete_denied").message(error)
            }
            error @ PlanError::Assigned { .. } => {
                Self::new(StatusCode::CONFLICT, "subscription_plan_assigned").message(error)
            }
            error @ PlanError::Changed => Self::changed(&error),
            PlanError::Store(error) => error.into(),
        }
    }
}
