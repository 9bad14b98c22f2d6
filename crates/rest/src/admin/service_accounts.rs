//! `/api/v1/admin/service-accounts`: accounts of programs.

mod create;
mod delete;
mod find;
mod list;
mod note;
mod plan;
mod update;

#[cfg(test)]
mod tests;

use promptgate_control::accounts::Described;
use promptgate_kernel::{AccountId, PlanId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::users::PlanView;
use crate::ApiState;
use crate::error::ApiError;
use crate::limits::LimitsView;
use crate::quota_state::QuotaStateView;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(find::find, update::update, delete::delete))
        .routes(routes!(note::note))
        .routes(routes!(plan::assign))
}

/// A service account.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ServiceAccountView {
    #[schema(value_type = String, format = "uuid")]
    id: AccountId,
    /// What it is called in settings and logs.
    identifier: String,
    name: String,
    /// Always `user`.
    role: &'static str,
    /// The plan that was given; null where the default one applies.
    #[schema(value_type = Option<String>, format = "uuid")]
    subscription_plan_id: Option<PlanId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_plan: Option<PlanView>,
    /// The plan that was given, else the default one.
    #[serde(skip_serializing_if = "Option::is_none")]
    effective_subscription_plan: Option<PlanView>,
    quota_state: QuotaStateView,
    /// How much it may use, besides the plan.
    limits: LimitsView,
    /// For administrators alone.
    note: String,
    is_active: bool,
    firewall_override_enabled: bool,
    /// Tokens that went in, in the calls that are on record.
    input_tokens: u64,
    /// Tokens that came out.
    output_tokens: u64,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

impl From<Described> for ServiceAccountView {
    fn from(described: Described) -> Self {
        let Described { account, used, plan, quota } = described;
        Self {
            id: account.id,
            identifier: account.username,
            name: account.name,
            role: account.role.as_str(),
            subscription_plan_id: account.plan_id,
            subscription_plan: plan.map(PlanView::from),
            quota_state: QuotaStateView::from(&quota),
            effective_subscription_plan: quota.plan.map(PlanView::from),
            limits: account.limits.into(),
            note: account.note,
            is_active: account.active,
            firewall_override_enabled: account.firewall_override,
            input_tokens: used.input_tokens,
            output_tokens: used.output_tokens,
            created_at: account.created_at,
            updated_at: account.updated_at,
        }
    }
}

/// Reads the id in the address; what is no id belongs to no account.
pub(super) fn parse_id(text: &str) -> Result<AccountId, ApiError> {
    text.parse().map_err(not_found)
}

pub(super) fn not_found(error: impl ToString) -> ApiError {
    ApiError::not_found("service_account_not_found").message(error)
}
