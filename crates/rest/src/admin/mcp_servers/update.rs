//! `PATCH /api/v1/admin/mcp/servers/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, mcp_servers};
use promptgate_mcp::McpServerChanges;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{HeaderBody, McpServerView, changes, parse_id};
use crate::admin::Acting;
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// What is to change about a server. What is left out stays. It has no `Debug`, because it may hold
/// secrets.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateMcpServerBody {
    #[schema(max_length = 120, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$")]
    name: Option<String>,
    #[schema(max_length = 120)]
    display_name: Option<String>,
    #[schema(format = "uri")]
    url: Option<String>,
    /// All of them: they take the place of the list.
    #[schema(max_items = 50)]
    headers: Option<Vec<HeaderBody>>,
    allow_pattern: Option<String>,
    deny_pattern: Option<String>,
    enabled: Option<bool>,
}

/// Changes the definition of an MCP server, its name too.
#[utoipa::path(patch, path = "/api/v1/admin/mcp/servers/{id}", tag = "mcp",
    params(("id" = String, Path, description = "The server")),
    request_body = UpdateMcpServerBody,
    responses(
        (status = OK, body = McpServerView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_name`, `invalid_url`, \
            `invalid_header`, `invalid_regex`, `invalid_display_name`", body = ErrorBody),
        (status = NOT_FOUND, description = "`mcp_server_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`name_conflict`, `concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn update(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
    StrictJson(body): StrictJson<UpdateMcpServerBody>,
) -> Result<Json<McpServerView>, ApiError> {
    let wanted = McpServerChanges {
        name: body.name,
        display_name: body.display_name,
        url: body.url,
        headers: body.headers.map(changes),
        allow_pattern: body.allow_pattern,
        deny_pattern: body.deny_pattern,
        enabled: body.enabled,
    };
    let changed = mcp_servers::update(&control, actor, parse_id(&id)?, wanted).await?;
    Ok(Json(changed.into()))
}
