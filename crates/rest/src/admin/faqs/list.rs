//! `GET /api/v1/admin/faqs`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, faq};
use promptgate_help::{FaqFilter, FaqSort};
use promptgate_kernel::SortDirection;

use super::FaqView;
use crate::admin::Acting;
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView};

const SORTS: [(&str, FaqSort); 5] = [
    ("position", FaqSort::Position),
    ("question", FaqSort::Question),
    ("published", FaqSort::Published),
    ("createdAt", FaqSort::CreatedAt),
    ("updatedAt", FaqSort::UpdatedAt),
];

/// Lists the entries of the FAQ. `sortBy`: position (default), question, published, createdAt, updatedAt.
#[utoipa::path(get, path = "/api/v1/admin/faqs", tag = "faq", params(ListParams),
    responses(
        (status = OK, body = ListView<FaqView>),
        (status = BAD_REQUEST, description = "`invalid_sort`", body = ErrorBody),
    ))]
pub(super) async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Params(params): Params<ListParams>,
) -> Result<Json<ListView<FaqView>>, ApiError> {
    let (sort, direction) = params.sort(&SORTS, (FaqSort::Position, SortDirection::Ascending))?;
    let page = faq::list(&control, actor, &FaqFilter { sort, direction }, params.page()).await?;
    Ok(Json(ListView::of(page, FaqView::from)))
}
