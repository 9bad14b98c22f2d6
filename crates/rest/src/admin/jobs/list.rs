//! `GET /api/v1/admin/jobs`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, jobs};

use super::JobView;
use crate::admin::Acting;
use crate::error::ApiError;
use crate::listing::ItemsView;

/// Lists recurring jobs, by name: when each is due, how its last run went, and what was given up of it.
#[utoipa::path(get, path = "/api/v1/admin/jobs", tag = "jobs",
    responses((status = OK, body = ItemsView<JobView>)))]
pub(super) async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
) -> Result<Json<ItemsView<JobView>>, ApiError> {
    let jobs = jobs::list(&control, actor).await?;
    Ok(Json(ItemsView { items: jobs.into_iter().map(JobView::from).collect() }))
}
