//! `POST /api/v1/admin/credentials`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, credentials};
use promptgate_kernel::SecretString;
use promptgate_providers::NewCredential;
use serde::Deserialize;
use utoipa::ToSchema;

use super::CredentialView;
use crate::admin::{Acting, providers};
use crate::body::{StrictJson, or_default};
use crate::error::{ApiError, ErrorBody};

/// A new credential. It has no `Debug`, because it holds a secret.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateCredentialBody {
    /// The provider whose secret it is; never changes.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, value_type = String, format = "uuid")]
    provider_id: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, min_length = 1, max_length = 120)]
    name: String,
    /// The secret to send upstream. It is sealed and never shown again.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, write_only, min_length = 1, max_length = 8192)]
    secret: String,
    /// Its share of the calls; 1 unless given.
    #[schema(minimum = 1, maximum = 100)]
    weight: Option<u32>,
    /// Whether it is used; yes unless said otherwise.
    is_active: Option<bool>,
}

/// Adds a credential to a provider. Providers may have several; calls are spread over the active ones.
#[utoipa::path(post, path = "/api/v1/admin/credentials", tag = "credentials",
    request_body = CreateCredentialBody,
    responses(
        (status = CREATED, body = CredentialView),
        (status = NOT_FOUND, description = "`provider_not_found`", body = ErrorBody),
    ))]
pub(super) async fn create(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<CreateCredentialBody>,
) -> Result<(StatusCode, Json<CredentialView>), ApiError> {
    let created = credentials::create(&control, actor, body.try_into()?).await?;
    Ok((StatusCode::CREATED, Json(CredentialView::of(created, &control.keys))))
}

impl TryFrom<CreateCredentialBody> for NewCredential {
    type Error = ApiError;

    fn try_from(body: CreateCredentialBody) -> Result<Self, ApiError> {
        Ok(Self {
            provider_id: providers::named(&body.provider_id)?,
            name: body.name,
            weight: body.weight.unwrap_or(1),
            active: body.is_active.unwrap_or(true),
            secret: SecretString::new(body.secret.trim().to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    const PATH: &str = "/api/v1/admin/credentials";
    const SECRET: &str = "sk-live-canary-0123456789";

    #[tokio::test]
    async fn a_secret_goes_in_and_only_its_preview_comes_out() {
        let api = Api::new().await;
        let provider = api.create_provider("main", "openai").await;
        let body = json!({"providerId": provider, "name": " EU ", "secret": SECRET, "weight": 3,
            "isActive": false});
        let answer = api.post(PATH, &body).await;
        assert!(!answer.text().contains("canary"));
        let view = answer.created();
        assert_eq!((&view["providerId"], &view["name"]), (&json!(provider), &json!("EU")));
        assert_eq!((&view["weight"], &view["isActive"]), (&json!(3), &json!(false)));
        assert_eq!((&view["preview"], &view["previousUntil"]), (&json!("sk-l…789"), &json!(null)));
        assert!(view.get("secret").is_none());
        let shown = api.get(&format!("/api/v1/admin/providers/{provider}")).await.ok();
        assert_eq!(shown["hasApiKey"], true);
        let plain = json!({"providerId": provider, "name": "x", "secret": SECRET});
        let view = api.post(PATH, &plain).await.created();
        assert_eq!((&view["weight"], &view["isActive"]), (&json!(1), &json!(true)));
    }

    #[tokio::test]
    async fn what_is_wrong_has_a_code_and_a_field() {
        let api = Api::new().await;
        let provider = api.create_provider("main", "openai").await;
        for (body, status, code, field) in [
            (json!({"name": "x", "secret": SECRET}), 400, "invalid_request_body", "providerId"),
            (
                json!({"providerId": "x", "name": "x", "secret": SECRET}),
                404,
                "provider_not_found",
                "providerId",
            ),
            (json!({"providerId": provider, "secret": SECRET}), 400, "invalid_name", "name"),
            (json!({"providerId": provider, "name": "x"}), 400, "invalid_secret", "secret"),
            (json!({"providerId": provider, "name": "x", "secret": "a b"}), 400, "invalid_secret", "secret"),
            (
                json!({"providerId": provider, "name": "x", "secret": SECRET, "weight": 0}),
                400,
                "invalid_weight",
                "weight",
            ),
            (
                json!({"providerId": provider, "name": "x", "secret": SECRET, "key": 1}),
                400,
                "invalid_request_body",
                "key",
            ),
        ] {
            let refused = api.post(PATH, &body).await;
            assert!(!refused.text().contains("canary"));
            assert_eq!(refused.refused(status, code)["field"], field, "{body}");
        }
        let nobody =
            json!({"providerId": "018f4e6e-0000-7000-8000-00000000dead", "name": "x", "secret": "k"});
        api.post(PATH, &nobody).await.refused(404, "provider_not_found");
    }
}
