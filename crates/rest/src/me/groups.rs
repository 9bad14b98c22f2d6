//! `GET /api/v1/me/groups`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_access::Group;
use promptgate_control::{Control, groups};
use promptgate_kernel::GroupId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{ApiError, ErrorBody};
use crate::session::SignedIn;

/// A group that one is in. What it grants is for administrators.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OwnGroupView {
    #[schema(value_type = String, format = "uuid")]
    id: GroupId,
    name: String,
    display_name: String,
    description: String,
}

/// Shows the access groups of whoever is signed in, by name.
#[utoipa::path(get, path = "/api/v1/me/groups", tag = "me", responses(
    (status = OK, body = Vec<OwnGroupView>),
    (status = INTERNAL_SERVER_ERROR, description = "`load_user_groups_failed`, with `requestId`", body = ErrorBody),
    (status = SERVICE_UNAVAILABLE, description = "`load_user_groups_failed` or `store_unavailable`, with `requestId`", body = ErrorBody),
))]
pub(super) async fn groups(
    signed_in: SignedIn,
    State(control): State<Arc<Control>>,
) -> Result<Json<Vec<OwnGroupView>>, ApiError> {
    let groups = groups::mine(&control, signed_in.actor, signed_in.account.id).await;
    let groups = groups.map_err(|error| ApiError::from(error).of_store("load_user_groups_failed"))?;
    Ok(Json(groups.into_iter().map(OwnGroupView::from).collect()))
}

impl From<Group> for OwnGroupView {
    fn from(group: Group) -> Self {
        Self {
            id: group.id,
            name: group.name,
            display_name: group.display_name,
            description: group.description,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Api, PASSWORD};
    use serde_json::json;

    #[tokio::test]
    async fn one_sees_the_names_of_ones_groups_and_no_more() {
        let api = Api::new().await;
        let person = api.create_person("a@example.com", "user").await;
        let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
        assert_eq!(browser.get("/api/v1/me/groups").await.ok(), json!([]));
        let mut ids = Vec::new();
        for name in ["two", "one"] {
            let body = json!({"name": name, "displayName": name, "description": "d", "allProviders": true});
            let id = api.post("/api/v1/admin/groups", &body).await.created()["id"].clone();
            let member = format!("/api/v1/admin/groups/{}/members/{person}", id.as_str().unwrap());
            api.send("PUT", &member, "").await.no_content();
            ids.push(id);
        }
        assert_eq!(
            browser.get("/api/v1/me/groups").await.ok(),
            json!([{"id": ids[1], "name": "one", "displayName": "one", "description": "d"},
                {"id": ids[0], "name": "two", "displayName": "two", "description": "d"}])
        );
        api.get("/api/v1/me/groups").await.refused(401, "missing session");
    }
}
