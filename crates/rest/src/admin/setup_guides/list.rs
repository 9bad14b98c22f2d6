//! `GET /api/v1/admin/setup-guides`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, setup_guides};

use super::GuideView;
use crate::admin::Acting;
use crate::error::ApiError;
use crate::listing::ItemsView;

/// Lists all set-up guides, by position, then title.
#[utoipa::path(get, path = "/api/v1/admin/setup-guides", tag = "setup-guides",
    responses((status = OK, body = ItemsView<GuideView>)))]
pub(super) async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
) -> Result<Json<ItemsView<GuideView>>, ApiError> {
    let guides = setup_guides::list(&control, actor).await?;
    Ok(Json(ItemsView { items: guides.into_iter().map(GuideView::from).collect() }))
}
