//! `GET /api/v1/admin/credentials/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::credentials::{CredentialUsers, Described};
use promptgate_control::{Control, credentials};
use promptgate_kernel::{KeyRing, ProjectId, TemplateId};
use serde::Serialize;
use utoipa::ToSchema;

use super::{CredentialView, EndpointUseView, parse_id};
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// A credential, and what depends on it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DescribedCredentialView {
    #[serde(flatten)]
    credential: CredentialView,
    used_by: CredentialUsersView,
}

/// What depends on a credential.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CredentialUsersView {
    /// AI endpoints that name it, or whose template or failover does.
    endpoints: Vec<EndpointUseView>,
    /// Provider templates that name it.
    templates: Vec<TemplateUseView>,
    /// Projects whose calls to the provider use it.
    projects: Vec<ProjectUseView>,
}

/// A provider template that depends on a credential.
#[derive(Debug, Serialize, ToSchema)]
struct TemplateUseView {
    #[schema(value_type = String, format = "uuid")]
    id: TemplateId,
    name: String,
}

/// A project that depends on a credential.
#[derive(Debug, Serialize, ToSchema)]
struct ProjectUseView {
    #[schema(value_type = String, format = "uuid")]
    id: ProjectId,
    name: String,
}

/// Shows a credential, without its secret, and what depends on it.
#[utoipa::path(get, path = "/api/v1/admin/credentials/{id}", tag = "credentials",
    params(("id" = String, Path, description = "The credential")),
    responses(
        (status = OK, body = DescribedCredentialView),
        (status = NOT_FOUND, description = "`credential_not_found`", body = ErrorBody),
    ))]
pub(super) async fn find(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<Json<DescribedCredentialView>, ApiError> {
    let described = credentials::find(&control, actor, parse_id(&id)?).await?;
    Ok(Json(DescribedCredentialView::of(described, &control.keys)))
}

impl DescribedCredentialView {
    fn of(described: Described, keys: &KeyRing) -> Self {
        let CredentialUsers { endpoints, templates, projects } = described.used_by;
        let template = |used: credentials::TemplateUse| TemplateUseView { id: used.id, name: used.name };
        let project = |used: credentials::ProjectUse| ProjectUseView { id: used.id, name: used.name };
        Self {
            credential: CredentialView::of(described.credential, keys),
            used_by: CredentialUsersView {
                endpoints: endpoints.into_iter().map(EndpointUseView::from).collect(),
                templates: templates.into_iter().map(template).collect(),
                projects: projects.into_iter().map(project).collect(),
            },
        }
    }
}
