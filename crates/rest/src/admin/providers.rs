//! `/api/v1/admin/providers`.

mod capabilities;
mod catalog;
mod create;
mod delete;
mod find;
mod list;
mod update;

use promptgate_control::providers::{Configured, InvalidApiKey};
use promptgate_kernel::{ProviderId, Timestamp};
use promptgate_providers::{InvalidProvider, UnknownKind};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::error::ApiError;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(find::find, update::update, delete::delete))
        .routes(routes!(catalog::catalog))
        .routes(routes!(capabilities::capabilities))
}

/// A provider, without its key.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProviderView {
    #[schema(value_type = String, format = "uuid")]
    id: ProviderId,
    /// The prefix of its models and routes; never changes.
    name: String,
    display_name: String,
    /// The kind of service: `openai`, `anthropic`, `google`, `mistral`, `groq`, `together`, `cohere`,
    /// `ollama`, `azure_openai`, `openai_compatible` or `echo`.
    r#type: &'static str,
    base_url: String,
    /// Whether a key is kept. The key itself is never shown.
    has_api_key: bool,
    /// The models it is known to have.
    models: Vec<String>,
    /// Free options; known ones are `connectTimeoutMs`, `firstByteTimeoutMs`, `idleTimeoutMs` and
    /// `totalTimeoutMs`.
    #[schema(value_type = Object)]
    config: Map<String, Value>,
    enabled: bool,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

impl From<Configured> for ProviderView {
    fn from(Configured { provider, has_api_key }: Configured) -> Self {
        Self {
            id: provider.id,
            name: provider.name.as_str().to_owned(),
            display_name: provider.display_name,
            r#type: provider.kind.as_str(),
            base_url: provider.base_url.as_str().to_owned(),
            has_api_key,
            models: provider.models,
            config: provider.config,
            enabled: provider.enabled,
            created_at: provider.created_at,
            updated_at: provider.updated_at,
        }
    }
}

/// Reads the id in the address; what is no id belongs to no provider.
pub(super) fn parse_id(text: &str) -> Result<ProviderId, ApiError> {
    text.parse().map_err(not_found)
}

pub(super) fn not_found(error: impl ToString) -> ApiError {
    ApiError::not_found("provider_not_found").message(error)
}

/// A provider that a body or a parameter names and that does not exist.
pub(super) fn unknown(error: impl ToString) -> ApiError {
    not_found(error).field("providerId")
}

/// Reads the id of a provider that a body must name.
pub(super) fn named(text: &str) -> Result<ProviderId, ApiError> {
    if text.trim().is_empty() {
        let missing = ApiError::bad_request("invalid_request_body").field("providerId");
        return Err(missing.message("providerId is required: the id of a provider"));
    }
    text.parse().map_err(unknown)
}

fn invalid_type(error: UnknownKind) -> ApiError {
    ApiError::bad_request("invalid_type").field("type").message(error)
}

fn invalid_key(error: InvalidApiKey) -> ApiError {
    ApiError::bad_request("invalid_api_key").field("apiKey").message(error)
}

impl From<InvalidProvider> for ApiError {
    fn from(error: InvalidProvider) -> Self {
        let code = match error {
            InvalidProvider::Name | InvalidProvider::ReservedName => "invalid_name",
            InvalidProvider::DisplayName => "invalid_display_name",
            InvalidProvider::BaseUrl | InvalidProvider::BaseUrlRequired { .. } => "invalid_url",
            InvalidProvider::Models => "invalid_models",
            InvalidProvider::Config
            | InvalidProvider::Timeout { .. }
            | InvalidProvider::Capabilities { .. }
            | InvalidProvider::ApiVersion => "invalid_config",
        };
        Self::bad_request(code).field(error.field()).message(error)
    }
}
