//! `/api/v1/admin/projects`.

mod create;
mod delete;
mod find;
mod list;
mod update;

use promptgate_kernel::{ProjectId, ProviderId, Timestamp};
use promptgate_projects::{InvalidProject, Project, RecordBodies};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::error::ApiError;
use crate::limits::LimitsView;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list::list, create::create)).routes(routes!(
        find::find,
        update::update,
        delete::delete
    ))
}

/// A project.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProjectView {
    /// Its identity.
    #[schema(value_type = String, format = "uuid")]
    id: ProjectId,
    /// The same; the `{uuid}` of its public routes.
    #[schema(value_type = String, format = "uuid")]
    uuid: ProjectId,
    name: String,
    /// Made from the name.
    slug: String,
    /// `ai_gateway`, `ai_wrapper`, `agent_proxy`, `api_gateway` or `mcp_gateway`.
    project_type: &'static str,
    /// `dev`, `staging` or `prod`.
    env: &'static str,
    /// Whether its routes answer.
    is_active: bool,
    /// The provider that answers models nobody else claims.
    #[schema(value_type = Option<String>, format = "uuid")]
    default_provider_id: Option<ProviderId>,
    /// What is kept of what was said in its calls: `full`, `prompts` or `none`; null for what the
    /// installation keeps.
    record_bodies: Option<&'static str>,
    /// How much may be used in it, by all of its callers together.
    limits: LimitsView,
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

impl From<Project> for ProjectView {
    fn from(project: Project) -> Self {
        Self {
            id: project.id,
            uuid: project.id,
            slug: project.name.slug(),
            name: project.name.as_str().to_owned(),
            project_type: project.kind.as_str(),
            env: project.env.as_str(),
            is_active: project.active,
            default_provider_id: project.default_provider,
            record_bodies: project.record_bodies.map(RecordBodies::as_str),
            limits: project.limits.into(),
            metadata: project.metadata,
            created_at: project.created_at,
            updated_at: project.updated_at,
        }
    }
}

/// Reads the id in the address; what is no id belongs to no project.
pub(super) fn parse_id(text: &str) -> Result<ProjectId, ApiError> {
    text.parse().map_err(not_found)
}

pub(super) fn not_found(error: impl ToString) -> ApiError {
    ApiError::not_found("project_not_found").message(error)
}

/// The project is of a type that has nothing of the kind.
pub(crate) fn wrong_type(error: impl ToString) -> ApiError {
    ApiError::bad_request("invalid_project_type").message(error)
}

fn unknown_provider(error: impl ToString) -> ApiError {
    ApiError::not_found("provider_not_found").field("defaultProviderId").message(error)
}

impl From<InvalidProject> for ApiError {
    fn from(error: InvalidProject) -> Self {
        let code = match &error {
            InvalidProject::Name => "invalid_name",
            InvalidProject::Type => "invalid_project_type",
            InvalidProject::Env => "invalid_env",
            InvalidProject::RecordBodies => "invalid_record_bodies",
            InvalidProject::Metadata => "invalid_metadata",
            InvalidProject::Limit(_) => "invalid_limit",
        };
        Self::bad_request(code).field(error.field()).message(error)
    }
}
