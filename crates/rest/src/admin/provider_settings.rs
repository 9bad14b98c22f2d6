//! `/api/v1/admin/projects/{uuid}/provider-settings`: what a project does with each provider.

mod list;
mod remove;
mod save;

use promptgate_control::project_providers::{EffectiveProvider, ProjectProviderError};
use promptgate_kernel::{CredentialId, ProjectId, ProviderId};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{credentials, projects, providers};
use crate::ApiState;
use crate::error::ApiError;
use crate::segment::Segments;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list::list)).routes(routes!(save::save, remove::remove))
}

/// A provider as a project sees it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "each says something of its own")]
struct ProviderSettingView {
    #[schema(value_type = String, format = "uuid")]
    provider_id: ProviderId,
    name: String,
    display_name: String,
    /// The provider's kind.
    r#type: &'static str,
    /// Whether the provider is switched on for everybody.
    provider_enabled: bool,
    /// Whether the project may use it.
    enabled: bool,
    /// Whether the project's calls reach it: both of the above.
    effective: bool,
    /// Whether this is stored; else it is what counts without.
    is_set: bool,
    /// The one credential that the project's calls use; null leaves it to the provider's own.
    #[schema(value_type = Option<String>, format = "uuid")]
    credential_id: Option<CredentialId>,
    /// Its place in the project's order, smallest first; null comes last, by name.
    position: Option<u32>,
}

impl From<EffectiveProvider> for ProviderSettingView {
    fn from(effective: EffectiveProvider) -> Self {
        let open = effective.open();
        let EffectiveProvider { provider, setting, is_set } = effective;
        Self {
            provider_id: provider.id,
            name: provider.name.as_str().to_owned(),
            display_name: provider.display_name,
            r#type: provider.kind.as_str(),
            provider_enabled: provider.enabled,
            enabled: setting.enabled,
            effective: open,
            is_set,
            credential_id: setting.credential_id,
            position: setting.position,
        }
    }
}

/// Reads the ids in the address.
fn parse_ids(segments: &Segments) -> Result<(ProjectId, ProviderId), ApiError> {
    let project = projects::parse_id(segments.named("uuid"))?;
    Ok((project, providers::parse_id(segments.named("providerId"))?))
}

impl From<ProjectProviderError> for ApiError {
    fn from(error: ProjectProviderError) -> Self {
        match error {
            ProjectProviderError::Forbidden(error) => error.into(),
            error @ ProjectProviderError::UnknownProject(_) => projects::not_found(error),
            error @ ProjectProviderError::UnknownProvider(_) => providers::not_found(error),
            error @ ProjectProviderError::UnknownCredential(_) => credentials::unknown(error),
            error @ ProjectProviderError::ForeignCredential(_) => credentials::foreign(error),
            ProjectProviderError::Store(error) => error.into(),
        }
    }
}
