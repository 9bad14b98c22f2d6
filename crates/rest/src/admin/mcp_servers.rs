//! `/api/v1/admin/mcp/servers`.

mod create;
mod delete;
mod find;
mod list;
mod update;

use http::StatusCode;
use promptgate_control::mcp_servers::{DescribedServer, McpServerError};
use promptgate_kernel::{McpServerId, SecretString, Timestamp};
use promptgate_mcp::{Header, HeaderChange, InvalidMcpServer, ValueChange};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::body::{Patch, or_default};
use crate::error::ApiError;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list::list, create::create)).routes(routes!(
        find::find,
        update::update,
        delete::delete
    ))
}

/// The definition of an MCP server, without the values of its sensitive headers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct McpServerView {
    #[schema(value_type = String, format = "uuid")]
    id: McpServerId,
    /// What the names of its tools begin with.
    name: String,
    display_name: String,
    url: String,
    headers: Vec<HeaderView>,
    /// Only tools whose name matches count; blank for all.
    allow_pattern: String,
    /// Tools whose name matches do not count, whatever else.
    deny_pattern: String,
    enabled: bool,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

/// A header that is sent with every call.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct HeaderView {
    name: String,
    /// Not there when it is empty or sensitive.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    sensitive: bool,
    has_value: bool,
    /// There, and true, when the value was sealed under a key that is not configured: give it anew.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unreadable: bool,
}

impl From<DescribedServer> for McpServerView {
    fn from(DescribedServer { server, unreadable }: DescribedServer) -> Self {
        let view = |header: Header| HeaderView {
            value: header.shown().map(str::to_owned),
            sensitive: header.is_sensitive(),
            has_value: header.has_value(),
            unreadable: unreadable.contains(&header.name),
            name: header.name,
        };
        Self {
            id: server.id,
            name: server.name,
            display_name: server.display_name,
            url: server.url,
            headers: server.headers.into_iter().map(view).collect(),
            allow_pattern: server.allow_pattern,
            deny_pattern: server.deny_pattern,
            enabled: server.enabled,
            created_at: server.created_at,
            updated_at: server.updated_at,
        }
    }
}

/// A header as somebody wants it. It has no `Debug`, because it may hold a secret.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct HeaderBody {
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, min_length = 1, max_length = 128)]
    name: String,
    /// Left out keeps the value of the header of the same name, null clears it, a text takes its place.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 8192)]
    value: Patch<String>,
    /// Whether the value is sealed and never shown.
    #[serde(default, deserialize_with = "or_default")]
    sensitive: bool,
}

impl From<HeaderBody> for HeaderChange {
    fn from(body: HeaderBody) -> Self {
        let value = match body.value {
            Patch::Keep => ValueChange::Keep,
            Patch::Clear => ValueChange::Clear,
            Patch::Set(text) => ValueChange::Set(SecretString::new(text)),
        };
        Self { name: body.name, value, sensitive: body.sensitive }
    }
}

fn changes(headers: Vec<HeaderBody>) -> Vec<HeaderChange> {
    headers.into_iter().map(HeaderChange::from).collect()
}

/// Reads the id in the address; what is no id belongs to no server.
fn parse_id(text: &str) -> Result<McpServerId, ApiError> {
    text.parse().map_err(not_found)
}

fn not_found(error: impl ToString) -> ApiError {
    ApiError::not_found("mcp_server_not_found").message(error)
}

