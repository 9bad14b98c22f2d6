//! `GET /api/{uuid}/info`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::Control;
use promptgate_control::introspection::{self, ProjectInfo};
use promptgate_kernel::ProjectId;
use promptgate_tokens::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use super::Answer;
use super::bearer::Bearer;
use super::error::ProjectError;
use crate::segment::Segment;

/// A project, as its token sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InfoView {
    #[schema(value_type = String, format = "uuid")]
    id: ProjectId,
    #[schema(value_type = String, format = "uuid")]
    uuid: ProjectId,
    name: String,
    /// `ai_gateway`, `ai_wrapper`, `agent_proxy`, `api_gateway` or `mcp_gateway`.
    project_type: &'static str,
    /// `dev`, `staging` or `prod`.
    env: &'static str,
    endpoints_count: u64,
    /// Inactive and revoked tokens too.
    tokens_count: u64,
}

/// Describes the project. Needs the scope `admin`.
#[utoipa::path(get, path = "/api/{uuid}/info", tag = "introspection",
    params(("uuid" = String, Path, description = "The project")),
    responses((status = OK, body = Answer<InfoView>)))]
pub(super) async fn info(
    State(control): State<Arc<Control>>,
    Segment(uuid): Segment,
    bearer: Bearer,
) -> Result<Json<Answer<InfoView>>, ProjectError> {
    let project = uuid.parse().ok();
    let caller = introspection::authenticate(&control, bearer.presented(), project, Scope::Admin).await?;
    let info = introspection::info(&control, &caller).await?;
    Ok(Json(Answer::of(info.into())))
}

impl From<ProjectInfo> for InfoView {
    fn from(info: ProjectInfo) -> Self {
        Self {
            id: info.project.id,
            uuid: info.project.id,
            name: info.project.name.as_str().to_owned(),
            project_type: info.project.kind.as_str(),
            env: info.project.env.as_str(),
            endpoints_count: info.endpoints_count,
            tokens_count: info.tokens_count,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn a_token_with_the_scope_reads_its_project() {
        let api = Api::new().await;
        let project = api.create_project("Search", "agent_proxy").await;
        let token = api.issue_scoped(&project, &["admin"]).await;
        let answer = api.with_token(&format!("/api/{project}/info"), &token.secret).await.ok();
        let data = json!({"id": project, "uuid": project, "name": "Search", "project_type": "agent_proxy",
            "env": "prod", "endpoints_count": 0, "tokens_count": 1});
        assert_eq!(answer, json!({"ok": true, "data": data}));
        let endpoints = api.with_token(&format!("/api/{project}/endpoints"), &token.secret).await.ok();
        assert_eq!(endpoints, json!({"ok": true, "data": []}));
    }

    #[tokio::test]
    async fn refusals_come_in_order_and_say_what_is_needed() {
        let api = Api::new().await;
        let (own, other) =
            (api.create_project("a", "ai_wrapper").await, api.create_project("b", "ai_wrapper").await);
        let chat = api.issue_token(&own).await;
        let admin = api.issue_scoped(&own, &["admin"]).await;
        let info = format!("/api/{own}/info");
        let unknown = promptgate_tokens::TokenSecret::generate(
            promptgate_tokens::TokenEnv::Live,
            &promptgate_kernel::OsEntropy,
        );
        let foreign = format!("/api/{other}/info");
        for (path, token, status, text) in [
            (&info, None, 401, "bearer token missing"),
            (&info, Some("sk-1"), 401, "format invalid"),
            (&info, Some("pg_live_1"), 401, "format invalid"),
            (&info, Some(unknown.expose()), 401, "invalid or revoked"),
            (&info, Some(&*chat.secret), 403, "`admin` is required; this token has: chat, models"),
            (&foreign, Some(&*chat.secret), 403, "`admin` is required"),
            (&foreign, Some(&*admin.secret), 403, "does not belong to this project"),
            (&"/api/nonsense/info".to_owned(), Some(&*admin.secret), 403, "does not belong to this project"),
            (&info, Some(&*admin.secret), 200, ""),
        ] {
            let answer = match token {
                Some(token) => api.with_token(path, token).await,
                None => api.without_key("GET", path).await,
            };
            assert_eq!(answer.status, status, "{path} {token:?}: {}", answer.text());
            assert!(answer.text().contains(text), "{}", answer.text());
            assert_eq!(answer.json()["ok"], status == 200);
        }
    }

    #[tokio::test]
    async fn an_inactive_token_and_an_inactive_project_are_told_apart() {
        let api = Api::new().await;
        let project = api.create_project("a", "ai_wrapper").await;
        let token = api.issue_scoped(&project, &["admin"]).await;
        let info = format!("/api/{project}/info");
        let (token_path, project_path) =
            (format!("/api/v1/admin/tokens/{}", token.id), format!("/api/v1/admin/projects/{project}"));
        api.patch(&token_path, &json!({"isActive": false})).await.ok();
        assert_eq!(api.with_token(&info, &token.secret).await.status, 401);
        api.patch(&token_path, &json!({"isActive": true})).await.ok();
        api.patch(&project_path, &json!({"isActive": false})).await.ok();
        let inactive = api.with_token(&info, &token.secret).await;
        assert_eq!(inactive.status, 403);
        assert!(inactive.text().contains("inactive"));
        api.delete(&project_path).await.no_content();
        assert_eq!(api.with_token(&info, &token.secret).await.status, 403);
    }
}
