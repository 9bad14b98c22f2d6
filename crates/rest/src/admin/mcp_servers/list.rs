//! `GET /api/v1/admin/mcp/servers`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, mcp_servers};
use promptgate_kernel::SortDirection;
use promptgate_mcp::{McpServerFilter, McpServerSort};

use super::McpServerView;
use crate::admin::Acting;
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView};

const SORTS: [(&str, McpServerSort); 8] = [
    ("name", McpServerSort::Name),
    ("displayName", McpServerSort::DisplayName),
    ("url", McpServerSort::Url),
    ("headers", McpServerSort::Headers),
    ("filters", McpServerSort::Filters),
    ("enabled", McpServerSort::Enabled),
    ("createdAt", McpServerSort::CreatedAt),
    ("updatedAt", McpServerSort::UpdatedAt),
];

/// Lists MCP servers. `sortBy`: name (default), displayName, url, headers, filters, enabled, createdAt, updatedAt.
#[utoipa::path(get, path = "/api/v1/admin/mcp/servers", tag = "mcp", params(ListParams),
    responses(
        (status = OK, body = ListView<McpServerView>),
        (status = BAD_REQUEST, description = "`invalid_sort`", body = ErrorBody),
    ))]
pub(super) async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Params(params): Params<ListParams>,
) -> Result<Json<ListView<McpServerView>>, ApiError> {
    let (sort, direction) = params.sort(&SORTS, (McpServerSort::Name, SortDirection::Ascending))?;
    let page =
        mcp_servers::list(&control, actor, &McpServerFilter { sort, direction }, params.page()).await?;
    Ok(Json(ListView::of(page, McpServerView::from)))
}
