//! `POST /api/v1/admin/providers`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_control::Control;
use promptgate_control::providers::{self, ApiKey, CreateProvider, CreateProviderError};
use promptgate_providers::{BaseUrl, NewProvider, ProviderKind, ProviderName};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{ProviderView, invalid_key, invalid_type};
use crate::admin::Acting;
use crate::body::{StrictJson, or_default};
use crate::error::{ApiError, ErrorBody};

/// A new provider. It has no `Debug`, because it holds a key.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateProviderBody {
    /// Lower-case letters and digits with single hyphens; never changes.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, min_length = 1, max_length = 120, example = "team-openai")]
    name: String,
    /// The name unless given.
    #[schema(max_length = 120)]
    display_name: Option<String>,
    /// `openai`, `anthropic`, `google`, `mistral`, `groq`, `together`, `cohere`, `ollama`,
    /// `azure_openai`, `openai_compatible` or `echo`.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, example = "openai")]
    r#type: String,
    /// The vendor's own address unless given; `azure_openai` and `openai_compatible` have none.
    #[schema(format = "uri", max_length = 2048)]
    base_url: Option<String>,
    /// The key to send upstream, kept as the credential `default`. It is sealed and never shown again.
    #[schema(write_only, max_length = 8192)]
    api_key: Option<String>,
    /// The models it is known to have.
    #[schema(max_items = 1000)]
    models: Option<Vec<String>>,
    /// Free options, at most 64 KiB.
    #[schema(value_type = Option<Object>)]
    config: Option<Map<String, Value>>,
    /// Whether it answers; yes unless said otherwise.
    enabled: Option<bool>,
}

/// Creates a provider.
#[utoipa::path(post, path = "/api/v1/admin/providers", tag = "providers",
    request_body = CreateProviderBody,
    responses(
        (status = CREATED, body = ProviderView),
        (status = CONFLICT, description = "`name_conflict`", body = ErrorBody),
    ))]
pub(super) async fn create(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<CreateProviderBody>,
) -> Result<(StatusCode, Json<ProviderView>), ApiError> {
    let created = providers::create(&control, actor, body.try_into()?).await?;
    Ok((StatusCode::CREATED, Json(created.into())))
}

impl TryFrom<CreateProviderBody> for CreateProvider {
    type Error = ApiError;

    fn try_from(body: CreateProviderBody) -> Result<Self, ApiError> {
        let provider = NewProvider {
            name: ProviderName::parse(&body.name)?,
            display_name: body.display_name.unwrap_or_default(),
            kind: body.r#type.trim().parse::<ProviderKind>().map_err(invalid_type)?,
            base_url: body.base_url.as_deref().map(BaseUrl::parse).transpose()?,
            models: body.models.unwrap_or_default(),
            config: body.config.unwrap_or_default(),
            enabled: body.enabled.unwrap_or(true),
        };
        let api_key = ApiKey::parse(&body.api_key.unwrap_or_default()).map_err(invalid_key)?;
        Ok(Self { provider, api_key })
    }
}

impl From<CreateProviderError> for ApiError {
    fn from(error: CreateProviderError) -> Self {
        match error {
            CreateProviderError::Forbidden(error) => error.into(),
            CreateProviderError::Invalid(error) => error.into(),
            error @ CreateProviderError::NameTaken => {
                Self::new(StatusCode::CONFLICT, "name_conflict").field("name").message(error)
            }
            CreateProviderError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    const PATH: &str = "/api/v1/admin/providers";

    #[tokio::test]
    async fn a_key_goes_in_and_never_comes_out() {
        let api = Api::new().await;
        let body = json!({"name": " Team-OpenAI ", "type": "openai", "baseUrl": "https://h.example/v1//",
            "apiKey": " sk-canary ", "config": {"region": "eu"}, "enabled": false, "models": ["gpt-x"]});
        let answer = api.post(PATH, &body).await;
        assert!(!answer.text().contains("canary"));
        let view = answer.created();
        assert_eq!((&view["name"], &view["displayName"]), (&json!("team-openai"), &json!("team-openai")));
        assert_eq!((&view["type"], &view["baseUrl"]), (&json!("openai"), &json!("https://h.example/v1")));
        assert_eq!((&view["hasApiKey"], &view["enabled"]), (&json!(true), &json!(false)));
        assert_eq!((&view["config"], &view["models"]), (&json!({"region": "eu"}), &json!(["gpt-x"])));
        assert!(view.get("apiKey").is_none());
        api.post(PATH, &body).await.refused(409, "name_conflict");
    }

    #[tokio::test]
    async fn what_is_wrong_has_the_code_that_the_frontend_knows() {
        let api = Api::new().await;
        for (body, code) in [
            (json!({"type": "openai"}), "invalid_name"),
            (json!({"name": "a b", "type": "openai"}), "invalid_name"),
            (json!({"name": "console", "type": "openai"}), "invalid_name"),
            (json!({"name": "a"}), "invalid_type"),
            (json!({"name": "a", "type": "bedrock"}), "invalid_type"),
            (json!({"name": "a", "type": "openai", "baseUrl": ""}), "invalid_url"),
            (json!({"name": "a", "type": "openai", "baseUrl": "ftp://h"}), "invalid_url"),
            (json!({"name": "a", "type": "openai_compatible"}), "invalid_url"),
            (json!({"name": "a", "type": "openai", "apiKey": "x\ny"}), "invalid_api_key"),
            (json!({"name": "a", "type": "openai", "config": []}), "invalid_request_body"),
            (json!({"name": "a", "type": "openai", "key": "x"}), "invalid_request_body"),
        ] {
            api.post(PATH, &body).await.refused(400, code);
        }
    }
}
