//! `/api/v1/admin/projects/{uuid}/members`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_auth::{Membership, ProjectRole};
use promptgate_control::Control;
use promptgate_control::accounts::{Member, MembersError, members, remove_member, set_member};
use promptgate_kernel::AccountId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::users;
use crate::ApiState;
use crate::admin::{Acting, projects};
use crate::body::{StrictJson, or_default};
use crate::error::{ApiError, ErrorBody};
use crate::listing::ItemsView;
use crate::segment::{Segment, Segments};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(set, remove))
}

/// A member of a project.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MemberView {
    #[schema(value_type = String, format = "uuid")]
    user_id: AccountId,
    preferred_username: String,
    email: String,
    name: String,
    /// `user` or `service`.
    r#type: &'static str,
    is_active: bool,
    /// What the member may do there: `viewer`, `developer` or `admin`.
    role: &'static str,
}

impl From<Member> for MemberView {
    fn from(Member { account, role }: Member) -> Self {
        Self {
            user_id: account.id,
            preferred_username: account.username,
            email: account.email,
            name: account.name,
            r#type: account.kind.as_str(),
            is_active: account.active,
            role: role.as_str(),
        }
    }
}

/// What somebody is to be in the project.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MemberBody {
    /// `viewer` reads, `developer` also changes and runs endpoints, `admin` also changes settings, tokens
    /// and members.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, example = "developer")]
    role: String,
}

/// Lists who belongs to a project.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}/members", tag = "members",
    params(("uuid" = String, Path, description = "The project")),
    responses(
        (status = OK, body = ItemsView<MemberView>),
        (status = NOT_FOUND, description = "`project_not_found`", body = ErrorBody),
    ))]
async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(uuid): Segment,
) -> Result<Json<ItemsView<MemberView>>, ApiError> {
    let members = members(&control, actor, projects::parse_id(&uuid)?).await?;
    Ok(Json(ItemsView { items: members.into_iter().map(MemberView::from).collect() }))
}

/// Makes somebody a member of a project, or gives a member another role.
#[utoipa::path(put, path = "/api/v1/admin/projects/{uuid}/members/{userId}", tag = "members",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("userId" = String, Path, description = "A person or a service account"),
    ),
    request_body = MemberBody,
    responses(
        (status = OK, body = MemberView),
        (status = BAD_REQUEST, description = "`invalid_role`, `invalid_request_body`", body = ErrorBody),
        (status = NOT_FOUND, description = "`project_not_found`, `user_not_found`", body = ErrorBody),
    ))]
async fn set(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
    StrictJson(body): StrictJson<MemberBody>,
) -> Result<Json<MemberView>, ApiError> {
    let membership = Membership {
        project: projects::parse_id(segments.named("uuid"))?,
        account: users::parse_id(segments.named("userId"))?,
        role: body
            .role
            .parse::<ProjectRole>()
            .map_err(|error| ApiError::bad_request("invalid_role").field("role").message(error))?,
    };
    Ok(Json(set_member(&control, actor, membership).await?.into()))
}

/// Ends somebody's membership.
#[utoipa::path(delete, path = "/api/v1/admin/projects/{uuid}/members/{userId}", tag = "members",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("userId" = String, Path, description = "A person or a service account"),
    ),
    responses(
        (status = NO_CONTENT),
        (status = NOT_FOUND, description = "`project_not_found`, `user_not_found`", body = ErrorBody),
    ))]
async fn remove(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<StatusCode, ApiError> {
    let project = projects::parse_id(segments.named("uuid"))?;
    remove_member(&control, actor, project, users::parse_id(segments.named("userId"))?).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<MembersError> for ApiError {
    fn from(error: MembersError) -> Self {
        match error {
            MembersError::Forbidden(error) => error.into(),
            error @ MembersError::UnknownProject(_) => projects::not_found(error),
            error @ MembersError::UnknownAccount(_) => users::not_found(error),
            MembersError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn members_come_change_and_go() {
        let api = Api::new().await;
        let project = api.create_project("x", "ai_gateway").await;
        let id = api.create_person("a@example.com", "user").await;
        let members = format!("/api/v1/admin/projects/{project}/members");
        let member = format!("{members}/{id}");
        for role in ["viewer", "admin"] {
            assert_eq!(api.put(&member, &json!({"role": role})).await.ok()["role"], role);
        }
        let listed = api.get(&members).await.ok();
        assert_eq!(
            (&listed["items"][0]["userId"], &listed["items"][0]["role"]),
            (&json!(id), &json!("admin"))
        );
        api.put(&member, &json!({"role": "owner"})).await.refused(400, "invalid_role");
        api.put(&format!("{members}/x"), &json!({"role": "viewer"})).await.refused(404, "user_not_found");
        api.delete(&member).await.no_content();
        api.delete(&member).await.refused(404, "user_not_found");
        api.get("/api/v1/admin/projects/x/members").await.refused(404, "project_not_found");
    }
}
