//! `POST /api/v1/admin/service-accounts`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_auth::NewService;
use promptgate_control::Control;
use promptgate_control::accounts::{CreateAccountError, create_service};
use serde::Deserialize;
use utoipa::ToSchema;

use super::ServiceAccountView;
use crate::admin::Acting;
use crate::body::{StrictJson, or_default};
use crate::error::{ApiError, ErrorBody};
use crate::limits::{LimitsBody, new_limits};

/// A new service account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateServiceAccountBody {
    /// 1 to 64 letters, digits, `-` and `_`; upper case becomes lower case.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_-]+$", example = "ci-runner")]
    identifier: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, min_length = 1, max_length = 320)]
    name: String,
    /// Whether it may be used; yes unless said otherwise.
    is_active: Option<bool>,
    /// Whether its own network rules come before everybody's; no unless said otherwise.
    firewall_override_enabled: Option<bool>,
    /// How much it may use, besides its plan; no limit unless given.
    limits: Option<LimitsBody>,
}

/// Makes a service account.
#[utoipa::path(post, path = "/api/v1/admin/service-accounts", tag = "service-accounts",
    request_body = CreateServiceAccountBody,
    responses(
        (status = CREATED, body = ServiceAccountView),
        (status = BAD_REQUEST, description = "`invalid_identifier`, `invalid_name`, `invalid_limit`, `invalid_request_body`",
            body = ErrorBody),
        (status = CONFLICT, description = "`identifier_conflict`", body = ErrorBody),
    ))]
pub(super) async fn create(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<CreateServiceAccountBody>,
) -> Result<(StatusCode, Json<ServiceAccountView>), ApiError> {
    let new = NewService {
        identifier: body.identifier,
        name: body.name,
        active: body.is_active.unwrap_or(true),
        firewall_override: body.firewall_override_enabled.unwrap_or(false),
        limits: new_limits(body.limits)?,
    };
    let created = create_service(&control, actor, new).await?;
    Ok((StatusCode::CREATED, Json(created.into())))
}

impl From<CreateAccountError> for ApiError {
    fn from(error: CreateAccountError) -> Self {
        let conflict = |code| Self::new(StatusCode::CONFLICT, code);
        match error {
            CreateAccountError::Forbidden(error) => error.into(),
            CreateAccountError::Invalid(error) => error.into(),
            CreateAccountError::Weak(error) => {
                Self::bad_request("invalid_password").field("password").message(error)
            }
            error @ CreateAccountError::IdentifierTaken => {
                conflict("identifier_conflict").field("identifier").message(error)
            }
            error @ CreateAccountError::EmailTaken => {
                conflict("email_conflict").field("email").message(error)
            }
            CreateAccountError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    const PATH: &str = "/api/v1/admin/service-accounts";

    #[tokio::test]
    async fn what_was_sent_is_what_there_is() {
        let api = Api::new().await;
        let body = json!({"identifier": " CI-Runner ", "name": " CI ", "isActive": false,
            "limits": {"dailyTokens": 7, "models": {"gpt-4o": {"maxConcurrent": 2}}}});
        let made = api.post(PATH, &body).await.created();
        assert_eq!(
            (&made["identifier"], &made["name"], &made["role"]),
            (&json!("ci-runner"), &json!("CI"), &json!("user"))
        );
        assert_eq!((&made["isActive"], &made["firewallOverrideEnabled"]), (&json!(false), &json!(false)));
        assert_eq!(made["subscriptionPlanId"], json!(null));
        let path = format!("{PATH}/{}", made["id"].as_str().unwrap());
        let stored = api.get(&path).await.ok();
        assert_eq!((&stored["isActive"], &stored["limits"]["dailyTokens"]), (&json!(false), &json!(7)));
        assert_eq!(stored["limits"]["models"]["gpt-4o"]["maxConcurrent"], 2);
        api.post(PATH, &json!({"identifier": "ci-RUNNER", "name": "x"}))
            .await
            .refused(409, "identifier_conflict");
    }

    #[tokio::test]
    async fn what_is_wrong_has_a_code() {
        let api = Api::new().await;
        for (body, code) in [
            (json!({}), "invalid_identifier"),
            (json!({"identifier": "a b", "name": "x"}), "invalid_identifier"),
            (json!({"identifier": "x".repeat(65), "name": "x"}), "invalid_identifier"),
            (json!({"identifier": "a", "name": " "}), "invalid_name"),
            (json!({"identifier": "a", "name": "x", "role": "admin"}), "invalid_request_body"),
            (json!({"identifier": "a", "name": "x", "limits": {"dailyTokens": 0}}), "invalid_limit"),
        ] {
            api.post(PATH, &body).await.refused(400, code);
        }
    }
}
