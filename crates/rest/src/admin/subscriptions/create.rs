//! `POST /api/v1/admin/subscriptions`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_access::NewPlan;
use promptgate_control::{Control, plans};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{SubscriptionPlanView, quota};
use crate::admin::Acting;
use crate::body::{StrictJson, or_default};
use crate::error::{ApiError, ErrorBody};

/// A new subscription plan.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreatePlanBody {
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, min_length = 1, max_length = 120)]
    name: String,
    #[schema(max_length = 2000)]
    description: Option<String>,
    /// The most tokens in five hours; no limit unless given.
    #[serde(rename = "quota5hTokens")]
    #[schema(value_type = Option<u64>, minimum = 1)]
    quota_5h_tokens: Option<i64>,
    /// The most tokens in seven days; no limit unless given.
    #[serde(rename = "quota7dTokens")]
    #[schema(value_type = Option<u64>, minimum = 1)]
    quota_7d_tokens: Option<i64>,
    /// Whether accounts have it from now on that were given none. The first plan is it in any case.
    is_default: Option<bool>,
}

/// Creates a subscription plan. A new default one takes the place of the one before.
#[utoipa::path(post, path = "/api/v1/admin/subscriptions", tag = "subscriptions",
    request_body = CreatePlanBody,
    responses(
        (status = CREATED, body = SubscriptionPlanView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_subscription_plan`",
            body = ErrorBody),
        (status = CONFLICT, description = "`name_conflict`, `concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn create(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<CreatePlanBody>,
) -> Result<(StatusCode, Json<SubscriptionPlanView>), ApiError> {
    let new = NewPlan {
        name: body.name,
        description: body.description.unwrap_or_default(),
        quota_5h_tokens: body.quota_5h_tokens.map(quota),
        quota_7d_tokens: body.quota_7d_tokens.map(quota),
        is_default: body.is_default.unwrap_or(false),
    };
    let created = plans::create(&control, actor, new).await?;
    Ok((StatusCode::CREATED, Json(created.into())))
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::{Value, json};

    const PATH: &str = "/api/v1/admin/subscriptions";

    #[tokio::test]
    async fn what_was_sent_comes_back_and_the_first_one_is_the_default() {
        let api = Api::new().await;
        let body = json!({"name": " Team ", "description": "d", "quota5hTokens": 10, "isDefault": false});
        let view = api.post(PATH, &body).await.created();
        assert_eq!((&view["name"], &view["quota5hTokens"]), (&json!("Team"), &json!(10)));
        assert_eq!((&view["quota7dTokens"], &view["isDefault"]), (&Value::Null, &json!(true)));
        for count in ["Users", "ServiceAccounts", "DirectAccounts", "IndirectAccounts", "Accounts"] {
            assert_eq!(view[format!("assigned{count}Count")], 0, "{count}");
        }
        let second = api.post(PATH, &json!({"name": "b"})).await.created();
        assert_eq!(second["isDefault"], false);
        let third = api.post(PATH, &json!({"name": "c", "isDefault": true})).await.created();
        assert_eq!(third["isDefault"], true);
        let first = api.get(&format!("{PATH}/{}", view["id"].as_str().unwrap())).await.ok();
        assert_eq!(first["isDefault"], false, "there is one default");
        assert_eq!(api.audit_actions().await.last().unwrap(), "subscription_plan.created");
    }

    #[tokio::test]
    async fn what_is_wrong_has_a_code_and_a_field() {
        let api = Api::new().await;
        for (body, field) in [
            (json!({}), "name"),
            (json!({"name": " "}), "name"),
            (json!({"name": "é".repeat(121)}), "name"),
            (json!({"name": "a", "description": "x".repeat(2_001)}), "description"),
            (json!({"name": "a", "quota5hTokens": 0}), "quota5hTokens"),
            (json!({"name": "a", "quota5hTokens": -1}), "quota5hTokens"),
        ] {
            let refused = api.post(PATH, &body).await.refused(400, "invalid_subscription_plan");
            assert_eq!(refused["field"], field);
        }
        for body in [json!({"name": "a", "quota": 1}), json!({"name": "a", "quota7dTokens": u64::MAX})] {
            api.post(PATH, &body).await.refused(400, "invalid_request_body");
        }
        api.post(PATH, &json!({"name": "a"})).await.created();
        let taken = api.post(PATH, &json!({"name": "A"})).await.refused(409, "name_conflict");
        assert_eq!(taken["field"], "name");
    }
}
