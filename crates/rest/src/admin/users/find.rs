//! `GET /api/v1/admin/users/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_auth::AccountKind;
use promptgate_control::Control;
use promptgate_control::accounts::{self, FindAccountError};

use super::{UserView, not_found, parse_id};
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Shows a person.
#[utoipa::path(get, path = "/api/v1/admin/users/{id}", tag = "users",
    params(("id" = String, Path, description = "The person")),
    responses(
        (status = OK, body = UserView),
        (status = NOT_FOUND, description = "`user_not_found`", body = ErrorBody),
    ))]
pub(super) async fn find(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<Json<UserView>, ApiError> {
    let found = accounts::find(&control, actor, AccountKind::Person, parse_id(&id)?).await;
    Ok(Json(found.map_err(|error| missing(error, not_found))?.into()))
}

/// A person or a service account that was not found, which is what `not_found` says.
pub(in crate::admin) fn missing(error: FindAccountError, not_found: fn(String) -> ApiError) -> ApiError {
    match error {
        FindAccountError::Forbidden(error) => error.into(),
        error @ FindAccountError::NotFound(_) => not_found(error.to_string()),
        FindAccountError::Store(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Api, timeless};
    use serde_json::{Value, json};

    #[tokio::test]
    async fn a_person_is_shown_with_all_that_administrators_see() {
        let api = Api::new().await;
        let id = api.create_person("a@example.com", "manager").await;
        let found = api.account(&format!("/api/v1/admin/users/{id}")).await;
        let listed = api.get("/api/v1/admin/users").await.ok();
        assert_eq!(found, timeless(listed["items"][0].clone()), "as in the list");
        for (member, value) in [
            ("id", json!(id)),
            ("preferredUsername", json!("a@example.com")),
            ("email", json!("a@example.com")),
            ("type", json!("user")),
            ("role", json!("manager")),
            ("isActive", json!(true)),
            ("note", json!("")),
            ("subscriptionPlanId", Value::Null),
            ("expiresAt", Value::Null),
            ("firewallOverrideEnabled", json!(false)),
            ("inputTokens", json!(0)),
            ("outputTokens", json!(0)),
        ] {
            assert_eq!(found.get(member), Some(&value), "{member}");
        }
        assert!(found.get("subscriptionPlan").is_none(), "left out, not null");
    }

    #[tokio::test]
    async fn service_accounts_strangers_and_texts_that_are_no_ids_are_no_users() {
        let api = Api::new().await;
        let service = api.create_service("ci").await;
        for id in [&*service, "018f4e6e-0000-7000-8000-00000000dead", "x", "%20", "1"] {
            api.get(&format!("/api/v1/admin/users/{id}")).await.refused(404, "user_not_found");
        }
        api.without_key("GET", "/api/v1/admin/users/x").await.refused(401, "missing session");
    }
}
