//! `/api/v1/admin/users/{id}/tokens`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, keys};
use promptgate_kernel::Page;

use super::{KeyView, SORTS, filter, not_found, parse_id};
use crate::admin::Acting;
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView};
use crate::segment::{Segment, Segments};

/// Lists the keys of a person, revoked ones too; of somebody unknown there are none. `sortBy` as in the
/// list of one's own.
#[utoipa::path(get, path = "/api/v1/admin/users/{id}/tokens", tag = "users", operation_id = "list_keys",
    params(("id" = String, Path, description = "The person"), ListParams),
    responses(
        (status = OK, body = ListView<KeyView>),
        (status = BAD_REQUEST, description = "`invalid_sort`", body = ErrorBody),
    ))]
pub(super) async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
    Params(params): Params<ListParams>,
) -> Result<Json<ListView<KeyView>>, ApiError> {
    let Ok(owner) = id.parse() else {
        params.sort(&SORTS, Default::default())?;
        let nothing = Page { items: Vec::new(), request: params.page(), total: 0 };
        return Ok(Json(ListView::of(nothing, std::convert::identity)));
    };
    let filter = filter(owner, &params, control.clock.now())?;
    let page = keys::list(&control, actor, None, &filter, params.page()).await?;
    Ok(Json(ListView::of(page, KeyView::of(owner))))
}

/// Revokes a key of a person for good; repeating it changes nothing.
#[utoipa::path(delete, path = "/api/v1/admin/users/{id}/tokens/{tokenId}", tag = "users",
    params(
        ("id" = String, Path, description = "The person"),
        ("tokenId" = String, Path, description = "The key"),
    ),
    responses(
        (status = NO_CONTENT, description = "Revoked, now or before"),
        (status = NOT_FOUND, description = "`token_not_found`: there is none, or it is somebody else's",
            body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn revoke(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<StatusCode, ApiError> {
    let owner = segments.named("id").parse().map_err(not_found)?;
    let id = parse_id(segments.named("tokenId"))?;
    keys::revoke(&control, actor, None, owner, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
