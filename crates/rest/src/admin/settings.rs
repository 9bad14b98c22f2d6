//! `/api/v1/admin/settings`: what is switched on for the whole installation.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::Control;
use promptgate_control::switches::{self, SwitchChanges, Switches, SwitchesError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Acting;
use crate::ApiState;
use crate::body::StrictJson;
use crate::error::ApiError;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(find, change))
}

/// What is switched on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SettingsView {
    /// Whether tokens manage their projects by `/api/{uuid}/admin/**`.
    management_api: bool,
    /// Whether the MCP server that manages the installation answers.
    mcp_control_plane: bool,
}

impl From<Switches> for SettingsView {
    fn from(switches: Switches) -> Self {
        Self { management_api: switches.management_api, mcp_control_plane: switches.mcp_control_plane }
    }
}

/// What is to be switched.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SettingsBody {
    management_api: Option<bool>,
    mcp_control_plane: Option<bool>,
}

/// Says what is switched on.
#[utoipa::path(get, path = "/api/v1/admin/settings", tag = "settings",
    responses((status = OK, body = SettingsView)))]
async fn find(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
) -> Result<Json<SettingsView>, ApiError> {
    Ok(Json(switches::find(&control, actor).await?.into()))
}

/// Switches parts of the installation on and off; what is left out stays.
#[utoipa::path(patch, path = "/api/v1/admin/settings", tag = "settings", request_body = SettingsBody,
    responses((status = OK, body = SettingsView)))]
async fn change(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<SettingsBody>,
) -> Result<Json<SettingsView>, ApiError> {
    let changes =
        SwitchChanges { management_api: body.management_api, mcp_control_plane: body.mcp_control_plane };
    Ok(Json(switches::change(&control, actor, changes).await?.into()))
}

impl From<SwitchesError> for ApiError {
    fn from(error: SwitchesError) -> Self {
        match error {
            SwitchesError::Forbidden(error) => error.into(),
            SwitchesError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn everything_is_off_and_each_switch_is_written_down_once() {
        let api = Api::new().await;
        let path = "/api/v1/admin/settings";
        let off = json!({"managementApi": false, "mcpControlPlane": false});
        assert_eq!(api.get(path).await.ok(), off);
        let on = json!({"managementApi": true, "mcpControlPlane": false});
        assert_eq!(api.patch(path, &json!({"managementApi": true})).await.ok(), on);
        assert_eq!(api.patch(path, &json!({"managementApi": true})).await.ok(), on);
        api.patch(path, &json!({"mcpControlPlane": true})).await.ok();
        api.patch(path, &json!({"other": true})).await.refused(400, "invalid_request_body");
        assert_eq!(api.audit_actions().await, ["settings.management.api", "settings.management.mcp"]);
    }
}
