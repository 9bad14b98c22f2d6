//! `DELETE /api/v1/admin/mcp/servers/{id}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, mcp_servers};

use super::parse_id;
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Deletes the definition of an MCP server.
#[utoipa::path(delete, path = "/api/v1/admin/mcp/servers/{id}", tag = "mcp",
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = NO_CONTENT),
        (status = NOT_FOUND, description = "`mcp_server_not_found`", body = ErrorBody),
    ))]
pub(super) async fn delete(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<StatusCode, ApiError> {
    mcp_servers::delete(&control, actor, parse_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
