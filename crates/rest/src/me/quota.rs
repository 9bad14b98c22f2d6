//! `GET /api/v1/me/quota`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_access::Plan;
use promptgate_control::Control;
use promptgate_control::plans::{self, Quota};
use promptgate_kernel::{PlanId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{ApiError, ErrorBody};
use crate::session::SignedIn;

/// What one may use, and has used.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct QuotaView {
    has_subscription: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<OwnPlanView>,
    #[serde(rename = "used5hTokens")]
    used_5h_tokens: u64,
    /// Null for no limit.
    #[serde(rename = "quota5hTokens")]
    quota_5h_tokens: Option<u64>,
    #[serde(rename = "remaining5hTokens")]
    remaining_5h_tokens: Option<u64>,
    #[serde(rename = "reset5hAt")]
    #[schema(value_type = Option<String>, format = "date-time")]
    reset_5h_at: Option<Timestamp>,
    #[serde(rename = "used7dTokens")]
    used_7d_tokens: u64,
    /// Null for no limit.
    #[serde(rename = "quota7dTokens")]
    quota_7d_tokens: Option<u64>,
    #[serde(rename = "remaining7dTokens")]
    remaining_7d_tokens: Option<u64>,
    #[serde(rename = "reset7dAt")]
    #[schema(value_type = Option<String>, format = "date-time")]
    reset_7d_at: Option<Timestamp>,
    /// When this was counted.
    #[schema(value_type = String, format = "date-time")]
    synced_at: Timestamp,
}

/// The plan that one has.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OwnPlanView {
    #[schema(value_type = String, format = "uuid")]
    id: PlanId,
    name: String,
    description: String,
    #[serde(rename = "quota5hTokens")]
    quota_5h_tokens: Option<u64>,
    #[serde(rename = "quota7dTokens")]
    quota_7d_tokens: Option<u64>,
    is_default: bool,
}

/// Shows what whoever is signed in may use of models, and has used of it: the tokens of the calls that are on
/// record. A call counts for the whole window, and up to a quarter of an hour longer in that of five hours, up to an
/// hour longer in that of seven days.
#[utoipa::path(get, path = "/api/v1/me/quota", tag = "me", responses(
    (status = OK, body = QuotaView),
    (status = INTERNAL_SERVER_ERROR, description = "`load_subscription_quota_failed`, with `requestId`", body = ErrorBody),
    (status = SERVICE_UNAVAILABLE, description = "`load_subscription_quota_failed` or `store_unavailable`, with `requestId`", body = ErrorBody),
))]
pub(super) async fn quota(
    signed_in: SignedIn,
    State(control): State<Arc<Control>>,
) -> Result<Json<QuotaView>, ApiError> {
    let quota = plans::quota(&control, signed_in.actor, signed_in.account.id).await;
    let quota = quota.map_err(|error| ApiError::from(error).of_store("load_subscription_quota_failed"))?;
    Ok(Json(quota.into()))
}

impl From<Plan> for OwnPlanView {
    fn from(plan: Plan) -> Self {
        Self {
            id: plan.id,
            name: plan.name,
            description: plan.description,
            quota_5h_tokens: plan.quota_5h_tokens,
            quota_7d_tokens: plan.quota_7d_tokens,
            is_default: plan.is_default,
        }
    }
}

impl From<Quota> for QuotaView {
    fn from(Quota { plan, five_hours, seven_days, at }: Quota) -> Self {
        Self {
            has_subscription: plan.is_some(),
            plan: plan.map(OwnPlanView::from),
            used_5h_tokens: five_hours.used,
            quota_5h_tokens: five_hours.quota,
            remaining_5h_tokens: five_hours.remaining(),
            reset_5h_at: five_hours.reset_at,
            used_7d_tokens: seven_days.used,
            quota_7d_tokens: seven_days.quota,
            remaining_7d_tokens: seven_days.remaining(),
            reset_7d_at: seven_days.reset_at,
            synced_at: at,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Api, PASSWORD};
    use serde_json::json;

    #[tokio::test]
    async fn a_change_of_the_plan_shows_at_once() {
        let api = Api::new().await;
        api.create_person("a@example.com", "user").await;
        let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
        let mut nothing = browser.get("/api/v1/me/quota").await.ok();
        assert!(nothing["syncedAt"].take().is_string());
        assert_eq!(
            nothing,
            json!({"syncedAt": null, "hasSubscription": false, "used5hTokens": 0, "quota5hTokens": null,
                "remaining5hTokens": null, "reset5hAt": null, "used7dTokens": 0, "quota7dTokens": null,
                "remaining7dTokens": null, "reset7dAt": null})
        );
        let plans = "/api/v1/admin/subscriptions";
        let plan = api.post(plans, &json!({"name": "a", "quota5hTokens": 7})).await.created();
        let quota = browser.get("/api/v1/me/quota").await.ok();
        assert_eq!((&quota["hasSubscription"], &quota["plan"]["id"]), (&json!(true), &plan["id"]));
        assert_eq!((&quota["remaining5hTokens"], &quota["remaining7dTokens"]), (&json!(7), &json!(null)));
        let path = format!("{plans}/{}", plan["id"].as_str().unwrap());
        api.patch(&path, &json!({"quota5hTokens": 9})).await.ok();
        assert_eq!(browser.get("/api/v1/me/quota").await.ok()["quota5hTokens"], 9);
        api.get("/api/v1/me/quota").await.refused(401, "missing session");
    }
}
