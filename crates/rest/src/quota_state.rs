//! What accounts have used of their quotas, beside the accounts.

use promptgate_control::plans::Quota;
use promptgate_kernel::{PlanId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// What an account has used of its quotas, as of when it was asked for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QuotaStateView {
    /// Whether a plan applies to it.
    has_subscription: bool,
    #[schema(value_type = Option<String>, format = "uuid")]
    plan_id: Option<PlanId>,
    /// Blank without a plan.
    plan_name: String,
    /// Tokens of the calls of the last five hours.
    #[serde(rename = "used5hTokens")]
    used_5h_tokens: u64,
    /// Null for no limit.
    #[serde(rename = "quota5hTokens")]
    quota_5h_tokens: Option<u64>,
    /// When the oldest of what was used stops counting; null where nothing was.
    #[serde(rename = "reset5hAt")]
    #[schema(value_type = Option<String>, format = "date-time")]
    reset_5h_at: Option<Timestamp>,
    /// Tokens of the calls of the last seven days.
    #[serde(rename = "used7dTokens")]
    used_7d_tokens: u64,
    /// Null for no limit.
    #[serde(rename = "quota7dTokens")]
    quota_7d_tokens: Option<u64>,
    /// When the oldest of what was used stops counting; null where nothing was.
    #[serde(rename = "reset7dAt")]
    #[schema(value_type = Option<String>, format = "date-time")]
    reset_7d_at: Option<Timestamp>,
    /// When this was counted.
    #[schema(value_type = String, format = "date-time")]
    synced_at: Timestamp,
}

impl From<&Quota> for QuotaStateView {
    fn from(quota: &Quota) -> Self {
        Self {
            has_subscription: quota.plan.is_some(),
            plan_id: quota.plan.as_ref().map(|plan| plan.id),
            plan_name: quota.plan.as_ref().map(|plan| plan.name.clone()).unwrap_or_default(),
            used_5h_tokens: quota.five_hours.used,
            quota_5h_tokens: quota.five_hours.quota,
            reset_5h_at: quota.five_hours.reset_at,
            used_7d_tokens: quota.seven_days.used,
            quota_7d_tokens: quota.seven_days.quota,
            reset_7d_at: quota.seven_days.reset_at,
            synced_at: quota.at,
        }
    }
}
