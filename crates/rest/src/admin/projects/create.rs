//! `POST /api/v1/admin/projects`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_control::Control;
use promptgate_control::projects::{self, CreateProjectError};
use promptgate_projects::{NewProject, ProjectEnv, ProjectName, ProjectType};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{ProjectView, unknown_provider};
use crate::admin::Acting;
use crate::body::{StrictJson, or_default};
use crate::error::{ApiError, ErrorBody};
use crate::limits::{LimitsBody, new_limits};

/// A new project.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateProjectBody {
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, min_length = 1, max_length = 120)]
    name: String,
    /// `ai_gateway`, `ai_wrapper`, `agent_proxy`, `api_gateway` or `mcp_gateway`; never changes.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, example = "ai_wrapper")]
    project_type: String,
    /// `dev`, `staging` or `prod` (default).
    env: Option<String>,
    /// Whether its routes answer; yes unless said otherwise.
    is_active: Option<bool>,
    /// The provider that answers models nobody else claims.
    #[schema(format = "uuid")]
    default_provider_id: Option<String>,
    /// What is kept of what was said in its calls: `full`, `prompts` or `none`; what the installation
    /// keeps unless given.
    record_bodies: Option<String>,
    /// How much may be used in it, by all of its callers together.
    limits: Option<LimitsBody>,
    /// Free data, at most 64 KiB.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
}

/// Creates a project.
#[utoipa::path(post, path = "/api/v1/admin/projects", tag = "projects", request_body = CreateProjectBody, responses(
    (status = CREATED, body = ProjectView),
    (status = NOT_FOUND, description = "`provider_not_found`", body = ErrorBody),
))]
pub(super) async fn create(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<CreateProjectBody>,
) -> Result<(StatusCode, Json<ProjectView>), ApiError> {
    let project = projects::create(&control, actor, body.try_into()?).await?;
    Ok((StatusCode::CREATED, Json(project.into())))
}

impl TryFrom<CreateProjectBody> for NewProject {
    type Error = ApiError;

    fn try_from(body: CreateProjectBody) -> Result<Self, ApiError> {
        let env = body.env.as_deref().map(str::parse::<ProjectEnv>).transpose();
        let provider = body.default_provider_id.as_deref().map(str::parse).transpose();
        Ok(Self {
            name: ProjectName::parse(&body.name)?,
            kind: body.project_type.parse::<ProjectType>()?,
            env: env?.unwrap_or_default(),
            default_provider: provider.map_err(unknown_provider)?,
            record_bodies: body.record_bodies.as_deref().map(str::parse).transpose()?,
            limits: new_limits(body.limits)?,
            metadata: body.metadata.unwrap_or_default(),
            active: body.is_active.unwrap_or(true),
        })
    }
}

impl From<CreateProjectError> for ApiError {
    fn from(error: CreateProjectError) -> Self {
        match error {
            CreateProjectError::Forbidden(error) => error.into(),
            CreateProjectError::Invalid(error) => error.into(),
            error @ CreateProjectError::UnknownProvider(_) => unknown_provider(error),
            CreateProjectError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    const PATH: &str = "/api/v1/admin/projects";

    #[tokio::test]
    async fn what_was_sent_comes_back_with_what_was_made() {
        let api = Api::new().await;
        let body = json!({"name": " Search team ", "projectType": "ai_gateway", "env": "dev",
            "isActive": false, "metadata": {"owner": {"team": 7}}, "recordBodies": "none",
            "limits": {"dailyCost": 2.5, "models": {"gpt-4o": {"requestsPerMinute": 3}}}});
        let view = api.post(PATH, &body).await.created();
        assert_eq!(view["id"], view["uuid"]);
        assert_eq!(view["name"], "Search team");
        assert_eq!(view["slug"], "search-team");
        assert_eq!(view["projectType"], "ai_gateway");
        assert_eq!(view["env"], "dev");
        assert_eq!(view["isActive"], false);
        assert_eq!(view["defaultProviderId"], json!(null));
        assert_eq!(view["metadata"], json!({"owner": {"team": 7}}));
        assert_eq!(view["recordBodies"], "none");
        assert_eq!(
            (&view["limits"]["dailyCost"], &view["limits"]["dailyTokens"]),
            (&json!(2.5), &json!(null))
        );
        assert_eq!(view["limits"]["models"]["gpt-4o"]["requestsPerMinute"], 3);
        assert_eq!(view["createdAt"], view["updatedAt"]);
    }

    #[tokio::test]
    async fn what_is_wrong_has_a_code_and_a_field() {
        let api = Api::new().await;
        for (body, code, field) in [
            (json!({}), "invalid_name", "name"),
            (json!({"name": "x"}), "invalid_project_type", "projectType"),
            (json!({"name": "x", "projectType": "ai"}), "invalid_project_type", "projectType"),
            (json!({"name": "x", "projectType": "ai_gateway", "env": "qa"}), "invalid_env", "env"),
            (
                json!({"name": "x", "projectType": "ai_gateway", "recordBodies": "all"}),
                "invalid_record_bodies",
                "recordBodies",
            ),
            (
                json!({"name": "x", "projectType": "ai_wrapper", "limits": {"maxConcurrent": 0}}),
                "invalid_limit",
                "limits.maxConcurrent",
            ),
            (json!({"name": "x", "slug": "y"}), "invalid_request_body", "slug"),
            (json!({"name": 1}), "invalid_request_body", "name"),
        ] {
            let refused = api.post(PATH, &body).await.refused(400, code);
            assert_eq!(refused["field"], field);
        }
        let unknown = json!({"name": "x", "projectType": "ai_wrapper",
            "defaultProviderId": "018f4e6e-0000-7000-8000-00000000dead"});
        api.post(PATH, &unknown).await.refused(404, "provider_not_found");
    }

    #[tokio::test]
    async fn a_body_is_one_object_and_not_too_large() {
        let api = Api::new().await;
        for body in ["", "{\"name\":\"x\"} {}", "[]", "null"] {
            api.send("POST", PATH, body).await.refused(400, "invalid_request_body");
        }
        let large = format!("{{\"name\":\"{}\"}}", "x".repeat(1024 * 1024));
        api.send("POST", PATH, &large).await.refused(413, "request_too_large");
    }
}
