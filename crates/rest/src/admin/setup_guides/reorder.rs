//! `PUT /api/v1/admin/setup-guides/reorder`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, setup_guides};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{GuideView, parse_id};
use crate::admin::Acting;
use crate::body::{StrictJson, or_default};
use crate::error::{ApiError, ErrorBody};
use crate::listing::ItemsView;

/// A new order.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ReorderBody {
    /// Every guide, exactly once.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, value_type = Vec<String>)]
    ids: Vec<String>,
}

/// Puts the set-up guides into an order; positions become 0, 1, 2, ….
#[utoipa::path(put, path = "/api/v1/admin/setup-guides/reorder", tag = "setup-guides",
    request_body = ReorderBody,
    responses(
        (status = OK, body = ItemsView<GuideView>),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid setup guide id`, \
            `ids must contain every setup guide exactly once`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn reorder(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<ReorderBody>,
) -> Result<Json<ItemsView<GuideView>>, ApiError> {
    let ids = body.ids.iter().map(|id| parse_id(id)).collect::<Result<Vec<_>, _>>()?;
    let guides = setup_guides::reorder(&control, actor, &ids).await?;
    Ok(Json(ItemsView { items: guides.into_iter().map(GuideView::from).collect() }))
}
