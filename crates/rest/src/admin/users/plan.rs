//! `PUT /api/v1/admin/users/{id}/subscription-plan`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_auth::AccountKind;
use promptgate_control::plans::{self, AssignPlanError};
use promptgate_control::{Control, accounts};
use promptgate_kernel::PlanId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{UserView, missing, not_found, parse_id};
use crate::admin::Acting;
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// The plan that an account is to have.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::admin) struct PlanBody {
    /// Null, or a blank text, leaves it the default one.
    #[serde(default)]
    #[schema(required, value_type = Option<String>, format = "uuid")]
    plan_id: Option<String>,
}

impl PlanBody {
    /// The plan that is meant; what is no id is no plan.
    pub(in crate::admin) fn plan(&self) -> Result<Option<PlanId>, ApiError> {
        let given = self.plan_id.as_deref().map(str::trim).filter(|id| !id.is_empty());
        given.map(|id| id.parse().map_err(no_plan)).transpose()
    }
}

fn no_plan(error: impl ToString) -> ApiError {
    ApiError::bad_request("invalid_subscription_assignment").field("planId").message(error)
}

/// An assignment that failed, of a person or of a service account, which is what `not_found` says.
pub(in crate::admin) fn not_assigned(error: AssignPlanError, not_found: fn(String) -> ApiError) -> ApiError {
    match error {
        AssignPlanError::Forbidden(error) => error.into(),
        error @ AssignPlanError::UnknownAccount(_) => not_found(error.to_string()),
        error @ AssignPlanError::UnknownPlan(_) => no_plan(error),
        AssignPlanError::Store(error) => error.into(),
    }
}

/// Gives a person a subscription plan, or leaves the default one.
#[utoipa::path(put, path = "/api/v1/admin/users/{id}/subscription-plan", tag = "users",
    params(("id" = String, Path, description = "The person")),
    request_body = PlanBody,
    responses(
        (status = OK, body = UserView),
        (status = BAD_REQUEST, description = "`invalid_subscription_assignment`, `invalid_request_body`",
            body = ErrorBody),
        (status = NOT_FOUND, description = "`user_not_found`", body = ErrorBody),
    ))]
pub(super) async fn assign(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
    StrictJson(body): StrictJson<PlanBody>,
) -> Result<Json<UserView>, ApiError> {
    let (id, kind) = (parse_id(&id)?, AccountKind::Person);
    let assigned = plans::assign(&control, actor, kind, id, body.plan()?).await;
    assigned.map_err(|error| not_assigned(error, not_found))?;
    let found = accounts::find(&control, actor, kind, id).await;
    Ok(Json(found.map_err(|error| missing(error, not_found))?.into()))
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn a_plan_is_given_and_taken_away() {
        let api = Api::new().await;
        let plans = "/api/v1/admin/subscriptions";
        let default = api.post(plans, &json!({"name": "default"})).await.created();
        let team = api.post(plans, &json!({"name": "team", "quota5hTokens": 5})).await.created();
        let person = api.create_person("a@example.com", "user").await;
        let service = api.create_service("ci").await;
        for (door, id, code) in [
            ("users", &person, "user_not_found"),
            ("service-accounts", &service, "service_account_not_found"),
        ] {
            let path = format!("/api/v1/admin/{door}/{id}/subscription-plan");
            let put =
                async |path: &str, body: serde_json::Value| api.send("PUT", path, &body.to_string()).await;
            let given = put(&path, json!({"planId": team["id"]})).await.ok();
            assert_eq!(given["subscriptionPlanId"], team["id"], "{door}");
            assert_eq!(given["subscriptionPlan"]["quota5hTokens"], 5);
            assert_eq!(given["effectiveSubscriptionPlan"]["id"], team["id"]);
            let refused = put(&path, json!({"planId": "x"})).await;
            refused.refused(400, "invalid_subscription_assignment");
            let nobody = "018f4e6e-0000-7000-8000-00000000dead";
            put(&path, json!({"planId": nobody})).await.refused(400, "invalid_subscription_assignment");
            for nothing in [json!({"planId": null}), json!({"planId": " "})] {
                let taken = put(&path, nothing).await.ok();
                assert!(taken["subscriptionPlanId"].is_null() && taken.get("subscriptionPlan").is_none());
                assert_eq!(taken["effectiveSubscriptionPlan"]["id"], default["id"]);
            }
            let other = if door == "users" { &service } else { &person };
            for id in [other.as_str(), nobody, "x"] {
                let path = format!("/api/v1/admin/{door}/{id}/subscription-plan");
                put(&path, json!({"planId": null})).await.refused(404, code);
            }
        }
        assert_eq!(api.audit_actions().await.last().unwrap(), "account.plan_changed");
    }
}
