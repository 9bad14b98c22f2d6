//! `GET /api/v1/admin/pricing/refreshes`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, prices};
use promptgate_kernel::{PriceRefreshId, Timestamp};
use promptgate_usage::PriceRefresh;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::Acting;
use crate::error::ApiError;
use crate::listing::ItemsView;

/// What became of a look for newer prices.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RefreshView {
    #[schema(value_type = String, format = "uuid")]
    id: PriceRefreshId,
    /// `built_in`, or the address or file of the list.
    source: String,
    /// `succeeded`, `unchanged` or `failed`.
    status: &'static str,
    /// How many models the list has.
    models_seen: u64,
    models_added: u64,
    models_updated: u64,
    /// How many were passed over: of unknown vendors, without a price or with a wrong one, or set by
    /// somebody.
    models_skipped: u64,
    error_message: Option<String>,
    #[schema(value_type = String, format = "date-time")]
    started_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    finished_at: Timestamp,
}

impl From<PriceRefresh> for RefreshView {
    fn from(refresh: PriceRefresh) -> Self {
        Self {
            id: refresh.id,
            source: refresh.source,
            status: refresh.status.as_str(),
            models_seen: refresh.seen,
            models_added: refresh.added,
            models_updated: refresh.updated,
            models_skipped: refresh.skipped,
            error_message: refresh.error,
            started_at: refresh.started_at,
            finished_at: refresh.finished_at,
        }
    }
}

/// Lists the last hundred looks for newer prices, newest first.
#[utoipa::path(get, path = "/api/v1/admin/pricing/refreshes", tag = "pricing",
    responses((status = OK, body = ItemsView<RefreshView>)))]
pub(super) async fn list_refreshes(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
) -> Result<Json<ItemsView<RefreshView>>, ApiError> {
    let refreshes = prices::refreshes(&control, actor).await?;
    Ok(Json(ItemsView { items: refreshes.into_iter().map(RefreshView::from).collect() }))
}
