//! `DELETE /api/v1/admin/subscriptions/{id}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, plans};

use super::parse_id;
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Deletes a subscription plan that is not the default one and that no account was given.
#[utoipa::path(delete, path = "/api/v1/admin/subscriptions/{id}", tag = "subscriptions",
    params(("id" = String, Path, description = "The plan")),
    responses(
        (status = NO_CONTENT, description = "Deleted"),
        (status = BAD_REQUEST, description = "`default_plan_delete_denied`", body = ErrorBody),
        (status = NOT_FOUND, description = "`subscription_plan_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`subscription_plan_assigned`", body = ErrorBody),
    ))]
pub(super) async fn delete(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<StatusCode, ApiError> {
    plans::delete(&control, actor, parse_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    const PATH: &str = "/api/v1/admin/subscriptions";

    #[tokio::test]
    async fn the_default_one_stays_and_so_does_one_that_somebody_was_given() {
        let api = Api::new().await;
        let account = api.stored_person("ada").await;
        let made = async |name: &str| {
            let created = api.post(PATH, &json!({"name": name})).await.created();
            created["id"].as_str().unwrap().to_owned()
        };
        let (first, second) = (made("a").await, made("b").await);
        api.delete(&format!("{PATH}/{first}")).await.refused(400, "default_plan_delete_denied");
        assert_eq!(api.get(&format!("{PATH}/{first}")).await.ok()["assignedIndirectAccountsCount"], 1);
        api.assign_plan(&account, Some(&second)).await;
        api.delete(&format!("{PATH}/{second}")).await.refused(409, "subscription_plan_assigned");
        let counted = api.get(&format!("{PATH}/{second}")).await.ok();
        assert_eq!(
            (&counted["assignedUsersCount"], &counted["assignedAccountsCount"]),
            (&json!(1), &json!(1))
        );
        api.assign_plan(&account, None).await;
        api.delete(&format!("{PATH}/{second}")).await.no_content();
        api.delete(&format!("{PATH}/{second}")).await.refused(404, "subscription_plan_not_found");
        api.delete(&format!("{PATH}/x")).await.refused(404, "subscription_plan_not_found");
        made("b").await;
    }
}
