//! `POST /api/v1/admin/mcp/servers`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, mcp_servers};
use promptgate_mcp::NewMcpServer;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{HeaderBody, McpServerView, changes};
use crate::admin::Acting;
use crate::body::{StrictJson, or_default};
use crate::error::{ApiError, ErrorBody};

/// The definition of an MCP server. It has no `Debug`, because it may hold secrets.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateMcpServerBody {
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, max_length = 120, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$")]
    name: String,
    /// The name unless given.
    #[schema(max_length = 120)]
    display_name: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, format = "uri")]
    url: String,
    #[schema(max_items = 50)]
    headers: Option<Vec<HeaderBody>>,
    /// A regular expression; blank for all tools.
    allow_pattern: Option<String>,
    /// A regular expression; blank for no tool.
    deny_pattern: Option<String>,
    /// Yes unless said otherwise.
    enabled: Option<bool>,
}

/// Creates the definition of an MCP server.
#[utoipa::path(post, path = "/api/v1/admin/mcp/servers", tag = "mcp", request_body = CreateMcpServerBody,
    responses(
        (status = CREATED, body = McpServerView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_name`, `invalid_url`, \
            `invalid_header`, `invalid_regex`, `invalid_display_name`", body = ErrorBody),
        (status = CONFLICT, description = "`name_conflict`", body = ErrorBody),
    ))]
pub(super) async fn create(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<CreateMcpServerBody>,
) -> Result<(StatusCode, Json<McpServerView>), ApiError> {
    let new = NewMcpServer {
        name: body.name,
        display_name: body.display_name.unwrap_or_default(),
        url: body.url,
        headers: changes(body.headers.unwrap_or_default()),
        allow_pattern: body.allow_pattern.unwrap_or_default(),
        deny_pattern: body.deny_pattern.unwrap_or_default(),
        enabled: body.enabled.unwrap_or(true),
    };
    let created = mcp_servers::create(&control, actor, new).await?;
    Ok((StatusCode::CREATED, Json(created.into())))
}
