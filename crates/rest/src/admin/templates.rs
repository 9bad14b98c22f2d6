//! `/api/v1/admin/provider-templates`.

mod create;
mod delete;
mod find;
mod list;
mod update;

use http::StatusCode;
use promptgate_control::templates::TemplateError;
use promptgate_kernel::{CredentialId, ProviderId, TemplateId, Timestamp};
use promptgate_providers::{InvalidTemplate, Template};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{credentials, providers};
use crate::ApiState;
use crate::error::ApiError;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list::list, create::create)).routes(routes!(
        find::find,
        update::update,
        delete::delete
    ))
}

/// A provider, a model and settings that AI endpoints share.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TemplateView {
    #[schema(value_type = String, format = "uuid")]
    id: TemplateId,
    name: String,
    /// Its name in routing rules.
    slug: String,
    description: String,
    tags: Vec<String>,
    #[schema(value_type = String, format = "uuid")]
    provider_id: ProviderId,
    model: String,
    /// The credential its calls use; null leaves it to the provider's own.
    #[schema(value_type = Option<String>, format = "uuid")]
    credential_id: Option<CredentialId>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    max_output_tokens: Option<u64>,
    /// Whether it is used. Endpoints of an inactive one fail over, or fail with 502 `template_inactive`.
    is_active: bool,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

impl From<Template> for TemplateView {
    fn from(template: Template) -> Self {
        Self {
            id: template.id,
            name: template.name,
            slug: template.slug,
            description: template.description,
            tags: template.tags,
            provider_id: template.provider_id,
            model: template.model,
            credential_id: template.credential_id,
            temperature: template.temperature,
            top_p: template.top_p,
            max_output_tokens: template.max_output_tokens,
            is_active: template.active,
            created_at: template.created_at,
            updated_at: template.updated_at,
        }
    }
}

/// Reads the id in the address; what is no id belongs to no template.
fn parse_id(text: &str) -> Result<TemplateId, ApiError> {
    text.parse().map_err(not_found)
}

fn not_found(error: impl ToString) -> ApiError {
    ApiError::not_found("provider_template_not_found").message(error)
}

impl From<InvalidTemplate> for ApiError {
    fn from(error: InvalidTemplate) -> Self {
        let code = match error {
            InvalidTemplate::Name => "invalid_name",
            InvalidTemplate::Slug => "invalid_slug",
            InvalidTemplate::Description => "invalid_description",
            InvalidTemplate::Tags => "invalid_tags",
            InvalidTemplate::Model => "invalid_model",
            InvalidTemplate::Temperature => "invalid_temperature",
            InvalidTemplate::TopP => "invalid_top_p",
            InvalidTemplate::MaxOutputTokens => "invalid_max_output_tokens",
        };
        Self::bad_request(code).field(error.field()).message(error)
    }
}

impl From<TemplateError> for ApiError {
    fn from(error: TemplateError) -> Self {
        match error {
            TemplateError::Forbidden(error) => error.into(),
            error @ TemplateError::NotFound(_) => not_found(error),
            error @ TemplateError::UnknownProvider(_) => providers::unknown(error),
            error @ TemplateError::UnknownCredential(_) => credentials::unknown(error),
            error @ TemplateError::ForeignCredential(_) => credentials::foreign(error),
            TemplateError::Invalid(error) => error.into(),
            error @ TemplateError::SlugTaken => {
                Self::new(StatusCode::CONFLICT, "slug_conflict").field("slug").message(error)
            }
            error @ TemplateError::Changed(_) => Self::changed(&error),
            TemplateError::Store(error) => error.into(),
        }
    }
}
