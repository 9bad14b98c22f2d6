//! `PATCH /api/v1/admin/subscriptions/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_access::PlanChanges;
use promptgate_control::plans::UpdatePlan;
use promptgate_control::{Control, plans};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{SubscriptionPlanView, parse_id, quota};
use crate::admin::Acting;
use crate::body::{Patch, StrictJson};
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// What is to change about a subscription plan. What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdatePlanBody {
    #[schema(min_length = 1, max_length = 120)]
    name: Option<String>,
    #[schema(max_length = 2000)]
    description: Option<String>,
    /// Null for no limit.
    #[serde(default, rename = "quota5hTokens")]
    #[schema(value_type = Option<u64>, minimum = 1)]
    quota_5h_tokens: Patch<i64>,
    /// Null for no limit.
    #[serde(default, rename = "quota7dTokens")]
    #[schema(value_type = Option<u64>, minimum = 1)]
    quota_7d_tokens: Patch<i64>,
    /// The default one cannot be made an ordinary one; make another one the default.
    is_default: Option<bool>,
}

/// Changes a subscription plan.
#[utoipa::path(patch, path = "/api/v1/admin/subscriptions/{id}", tag = "subscriptions",
    params(("id" = String, Path, description = "The plan")),
    request_body = UpdatePlanBody,
    responses(
        (status = OK, body = SubscriptionPlanView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_subscription_plan`, \
            `default_plan_required`", body = ErrorBody),
        (status = NOT_FOUND, description = "`subscription_plan_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`name_conflict`, `concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn update(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
    StrictJson(body): StrictJson<UpdatePlanBody>,
) -> Result<Json<SubscriptionPlanView>, ApiError> {
    let changes = PlanChanges {
        name: body.name,
        description: body.description,
        quota_5h_tokens: body.quota_5h_tokens.into_change().map(|limit| limit.map(quota)),
        quota_7d_tokens: body.quota_7d_tokens.into_change().map(|limit| limit.map(quota)),
    };
    let command = UpdatePlan { changes, is_default: body.is_default };
    Ok(Json(plans::update(&control, actor, parse_id(&id)?, command).await?.into()))
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    const PATH: &str = "/api/v1/admin/subscriptions";

    #[tokio::test]
    async fn what_is_left_out_stays_and_null_takes_a_limit_away() {
        let api = Api::new().await;
        let body = json!({"name": "a", "description": "d", "quota5hTokens": 5, "quota7dTokens": 7});
        let created = api.post(PATH, &body).await.created();
        let path = format!("{PATH}/{}", created["id"].as_str().unwrap());
        let kept = api.patch(&path, &json!({"name": "b"})).await.ok();
        assert_eq!((&kept["quota5hTokens"], &kept["quota7dTokens"]), (&json!(5), &json!(7)));
        assert_eq!((&kept["description"], &kept["isDefault"]), (&json!("d"), &json!(true)));
        let freed = api.patch(&path, &json!({"quota5hTokens": null})).await.ok();
        assert_eq!((&freed["quota5hTokens"], &freed["quota7dTokens"]), (&json!(null), &json!(7)));
        // A whole body, as the frontend sends it.
        let whole = json!({"name": "c", "description": "", "quota5hTokens": 1, "quota7dTokens": null, "isDefault": true});
        let whole = api.patch(&path, &whole).await.ok();
        assert_eq!((&whole["quota5hTokens"], &whole["quota7dTokens"]), (&json!(1), &json!(null)));
        assert_eq!(api.audit_actions().await.last().unwrap(), "subscription_plan.updated");
        let before = api.audit_actions().await;
        assert_eq!(api.patch(&path, &json!({})).await.ok(), whole);
        assert_eq!(api.audit_actions().await, before);
        let refused = api.patch(&path, &json!({"quota5hTokens": 0})).await;
        assert_eq!(refused.refused(400, "invalid_subscription_plan")["field"], "quota5hTokens");
        api.patch(&format!("{PATH}/x"), &json!({})).await.refused(404, "subscription_plan_not_found");
    }

    #[tokio::test]
    async fn the_default_cannot_vanish_and_moves_whole() {
        let api = Api::new().await;
        let path = |created: serde_json::Value| format!("{PATH}/{}", created["id"].as_str().unwrap());
        let first = path(api.post(PATH, &json!({"name": "a"})).await.created());
        let second = path(api.post(PATH, &json!({"name": "b"})).await.created());
        api.patch(&first, &json!({"isDefault": false, "name": "x"}))
            .await
            .refused(400, "default_plan_required");
        assert_eq!(api.get(&first).await.ok()["name"], "a");
        assert_eq!(api.patch(&second, &json!({"isDefault": false})).await.ok()["isDefault"], false);
        assert_eq!(api.patch(&second, &json!({"isDefault": true})).await.ok()["isDefault"], true);
        assert_eq!(api.get(&first).await.ok()["isDefault"], false);
        let taken = json!({"name": "B"});
        api.patch(&first, &taken).await.refused(409, "name_conflict");
        let back = api.send("PUT", &format!("{first}/default"), "").await.ok();
        assert_eq!((&back["name"], &back["isDefault"]), (&json!("a"), &json!(true)));
        assert_eq!(api.get(&second).await.ok()["isDefault"], false);
        assert_eq!(api.audit_actions().await.last().unwrap(), "subscription_plan.made_default");
        let nobody = "018f4e6e-0000-7000-8000-00000000dead";
        for id in ["x", nobody] {
            let path = format!("{PATH}/{id}/default");
            api.send("PUT", &path, "").await.refused(404, "subscription_plan_not_found");
        }
    }
}
