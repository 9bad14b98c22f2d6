//! `/api/v1/admin/admin-keys`: what opens `/api/v1/admin` besides the key of the settings.

mod create;
mod list;
mod revoke;
mod rotate;

use http::StatusCode;
use promptgate_auth::{InvalidAdminKey, StoredAdminKey};
use promptgate_control::admin_keys::{AdminKeyError, IssuedAdminKey};
use promptgate_kernel::{AdminKeyId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::error::ApiError;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(revoke::revoke))
        .routes(routes!(rotate::rotate))
}

/// An admin key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AdminKeyView {
    #[schema(value_type = String, format = "uuid")]
    id: AdminKeyId,
    /// What the audit log calls it.
    name: String,
    /// The first characters of its secret.
    #[schema(example = "pgadm_Ab3d")]
    prefix: String,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = "date-time")]
    expires_at: Option<Timestamp>,
    /// To the minute.
    #[schema(value_type = Option<String>, format = "date-time")]
    last_used_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = "date-time")]
    revoked_at: Option<Timestamp>,
    /// Until when the secret before the last rotation serves; null when none does.
    #[schema(value_type = Option<String>, format = "date-time")]
    previous_until: Option<Timestamp>,
}

impl From<StoredAdminKey> for AdminKeyView {
    fn from(key: StoredAdminKey) -> Self {
        Self {
            id: key.id,
            name: key.name,
            prefix: key.prefix,
            created_at: key.created_at,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            revoked_at: key.revoked_at,
            previous_until: key.previous.map(|previous| previous.until),
        }
    }
}

/// An admin key with its secret, which is shown this once. It has no `Debug`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct IssuedAdminKeyView {
    /// What goes into `X-Admin-API-Key`.
    #[schema(example = "pgadm_…")]
    secret: String,
    admin_key: AdminKeyView,
}

impl From<IssuedAdminKey> for IssuedAdminKeyView {
    fn from(IssuedAdminKey { key, secret }: IssuedAdminKey) -> Self {
        Self { secret: secret.expose().to_owned(), admin_key: key.into() }
    }
}

/// Reads the id in the address; what is no id belongs to no key.
fn parse_id(text: &str) -> Result<AdminKeyId, ApiError> {
    text.parse().map_err(not_found)
}

fn not_found(error: impl ToString) -> ApiError {
    ApiError::not_found("admin_key_not_found").message(error)
}

impl From<AdminKeyError> for ApiError {
    fn from(error: AdminKeyError) -> Self {
        match error {
            AdminKeyError::Forbidden(error) => error.into(),
            error @ AdminKeyError::NotFound(_) => not_found(error),
            AdminKeyError::Invalid(error @ InvalidAdminKey::Over) => {
                Self::new(StatusCode::CONFLICT, "admin_key_over").message(error)
            }
            AdminKeyError::Invalid(error) => {
                let code = match error {
                    InvalidAdminKey::Name => "invalid_name",
                    InvalidAdminKey::ExpiresAt => "invalid_expires_at",
                    InvalidAdminKey::Overlap | InvalidAdminKey::Over => "invalid_overlap",
                };
                Self::bad_request(code).field(error.field().unwrap_or_default()).message(error)
            }
            error @ AdminKeyError::NameTaken => {
                Self::new(StatusCode::CONFLICT, "name_conflict").field("name").message(error)
            }
            error @ AdminKeyError::Changed(_) => Self::changed(&error),
            AdminKeyError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::Api;

    const PATH: &str = "/api/v1/admin/admin-keys";

    fn text(value: &Value) -> String {
        value.as_str().unwrap().to_owned()
    }

    async fn create(api: &Api, name: &str) -> (String, String) {
        let made = api.post(PATH, &json!({"name": name})).await.created();
        (text(&made["adminKey"]["id"]), text(&made["secret"]))
    }

    #[tokio::test]
    async fn a_key_opens_and_is_named_in_the_log_and_a_revoked_one_does_not() {
        let api = Api::new().await;
        let (id, secret) = create(&api, "Deploy").await;
        assert!(secret.starts_with("pgadm_") && secret.len() == 55);
        api.with_key("GET", PATH, &secret).await.ok();
        api.with_key("DELETE", &format!("{PATH}/{id}"), &secret).await.no_content();
        api.with_key("GET", PATH, &secret).await.refused(401, "invalid_admin_api_key");
        let log = api.get("/api/v1/admin/audit?action=admin_key.revoked").await.ok();
        let row = &log["items"][0];
        assert_eq!((&row["actorLabel"], &row["actorId"]), (&json!("Deploy"), &json!(id)));
        let listed = api.get(PATH).await.ok();
        let key = &listed["items"][0];
        assert!(key["revokedAt"].is_string() && key["lastUsedAt"].is_string());
        assert!(!listed.to_string().contains(&secret));
        api.delete(&format!("{PATH}/{id}")).await.refused(404, "admin_key_not_found");
        let again = format!("{PATH}/{id}/rotate");
        api.post(&again, &json!({})).await.refused(409, "admin_key_over");
        create(&api, "deploy").await;
    }

    #[tokio::test]
    async fn both_secrets_open_while_they_overlap() {
        let api = Api::new().await;
        let (id, old) = create(&api, "Deploy").await;
        let path = format!("{PATH}/{id}/rotate");
        let rotated = api.post(&path, &json!({"overlapSeconds": 60})).await.ok();
        let new = text(&rotated["secret"]);
        assert!(rotated["adminKey"]["previousUntil"].is_string());
        for secret in [&old, &new] {
            api.with_key("GET", PATH, secret).await.ok();
        }
        api.advance_secs(61);
        api.with_key("GET", PATH, &old).await.refused(401, "invalid_admin_api_key");
        api.with_key("GET", PATH, &new).await.ok();
        let newest = text(&api.post(&path, &json!({})).await.ok()["secret"]);
        api.with_key("GET", PATH, &new).await.refused(401, "invalid_admin_api_key");
        api.with_key("GET", PATH, &newest).await.ok();
    }

    #[tokio::test]
    async fn what_is_wrong_has_its_code() {
        let api = Api::new().await;
        let (id, _) = create(&api, "Deploy").await;
        for (body, status, code) in [
            (json!({"name": " "}), 400, "invalid_name"),
            (json!({"name": "environment"}), 400, "invalid_name"),
            (json!({"name": "DEPLOY"}), 409, "name_conflict"),
            (json!({"name": "a", "expiresAt": "2000-01-01T00:00:00Z"}), 400, "invalid_expires_at"),
            (json!({"name": "a", "secret": "x"}), 400, "invalid_request_body"),
        ] {
            api.post(PATH, &body).await.refused(status, code);
        }
        let rotate = format!("{PATH}/{id}/rotate");
        api.post(&rotate, &json!({"overlapSeconds": 2_592_001})).await.refused(400, "invalid_overlap");
        api.post(&format!("{PATH}/x/rotate"), &json!({})).await.refused(404, "admin_key_not_found");
        api.delete(&format!("{PATH}/x")).await.refused(404, "admin_key_not_found");
        api.get(&format!("{PATH}?sortBy=prefix")).await.refused(400, "invalid_sort");
    }
}
