//! `GET` and `PUT /api/v1/admin/users/{id}/groups`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, groups};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{GroupView, parse_id, parse_user};
use crate::admin::Acting;
use crate::body::{StrictJson, or_default};
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// The groups that an account is to be in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct GroupsBody {
    /// All of them; none takes it out of every group. Repeated ones count once.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required)]
    group_ids: Vec<String>,
}

/// Shows the access groups that a person or a service account is in, by name.
#[utoipa::path(get, path = "/api/v1/admin/users/{id}/groups", tag = "groups",
    params(("id" = String, Path, description = "The person or service account")),
    responses(
        (status = OK, body = Vec<GroupView>),
        (status = NOT_FOUND, description = "`user_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_user(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<Json<Vec<GroupView>>, ApiError> {
    let found = groups::of_account(&control, actor, parse_user(&id)?).await?;
    Ok(Json(found.into_iter().map(GroupView::from).collect()))
}

/// Puts a person or a service account into these access groups, and takes it out of all others.
#[utoipa::path(put, path = "/api/v1/admin/users/{id}/groups", tag = "groups",
    params(("id" = String, Path, description = "The person or service account")),
    request_body = GroupsBody,
    responses(
        (status = OK, body = Vec<GroupView>),
        (status = NOT_FOUND, description = "`user_not_found`, `group_not_found`", body = ErrorBody),
    ))]
pub(super) async fn replace(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
    StrictJson(body): StrictJson<GroupsBody>,
) -> Result<Json<Vec<GroupView>>, ApiError> {
    let user = parse_user(&id)?;
    let ids = body.group_ids.iter().map(|id| parse_id(id.trim()).map_err(|error| error.field("groupIds")));
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    let groups = groups::set_of_account(&control, actor, user, &ids).await?;
    Ok(Json(groups.into_iter().map(GroupView::from).collect()))
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::{Value, json};

    const GROUPS: &str = "/api/v1/admin/groups";

    fn names(groups: &Value) -> Vec<&str> {
        groups.as_array().unwrap().iter().map(|group| group["name"].as_str().unwrap()).collect()
    }

    #[tokio::test]
    async fn accounts_come_and_go_from_both_sides() {
        let api = Api::new().await;
        let account = api.stored_person("ada").await;
        let mut ids = Vec::new();
        for name in ["one", "two"] {
            let body = json!({"name": name, "displayName": name, "allProviders": true});
            ids.push(api.post(GROUPS, &body).await.created()["id"].as_str().unwrap().to_owned());
        }
        let member = format!("{GROUPS}/{}/members/{account}", ids[0]);
        let of_user = format!("/api/v1/admin/users/{account}/groups");
        assert_eq!(api.get(&of_user).await.ok(), json!([]));
        api.send("PUT", &member, "").await.no_content();
        let before = (api.revision().await, api.audit_actions().await);
        api.send("PUT", &member, "").await.no_content();
        assert_eq!((api.revision().await, api.audit_actions().await), before, "it was in it already");
        let group = api.get(&format!("{GROUPS}/{}", ids[0])).await.ok();
        assert_eq!(
            group["members"],
            json!([{"id": account, "preferredUsername": "ada", "email": "ada@example.com", "name": "ADA",
                "type": "user", "role": "user", "isActive": true}])
        );
        assert_eq!(group["memberCount"], 1);
        let body = json!({"groupIds": [ids[1], ids[0], ids[1]]}).to_string();
        assert_eq!(names(&api.send("PUT", &of_user, &body).await.ok()), ["one", "two"]);
        assert_eq!(api.audit_actions().await.last().unwrap(), "account.groups_changed");
        api.delete(&member).await.no_content();
        api.delete(&member).await.no_content();
        assert_eq!(names(&api.get(&of_user).await.ok()), ["two"]);
        assert_eq!(api.send("PUT", &of_user, r#"{"groupIds":[]}"#).await.ok(), json!([]));
    }

    #[tokio::test]
    async fn what_is_not_there_is_named() {
        let api = Api::new().await;
        let account = api.stored_person("ada").await;
        let body = json!({"name": "a", "displayName": "A", "allProviders": true});
        let group = api.post(GROUPS, &body).await.created()["id"].as_str().unwrap().to_owned();
        let nobody = "018f4e6e-0000-7000-8000-00000000dead";
        for (method, path, body, code) in [
            ("PUT", format!("{GROUPS}/{group}/members/{nobody}"), "", "user_not_found"),
            ("PUT", format!("{GROUPS}/{group}/members/x"), "", "user_not_found"),
            ("DELETE", format!("{GROUPS}/{nobody}/members/{account}"), "", "group_not_found"),
            ("DELETE", format!("{GROUPS}/x/members/{account}"), "", "group_not_found"),
            ("GET", format!("/api/v1/admin/users/{nobody}/groups"), "", "user_not_found"),
            ("GET", "/api/v1/admin/users/x/groups".to_owned(), "", "user_not_found"),
            ("PUT", format!("/api/v1/admin/users/{nobody}/groups"), r#"{"groupIds":[]}"#, "user_not_found"),
            (
                "PUT",
                format!("/api/v1/admin/users/{account}/groups"),
                r#"{"groupIds":["x"]}"#,
                "group_not_found",
            ),
        ] {
            api.send(method, &path, body).await.refused(404, code);
        }
        let wrong = format!(r#"{{"groupIds":["{group}","{nobody}"]}}"#);
        let path = format!("/api/v1/admin/users/{account}/groups");
        api.send("PUT", &path, &wrong).await.refused(404, "group_not_found");
        assert_eq!(api.get(&path).await.ok(), json!([]), "all or nothing");
    }
}
