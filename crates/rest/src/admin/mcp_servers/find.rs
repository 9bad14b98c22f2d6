//! `GET /api/v1/admin/mcp/servers/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, mcp_servers};

use super::{McpServerView, parse_id};
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Shows the definition of an MCP server.
#[utoipa::path(get, path = "/api/v1/admin/mcp/servers/{id}", tag = "mcp",
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = OK, body = McpServerView),
        (status = NOT_FOUND, description = "`mcp_server_not_found`", body = ErrorBody),
    ))]
pub(super) async fn find(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<Json<McpServerView>, ApiError> {
    let found = mcp_servers::find(&control, actor, parse_id(&id)?).await?;
    Ok(Json(found.into()))
}
