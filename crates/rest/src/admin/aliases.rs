//! `/api/v1/admin/projects/{uuid}/aliases`: a project's own names for models.

mod create;
mod delete;
mod find;
mod list;
mod update;

use http::StatusCode;
use promptgate_control::aliases::{AliasError, NamedAlias};
use promptgate_kernel::{AliasId, ProjectId, ProviderId, Timestamp};
use promptgate_providers::InvalidAlias;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{projects, providers};
use crate::ApiState;
use crate::error::ApiError;
use crate::segment::Segments;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list::list, create::create)).routes(routes!(
        find::find,
        update::update,
        delete::delete
    ))
}

/// A project's own name for a model.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AliasView {
    #[schema(value_type = String, format = "uuid")]
    id: AliasId,
    #[schema(value_type = String, format = "uuid")]
    project_id: ProjectId,
    /// What clients write into `model`, with `promptgate:` before it or bare.
    name: String,
    #[schema(value_type = String, format = "uuid")]
    provider_id: ProviderId,
    /// The provider's name.
    provider: Option<String>,
    model: String,
    description: String,
    /// Used where the client sends no system message.
    system_prompt: Option<String>,
    /// Used where the client sends none.
    temperature: Option<f64>,
    /// Used where the client sends none.
    top_p: Option<f64>,
    /// Used where the client sends none.
    max_tokens: Option<u64>,
    /// Whether one of the last four is set.
    is_preset: bool,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

impl From<NamedAlias> for AliasView {
    fn from(NamedAlias { alias, provider }: NamedAlias) -> Self {
        Self {
            id: alias.id,
            project_id: alias.project_id,
            name: alias.name,
            provider_id: alias.provider_id,
            provider,
            model: alias.model,
            description: alias.description,
            is_preset: !alias.preset.is_empty(),
            system_prompt: alias.preset.system_prompt,
            temperature: alias.preset.temperature,
            top_p: alias.preset.top_p,
            max_tokens: alias.preset.max_tokens,
            created_at: alias.created_at,
            updated_at: alias.updated_at,
        }
    }
}

/// Reads the ids in the address; what is no id belongs to no project, or to no alias.
fn parse_ids(segments: &Segments) -> Result<(ProjectId, AliasId), ApiError> {
    let project = projects::parse_id(segments.named("uuid"))?;
    Ok((project, segments.named("id").parse().map_err(not_found)?))
}

fn not_found(error: impl ToString) -> ApiError {
    ApiError::not_found("alias_not_found").message(error)
}

impl From<InvalidAlias> for ApiError {
    fn from(error: InvalidAlias) -> Self {
        let (code, field) = match error {
            InvalidAlias::Name => ("invalid_name", "name"),
            InvalidAlias::Model => ("invalid_model", "model"),
            InvalidAlias::Description => ("invalid_description", "description"),
            InvalidAlias::SystemPrompt => ("invalid_system_prompt", "systemPrompt"),
            InvalidAlias::Temperature => ("invalid_temperature", "temperature"),
            InvalidAlias::TopP => ("invalid_top_p", "topP"),
            InvalidAlias::MaxTokens => ("invalid_max_tokens", "maxTokens"),
        };
        Self::bad_request(code).field(field).message(error)
    }
}

impl From<AliasError> for ApiError {
    fn from(error: AliasError) -> Self {
        match error {
            AliasError::Forbidden(error) => error.into(),
            error @ AliasError::UnknownProject(_) => projects::not_found(error),
            error @ AliasError::WrongType(_) => projects::wrong_type(error),
            error @ AliasError::NotFound(_) => not_found(error),
            error @ AliasError::UnknownProvider(_) => providers::unknown(error),
            AliasError::Invalid(error) => error.into(),
            error @ AliasError::NameTaken => {
                Self::new(StatusCode::CONFLICT, "name_conflict").field("name").message(error)
            }
            error @ AliasError::Changed(_) => Self::changed(&error),
            AliasError::Store(error) => error.into(),
        }
    }
}
