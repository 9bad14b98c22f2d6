//! `GET /api/v1/admin/projects/{uuid}/endpoints`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, endpoints};
use promptgate_endpoints::{EndpointFilter, EndpointSort};
use promptgate_kernel::SortDirection;
use serde::Deserialize;
use utoipa::IntoParams;

use super::view::EndpointView;
use crate::admin::{Acting, projects};
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView, flag};
use crate::segment::Segment;

const SORTS: [(&str, EndpointSort); 4] = [
    ("name", EndpointSort::Name),
    ("slug", EndpointSort::Slug),
    ("createdAt", EndpointSort::CreatedAt),
    ("updatedAt", EndpointSort::UpdatedAt),
];

/// Which endpoints are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Only those that answer, or only those that do not.
    #[param(value_type = Option<bool>)]
    is_active: Option<String>,
}

/// Lists the AI endpoints of a project. `sortBy`: name (default), slug, createdAt, updatedAt.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}/endpoints", tag = "endpoints",
    params(("uuid" = String, Path, description = "The project"), ListParams, Wanted),
    responses(
        (status = OK, body = ListView<EndpointView>),
        (status = BAD_REQUEST, description = "`invalid_sort`, `invalid_filter`, `invalid_project_type`",
            body = ErrorBody),
        (status = NOT_FOUND, description = "`project_not_found`", body = ErrorBody),
    ))]
pub(super) async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(uuid): Segment,
    Params(params): Params<ListParams>,
    Params(wanted): Params<Wanted>,
) -> Result<Json<ListView<EndpointView>>, ApiError> {
    let project_id = projects::parse_id(&uuid)?;
    let (sort, direction) = params.sort(&SORTS, (EndpointSort::Name, SortDirection::Ascending))?;
    let is_active = flag("isActive", wanted.is_active.as_deref())?;
    let filter = EndpointFilter { project_id, is_active, sort, direction };
    let page = endpoints::list(&control, actor, &filter, params.page()).await?;
    Ok(Json(ListView::of(page, EndpointView::from)))
}
