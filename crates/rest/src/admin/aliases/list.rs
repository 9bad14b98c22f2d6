//! `GET /api/v1/admin/projects/{uuid}/aliases`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, aliases};
use promptgate_kernel::SortDirection;

use super::AliasView;
use crate::admin::{Acting, projects};
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView};
use crate::segment::Segment;

/// Lists the aliases of a project. `sortBy`: name.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}/aliases", tag = "aliases",
    params(("uuid" = String, Path, description = "The project"), ListParams),
    responses(
        (status = OK, body = ListView<AliasView>),
        (status = BAD_REQUEST, description = "`invalid_sort`, `invalid_project_type`", body = ErrorBody),
        (status = NOT_FOUND, description = "`project_not_found`", body = ErrorBody),
    ))]
pub(super) async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(uuid): Segment,
    Params(params): Params<ListParams>,
) -> Result<Json<ListView<AliasView>>, ApiError> {
    let project = projects::parse_id(&uuid)?;
    let ((), direction) = params.sort(&[("name", ())], ((), SortDirection::Ascending))?;
    let page = aliases::list(&control, actor, project, direction, params.page()).await?;
    Ok(Json(ListView::of(page, AliasView::from)))
}