impl From<McpServerError> for ApiError {
    fn from(error: McpServerError) -> Self {
        match error {
            McpServerError::Forbidden(error) => error.into(),
            error @ McpServerError::NotFound(_) => not_found(error),
            McpServerError::Invalid(error) => {
                let code = match error {
                    InvalidMcpServer::Name => "invalid_name",
                    InvalidMcpServer::DisplayName => "invalid_display_name",
                    InvalidMcpServer::Url => "invalid_url",
                    InvalidMcpServer::Header | InvalidMcpServer::Unreadable => "invalid_header",
                    InvalidMcpServer::AllowPattern | InvalidMcpServer::DenyPattern => "invalid_regex",
                };
                Self::bad_request(code).field(error.field()).message(error)
            }
            McpServerError::Destination(error) => {
                Self::bad_request("invalid_url").field("url").message(error)
            }
            error @ McpServerError::NameTaken => {
                Self::new(StatusCode::CONFLICT, "name_conflict").field("name").message(error)
            }
            error @ McpServerError::Changed(_) => Self::changed(&error),
            McpServerError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::{Value, json};

    const PATH: &str = "/api/v1/admin/mcp/servers";

    fn header(name: &str, sensitive: bool, value: Option<Value>) -> Value {
        let mut header = json!({"name": name, "sensitive": sensitive});
        if let Some(value) = value {
            header["value"] = value;
        }
        header
    }

    #[tokio::test]
    async fn a_secret_is_kept_and_cleared_and_never_returned() {
        let api = Api::new().await;
        let body = json!({"name": " Search ", "url": "https://h/mcp/", "headers": [
            header("Authorization", true, Some(json!("canary"))), header("X-Plain", false, Some(json!(" a "))),
        ], "allowPattern": " ^a ", "enabled": false});
        let made = api.post(PATH, &body).await.created();
        let id = made["id"].as_str().unwrap();
        let path = format!("{PATH}/{id}");
        assert_eq!(
            (&made["name"], &made["url"], &made["enabled"]),
            (&json!("search"), &json!("https://h/mcp"), &json!(false))
        );
        assert_eq!(
            (&made["displayName"], &made["allowPattern"], &made["denyPattern"]),
            (&json!("search"), &json!("^a"), &json!(""))
        );
        let secret = json!({"name": "Authorization", "sensitive": true, "hasValue": true});
        let plain = json!({"name": "X-Plain", "sensitive": false, "hasValue": true, "value": "a"});
        assert_eq!(made["headers"], json!([secret, plain]));
        assert_eq!(api.get(&path).await.ok()["headers"], json!([secret, plain]));
        let kept = json!({"headers": [header("authorization", true, None), header("X-New", false, None)]});
        let kept = api.patch(&path, &kept).await.ok();
        assert_eq!(kept["headers"][0]["hasValue"], true);
        assert_eq!(kept["headers"][1], json!({"name": "X-New", "sensitive": false, "hasValue": false}));
        let cleared = json!({"headers": [header("Authorization", true, Some(Value::Null))]});
        assert_eq!(api.patch(&path, &cleared).await.ok()["headers"][0]["hasValue"], false);
        let renamed = api.patch(&path, &json!({"name": "other", "enabled": true})).await.ok();
        assert_eq!((&renamed["name"], &renamed["allowPattern"]), (&json!("other"), &json!("^a")));
        api.patch(&path, &json!({"enabled": false})).await.ok();
        api.delete(&path).await.no_content();
        api.get(&path).await.refused(404, "mcp_server_not_found");
        let actions = api.audit_actions().await;
        assert_eq!(actions[0], "mcp_server.created");
        assert_eq!(actions[actions.len() - 2..], ["mcp_server.deactivated", "mcp_server.deleted"]);
    }

    #[tokio::test]
    async fn what_is_wrong_has_its_code() {
        let api = Api::new().await;
        let with = |member: &str, value: Value| {
            let mut body = json!({"name": "a", "url": "http://h"});
            body[member] = value;
            body
        };
        api.post(PATH, &with("name", json!("taken"))).await.created();
        for (body, status, code) in [
            (with("name", json!("A b")), 400, "invalid_name"),
            (with("name", json!("taken")), 409, "name_conflict"),
            (with("url", json!("ftp://h")), 400, "invalid_url"),
            (with("headers", json!([{"name": "a b"}])), 400, "invalid_header"),
            (with("headers", json!([{"name": "a"}, {"name": "A"}])), 400, "invalid_header"),
            (with("headers", json!([{"name": "a", "secret": true}])), 400, "invalid_request_body"),
            (with("allowPattern", json!("(")), 400, "invalid_regex"),
            (with("denyPattern", json!("[")), 400, "invalid_regex"),
            (with("id", json!("x")), 400, "invalid_request_body"),
        ] {
            api.post(PATH, &body).await.refused(status, code);
        }
        for method in ["GET", "PATCH", "DELETE"] {
            api.send(method, &format!("{PATH}/x"), "{}").await.refused(404, "mcp_server_not_found");
        }
        api.get(&format!("{PATH}?sortBy=tools")).await.refused(400, "invalid_sort");
        let by_filters = api.get(&format!("{PATH}?sortBy=filters&sortDir=desc")).await.ok();
        assert_eq!(by_filters["total"], 1);
    }
}
