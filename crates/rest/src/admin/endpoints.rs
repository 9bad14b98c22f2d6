//! `/api/v1/admin/projects/{uuid}/endpoints`: AI endpoints and their versions.

mod body;
mod cache;
mod create;
mod delete;
mod find;
mod list;
mod switch;
mod update;
mod versions;
mod view;

pub(crate) use body::EndpointBody;
pub(crate) use view::EndpointView;

use http::StatusCode;
use promptgate_control::endpoints::{EndpointAddress, EndpointError};
use promptgate_endpoints::RestoreError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::projects;
use crate::ApiState;
use crate::casing::invalid;
use crate::error::ApiError;
use crate::segment::Segments;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(find::find, update::replace, update::update, delete::delete))
        .routes(routes!(switch::activate))
        .routes(routes!(switch::deactivate))
        .routes(routes!(cache::purge_cache))
        .routes(routes!(versions::versions))
        .routes(routes!(versions::diff))
        .routes(routes!(versions::version))
        .routes(routes!(versions::restore))
}

/// Reads the ids in the address; what is no id belongs to no project, or to no endpoint.
pub(super) fn parse_address(segments: &Segments) -> Result<EndpointAddress, ApiError> {
    let project = projects::parse_id(segments.named("uuid"))?;
    Ok(EndpointAddress { project, id: segments.named("id").parse().map_err(not_found)? })
}

pub(super) fn not_found(error: impl ToString) -> ApiError {
    ApiError::not_found("endpoint_not_found").message(error)
}

fn version_not_found(error: impl ToString) -> ApiError {
    ApiError::not_found("endpoint_version_not_found").message(error)
}

/// What this process cannot do, because it runs no endpoints.
pub(super) fn no_data_plane(error: impl ToString) -> ApiError {
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "data_plane_unavailable").message(error)
}

impl From<RestoreError> for ApiError {
    fn from(error: RestoreError) -> Self {
        let conflict = |code| Self::new(StatusCode::CONFLICT, code);
        match error {
            error @ RestoreError::ForeignVersion => version_not_found(error),
            error @ RestoreError::Newest { .. } => conflict("version_is_newest").message(error),
            error @ RestoreError::Unreadable { .. } => conflict("version_unreadable").message(error),
            RestoreError::Invalid { errors, .. } => conflict("version_does_not_fit").fields(&errors),
        }
    }
}

impl From<EndpointError> for ApiError {
    fn from(error: EndpointError) -> Self {
        match error {
            EndpointError::Forbidden(error) => error.into(),
            error @ EndpointError::UnknownProject(_) => projects::not_found(error),
            error @ EndpointError::WrongType(_) => projects::wrong_type(error),
            error @ EndpointError::NotFound(_) => not_found(error),
            error @ EndpointError::UnknownVersion(_) => version_not_found(error),
            EndpointError::Invalid(errors) => invalid("invalid_endpoint", &errors),
            EndpointError::Restore(error) => error.into(),
            error @ EndpointError::SlugTaken => {
                Self::new(StatusCode::CONFLICT, "slug_conflict").field("slug").message(error)
            }
            error @ EndpointError::Changed(_) => Self::changed(&error),
            EndpointError::Store(error) => error.into(),
        }
    }
}
