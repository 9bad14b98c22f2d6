//! `GET /api/v1/admin/audit`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, audit};
use promptgate_kernel::SortDirection;

use super::Wanted;
use super::view::AuditEventView;
use crate::admin::Acting;
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView};

/// Lists what was done. `sortBy`: createdAt (default, the newest first).
#[utoipa::path(get, path = "/api/v1/admin/audit", tag = "audit", params(ListParams, Wanted),
    responses(
        (status = OK, body = ListView<AuditEventView>),
        (status = BAD_REQUEST, description = "`invalid_sort`, or `invalid_filter` with the `field`",
            body = ErrorBody),
    ))]
pub(super) async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Params(params): Params<ListParams>,
    Params(wanted): Params<Wanted>,
) -> Result<Json<ListView<AuditEventView>>, ApiError> {
    let ((), direction) = params.sort(&[("createdAt", ())], ((), SortDirection::Descending))?;
    let page = audit::list(&control, actor, &wanted.try_into()?, direction, params.page()).await?;
    Ok(Json(ListView::of(page, AuditEventView::from)))
}
