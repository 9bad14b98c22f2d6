//! `/api/v1/admin/credentials`: the secrets of providers. None ever comes out.

mod create;
mod delete;
mod find;
mod list;
mod rotate;
mod update;

use promptgate_control::credentials::{CredentialError, EndpointUse};
use promptgate_kernel::{CredentialId, EndpointId, KeyRing, ProjectId, ProviderId, Timestamp};
use promptgate_providers::{Credential, InvalidCredential};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::error::ApiError;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(find::find, update::update, delete::delete))
        .routes(routes!(rotate::rotate))
}

/// A credential, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CredentialView {
    /// Its identity, which survives rotation.
    #[schema(value_type = String, format = "uuid")]
    id: CredentialId,
    /// Whose secret it is; never changes.
    #[schema(value_type = String, format = "uuid")]
    provider_id: ProviderId,
    name: String,
    /// The first characters of a long secret and its last three.
    #[schema(example = "sk-a…xyz")]
    preview: String,
    /// Its share of the calls, from 1 to 100, among the credentials of its provider.
    weight: u32,
    /// Whether it is used; an inactive one is skipped by everything.
    is_active: bool,
    /// Until when the secret before this one serves where this one is refused; null when none does.
    #[schema(value_type = Option<String>, format = "date-time")]
    previous_until: Option<Timestamp>,
    /// There, and true, when the secret was sealed under a key that is not configured: rotate it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unreadable: bool,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

impl CredentialView {
    fn of(credential: Credential, keys: &KeyRing) -> Self {
        Self {
            unreadable: credential.open(keys).is_err(),
            id: credential.id,
            provider_id: credential.provider_id,
            name: credential.name,
            preview: credential.preview,
            weight: credential.weight,
            is_active: credential.active,
            previous_until: credential.previous.map(|previous| previous.until),
            created_at: credential.created_at,
            updated_at: credential.updated_at,
        }
    }
}

/// An AI endpoint that depends on a credential or a template.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EndpointUseView {
    #[schema(value_type = String, format = "uuid")]
    id: EndpointId,
    #[schema(value_type = String, format = "uuid")]
    project_id: ProjectId,
    name: String,
    slug: String,
    is_active: bool,
}

impl From<EndpointUse> for EndpointUseView {
    fn from(endpoint: EndpointUse) -> Self {
        Self {
            id: endpoint.id,
            project_id: endpoint.project_id,
            name: endpoint.name,
            slug: endpoint.slug,
            is_active: endpoint.is_active,
        }
    }
}

/// Reads the id in the address; what is no id belongs to no credential.
fn parse_id(text: &str) -> Result<CredentialId, ApiError> {
    text.parse().map_err(not_found)
}

fn not_found(error: impl ToString) -> ApiError {
    ApiError::not_found("credential_not_found").message(error)
}

/// A credential that a body names and that does not exist.
pub(super) fn unknown(error: impl ToString) -> ApiError {
    not_found(error).field("credentialId")
}

/// A credential that a body names and that belongs to another provider.
pub(super) fn foreign(error: impl ToString) -> ApiError {
    ApiError::bad_request("credential_provider_mismatch").field("credentialId").message(error)
}

impl From<InvalidCredential> for ApiError {
    fn from(error: InvalidCredential) -> Self {
        let code = match error {
            InvalidCredential::Name => "invalid_name",
            InvalidCredential::Weight => "invalid_weight",
            InvalidCredential::Secret => "invalid_secret",
            InvalidCredential::Overlap => "invalid_overlap",
        };
        Self::bad_request(code).field(error.field()).message(error)
    }
}

impl From<CredentialError> for ApiError {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::Forbidden(error) => error.into(),
            error @ CredentialError::NotFound(_) => not_found(error),
            error @ CredentialError::UnknownProvider(_) => super::providers::unknown(error),
            CredentialError::Invalid(error) => error.into(),
            error @ CredentialError::Changed(_) => Self::changed(&error),
            CredentialError::Endpoint(error) => error.into(),
            CredentialError::Store(error) => error.into(),
        }
    }
}
