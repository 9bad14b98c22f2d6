//! `PATCH /api/v1/admin/providers/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::Control;
use promptgate_control::providers::{self, ApiKey, KeyChange, UpdateProvider, UpdateProviderError};
use promptgate_providers::{BaseUrl, ProviderChanges, ProviderKind};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{ProviderView, invalid_key, invalid_type, not_found, parse_id};
use crate::admin::Acting;
use crate::body::{Patch, StrictJson};
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// What is to change about a provider. What is left out stays. It has no `Debug`, because it holds
/// a key.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateProviderBody {
    #[schema(max_length = 120)]
    display_name: Option<String>,
    /// `openai`, `anthropic`, `google`, `mistral`, `groq`, `together`, `cohere`, `ollama`,
    /// `azure_openai`, `openai_compatible` or `echo`.
    r#type: Option<String>,
    #[schema(format = "uri", max_length = 2048)]
    base_url: Option<String>,
    /// The secret of the provider's oldest credential: left out keeps it, empty deletes the credential,
    /// anything else takes its place. Other credentials stay.
    #[schema(write_only, max_length = 8192)]
    api_key: Option<String>,
    /// The models it is known to have, whole; null for none.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 1000)]
    models: Patch<Vec<String>>,
    /// Free options, at most 64 KiB, whole; null for none.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    config: Patch<Map<String, Value>>,
    enabled: Option<bool>,
}

/// Changes a provider. Its name cannot be changed.
#[utoipa::path(patch, path = "/api/v1/admin/providers/{id}", tag = "providers",
    params(("id" = String, Path, description = "The provider")),
    request_body = UpdateProviderBody,
    responses(
        (status = OK, body = ProviderView),
        (status = NOT_FOUND, description = "`provider_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn update(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
    StrictJson(body): StrictJson<UpdateProviderBody>,
) -> Result<Json<ProviderView>, ApiError> {
    let changed = providers::update(&control, actor, parse_id(&id)?, body.try_into()?).await?;
    Ok(Json(changed.into()))
}

impl TryFrom<UpdateProviderBody> for UpdateProvider {
    type Error = ApiError;

    fn try_from(body: UpdateProviderBody) -> Result<Self, ApiError> {
        let kind = body.r#type.as_deref().map(|text| text.trim().parse::<ProviderKind>()).transpose();
        let api_key = match body.api_key.as_deref().map(ApiKey::parse).transpose().map_err(invalid_key)? {
            None => KeyChange::Keep,
            Some(None) => KeyChange::Clear,
            Some(Some(key)) => KeyChange::Replace(key),
        };
        let provider = ProviderChanges {
            display_name: body.display_name,
            kind: kind.map_err(invalid_type)?,
            base_url: body.base_url.as_deref().map(BaseUrl::parse).transpose()?,
            models: body.models.into_change().map(Option::unwrap_or_default),
            config: body.config.into_change().map(Option::unwrap_or_default),
            enabled: body.enabled,
        };
        Ok(Self { provider, api_key })
    }
}

impl From<UpdateProviderError> for ApiError {
    fn from(error: UpdateProviderError) -> Self {
        match error {
            UpdateProviderError::Forbidden(error) => error.into(),
            error @ UpdateProviderError::NotFound(_) => not_found(error),
            UpdateProviderError::Invalid(error) => error.into(),
            UpdateProviderError::InvalidKey(error) => {
                Self::bad_request("invalid_api_key").field("apiKey").message(error)
            }
            error @ UpdateProviderError::Changed(_) => Self::changed(&error),
            UpdateProviderError::Endpoint(error) => error.into(),
            UpdateProviderError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn a_key_is_kept_replaced_and_cleared() {
        let api = Api::new().await;
        let path = format!("/api/v1/admin/providers/{}", api.create_provider("main", "echo").await);
        let key = |body| {
            let (api, path) = (&api, &path);
            async move { api.patch(path, &body).await.ok()["hasApiKey"].clone() }
        };
        assert_eq!(key(json!({"enabled": false})).await, false);
        assert_eq!(key(json!({"apiKey": "sk-1"})).await, true);
        assert_eq!(key(json!({"displayName": "Main"})).await, true, "left out keeps it");
        assert_eq!(key(json!({"apiKey": null})).await, true, "null is as good as left out");
        assert_eq!(key(json!({"apiKey": "  "})).await, false, "empty clears it");
        let shown = api.get(&path).await.ok();
        assert_eq!((&shown["enabled"], &shown["displayName"]), (&json!(false), &json!("Main")));
    }

    #[tokio::test]
    async fn the_name_is_no_member_of_a_change() {
        let api = Api::new().await;
        let path = format!("/api/v1/admin/providers/{}", api.create_provider("main", "echo").await);
        let refused = api.patch(&path, &json!({"name": "other"})).await.refused(400, "invalid_request_body");
        assert_eq!(refused["field"], "name");
        api.patch(&path, &json!({"type": "x"})).await.refused(400, "invalid_type");
        api.patch(&path, &json!({"baseUrl": "x"})).await.refused(400, "invalid_url");
        api.patch(&path, &json!({"config": {"idleTimeoutMs": "x"}})).await.refused(400, "invalid_config");
        api.patch("/api/v1/admin/providers/main", &json!({})).await.refused(404, "provider_not_found");
    }
}
