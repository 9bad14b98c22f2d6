//! How people are shown to administrators.

use promptgate_access::Plan;
use promptgate_control::accounts::Described;
use promptgate_kernel::{AccountId, PlanId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::limits::LimitsView;
use crate::quota_state::QuotaStateView;

/// A subscription plan beside the account that has it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlanView {
    #[schema(value_type = String, format = "uuid")]
    id: PlanId,
    name: String,
    description: String,
    /// The most tokens in five hours; null for no limit.
    quota5h_tokens: Option<u64>,
    /// The most tokens in seven days; null for no limit.
    quota7d_tokens: Option<u64>,
    /// Whether accounts without a plan have it.
    is_default: bool,
}

impl From<Plan> for PlanView {
    fn from(plan: Plan) -> Self {
        Self {
            id: plan.id,
            name: plan.name,
            description: plan.description,
            quota5h_tokens: plan.quota_5h_tokens,
            quota7d_tokens: plan.quota_7d_tokens,
            is_default: plan.is_default,
        }
    }
}

/// A person, as administrators see one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserView {
    #[schema(value_type = String, format = "uuid")]
    id: AccountId,
    sub: String,
    preferred_username: String,
    email: String,
    name: String,
    /// Always `user`.
    r#type: &'static str,
    /// `none`, `user`, `manager` or `admin`.
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
    /// How much the person may use, besides the plan.
    limits: LimitsView,
    /// For administrators alone.
    note: String,
    is_active: bool,
    firewall_override_enabled: bool,
    /// Tokens that went in, in the calls that are on record.
    input_tokens: u64,
    /// Tokens that came out.
    output_tokens: u64,
    /// When the access ends; null for never.
    #[schema(value_type = Option<String>, format = "date-time")]
    expires_at: Option<Timestamp>,
    #[schema(value_type = String, format = "date-time")]
    last_login_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

impl From<Described> for UserView {
    fn from(described: Described) -> Self {
        let Described { account, used, plan, quota } = described;
        Self {
            id: account.id,
            sub: account.subject,
            preferred_username: account.username,
            email: account.email,
            name: account.name,
            r#type: account.kind.as_str(),
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
            expires_at: account.expires_at,
            last_login_at: account.last_login_at.unwrap_or(account.created_at),
            created_at: account.created_at,
            updated_at: account.updated_at,
        }
    }
}
