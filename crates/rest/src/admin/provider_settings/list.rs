//! `GET /api/v1/admin/projects/{uuid}/provider-settings`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, project_providers};

use super::ProviderSettingView;
use crate::admin::{Acting, projects};
use crate::error::{ApiError, ErrorBody};
use crate::listing::ItemsView;
use crate::segment::Segment;

/// Lists every provider as the project sees it, in the project's order.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}/provider-settings", tag = "provider-settings",
    params(("uuid" = String, Path, description = "The project")),
    responses(
        (status = OK, body = ItemsView<ProviderSettingView>),
        (status = NOT_FOUND, description = "`project_not_found`", body = ErrorBody),
    ))]
pub(super) async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(uuid): Segment,
) -> Result<Json<ItemsView<ProviderSettingView>>, ApiError> {
    let providers = project_providers::list(&control, actor, projects::parse_id(&uuid)?).await?;
    Ok(Json(ItemsView { items: providers.into_iter().map(ProviderSettingView::from).collect() }))
}
