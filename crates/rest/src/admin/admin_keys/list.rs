//! `GET /api/v1/admin/admin-keys`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_auth::{AdminKeyFilter, AdminKeySort};
use promptgate_control::{Control, admin_keys};
use promptgate_kernel::SortDirection;

use super::AdminKeyView;
use crate::admin::Acting;
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView};

const SORTS: [(&str, AdminKeySort); 4] = [
    ("name", AdminKeySort::Name),
    ("createdAt", AdminKeySort::CreatedAt),
    ("expiresAt", AdminKeySort::ExpiresAt),
    ("lastUsedAt", AdminKeySort::LastUsedAt),
];

/// Lists admin keys, those that were revoked too. `sortBy`: name, createdAt (default, the newest first),
/// expiresAt, lastUsedAt.
#[utoipa::path(get, path = "/api/v1/admin/admin-keys", tag = "admin-keys", params(ListParams),
    responses(
        (status = OK, body = ListView<AdminKeyView>),
        (status = BAD_REQUEST, description = "`invalid_sort`", body = ErrorBody),
    ))]
pub(super) async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Params(params): Params<ListParams>,
) -> Result<Json<ListView<AdminKeyView>>, ApiError> {
    let (sort, direction) = params.sort(&SORTS, (AdminKeySort::CreatedAt, SortDirection::Descending))?;
    let page = admin_keys::list(&control, actor, &AdminKeyFilter { sort, direction }, params.page()).await?;
    Ok(Json(ListView::of(page, AdminKeyView::from)))
}
