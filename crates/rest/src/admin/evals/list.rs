//! `GET /api/v1/admin/projects/{uuid}/endpoints/{id}/evals`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, evals};

use super::view::EvalView;
use crate::admin::{Acting, endpoints};
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView};
use crate::segment::Segments;

/// Lists the golden sets of an AI endpoint, by name.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}/endpoints/{id}/evals", tag = "evals",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("id" = String, Path, description = "The endpoint"),
        ListParams,
    ),
    responses(
        (status = OK, body = ListView<EvalView>),
        (status = NOT_FOUND, description = "`project_not_found`, `endpoint_not_found`", body = ErrorBody),
    ))]
pub(super) async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
    Params(params): Params<ListParams>,
) -> Result<Json<ListView<EvalView>>, ApiError> {
    let address = endpoints::parse_address(&segments)?;
    let page = evals::list(&control, actor, address, params.page()).await?;
    Ok(Json(ListView::of(page, EvalView::from)))
}
