//! `GET /api/v1/admin/provider-templates/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::templates::TemplateUsed;
use promptgate_control::{Control, templates};
use serde::Serialize;
use utoipa::ToSchema;

use super::{TemplateView, parse_id};
use crate::admin::Acting;
use crate::admin::credentials::EndpointUseView;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// A provider template, and the endpoints that use it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UsedTemplateView {
    #[serde(flatten)]
    template: TemplateView,
    /// The AI endpoints that take provider, model and settings from it.
    endpoints: Vec<EndpointUseView>,
}

/// Shows a provider template, and the endpoints that use it.
#[utoipa::path(get, path = "/api/v1/admin/provider-templates/{id}", tag = "templates",
    params(("id" = String, Path, description = "The template")),
    responses(
        (status = OK, body = UsedTemplateView),
        (status = NOT_FOUND, description = "`provider_template_not_found`", body = ErrorBody),
    ))]
pub(super) async fn find(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<Json<UsedTemplateView>, ApiError> {
    let TemplateUsed { template, endpoints } = templates::find(&control, actor, parse_id(&id)?).await?;
    let endpoints = endpoints.into_iter().map(EndpointUseView::from).collect();
    Ok(Json(UsedTemplateView { template: template.into(), endpoints }))
}
