//! `GET /api/{uuid}/endpoints`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::Control;
use promptgate_control::introspection::{self, EndpointSummary};
use promptgate_kernel::EndpointId;
use promptgate_tokens::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use super::Answer;
use super::bearer::Bearer;
use super::error::ProjectError;
use crate::segment::Segment;

/// An AI endpoint, in short.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProjectEndpointView)]
pub(super) struct EndpointView {
    #[schema(value_type = String, format = "uuid")]
    uuid: EndpointId,
    name: String,
    slug: String,
    is_active: bool,
    expose_as_mcp_tool: bool,
}

/// Lists the project's AI endpoints. Needs the scope `admin`.
#[utoipa::path(get, path = "/api/{uuid}/endpoints", tag = "introspection",
    params(("uuid" = String, Path, description = "The project")),
    responses((status = OK, body = Answer<Vec<EndpointView>>)))]
pub(super) async fn endpoints(
    State(control): State<Arc<Control>>,
    Segment(uuid): Segment,
    bearer: Bearer,
) -> Result<Json<Answer<Vec<EndpointView>>>, ProjectError> {
    let project = uuid.parse().ok();
    let caller = introspection::authenticate(&control, bearer.presented(), project, Scope::Admin).await?;
    let endpoints = introspection::endpoints(&control, &caller).await?;
    Ok(Json(Answer::of(endpoints.into_iter().map(EndpointView::from).collect())))
}

impl From<EndpointSummary> for EndpointView {
    fn from(endpoint: EndpointSummary) -> Self {
        Self {
            uuid: endpoint.id,
            name: endpoint.name,
            slug: endpoint.slug,
            is_active: endpoint.is_active,
            expose_as_mcp_tool: endpoint.expose_as_mcp_tool,
        }
    }
}
