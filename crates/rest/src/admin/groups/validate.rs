//! `POST /api/v1/admin/groups/model-patterns/validate`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_access::InvalidGroup;
use promptgate_control::Control;
use promptgate_control::groups::{CheckPatterns, PatternCheck, ProviderCheck, check_patterns};
use promptgate_kernel::ProviderId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{parse_patterns, parse_providers};
use crate::admin::Acting;
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};

/// Patterns to try.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ValidatePatternsBody {
    /// All enabled ones where none is given.
    provider_ids: Option<Vec<String>>,
    /// Every model where none is given.
    #[schema(max_items = 200)]
    model_patterns: Option<Vec<String>>,
    #[schema(max_items = 200)]
    excluded_model_patterns: Option<Vec<String>>,
}

/// What patterns match of the models that providers have now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PatternCheckView {
    matched_model_count: usize,
    /// Those of all providers, sorted, each once.
    matched_models: Vec<String>,
    provider_results: Vec<ProviderCheckView>,
    /// How many providers could not be asked.
    unavailable_provider_count: usize,
}

/// What patterns match at one provider.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProviderCheckView {
    #[schema(value_type = String, format = "uuid")]
    id: ProviderId,
    name: String,
    display_name: String,
    available_model_count: usize,
    matched_model_count: usize,
    /// Sorted.
    matched_models: Vec<String>,
    /// Why it could not be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    models_error: Option<String>,
}

/// Tries patterns on the models that providers have now. Nothing is changed.
#[utoipa::path(post, path = "/api/v1/admin/groups/model-patterns/validate", tag = "groups",
    request_body = ValidatePatternsBody,
    responses(
        (status = OK, body = PatternCheckView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_regex`", body = ErrorBody),
        (status = NOT_FOUND, description = "`provider_not_found`", body = ErrorBody),
    ))]
pub(super) async fn validate(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<ValidatePatternsBody>,
) -> Result<Json<PatternCheckView>, ApiError> {
    Ok(Json(check_patterns(&control, actor, body.try_into()?).await?.into()))
}

impl TryFrom<ValidatePatternsBody> for CheckPatterns {
    type Error = ApiError;

    fn try_from(body: ValidatePatternsBody) -> Result<Self, ApiError> {
        Ok(Self {
            providers: parse_providers(&body.provider_ids.unwrap_or_default())?,
            allow: parse_patterns(&body.model_patterns.unwrap_or_default(), InvalidGroup::Allow)?,
            exclude: parse_patterns(
                &body.excluded_model_patterns.unwrap_or_default(),
                InvalidGroup::Exclude,
            )?,
        })
    }
}

impl From<PatternCheck> for PatternCheckView {
    fn from(check: PatternCheck) -> Self {
        let matched_models: Vec<String> = check.matched().into_iter().map(str::to_owned).collect();
        Self {
            matched_model_count: matched_models.len(),
            matched_models,
            unavailable_provider_count: check.unavailable(),
            provider_results: check.providers.into_iter().map(ProviderCheckView::from).collect(),
        }
    }
}

impl From<ProviderCheck> for ProviderCheckView {
    fn from(ProviderCheck { provider, available, matched, error }: ProviderCheck) -> Self {
        Self {
            id: provider.id,
            name: provider.name.as_str().to_owned(),
            display_name: provider.display_name,
            available_model_count: available,
            matched_model_count: matched.len(),
            matched_models: matched,
            models_error: error,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    const PATH: &str = "/api/v1/admin/groups/model-patterns/validate";

    #[tokio::test]
    async fn real_models_are_counted_and_a_disabled_provider_is_unavailable() {
        let api = Api::new().await;
        let main = api.create_provider("main", "openai").await;
        let off = api.create_provider("off", "openai").await;
        api.patch(&format!("/api/v1/admin/providers/{off}"), &json!({"enabled": false})).await.ok();
        let body = json!({"providerIds": [off, main, off], "modelPatterns": ["listed"],
            "excludedModelPatterns": ["2$"]});
        let view = api.post(PATH, &body).await.ok();
        assert_eq!(
            view,
            json!({"matchedModelCount": 1, "matchedModels": ["listed-1"], "unavailableProviderCount": 1,
            "providerResults": [
                {"id": off, "name": "off", "displayName": "off", "availableModelCount": 0,
                    "matchedModelCount": 0, "matchedModels": [], "modelsError": "provider is disabled"},
                {"id": main, "name": "main", "displayName": "main", "availableModelCount": 2,
                    "matchedModelCount": 1, "matchedModels": ["listed-1"]},
            ]})
        );
        let all = api.post(PATH, &json!({})).await.ok();
        assert_eq!((&all["matchedModelCount"], &all["unavailableProviderCount"]), (&json!(2), &json!(0)));
        api.post(PATH, &json!({"modelPatterns": ["("]})).await.refused(400, "invalid_regex");
        api.post(PATH, &json!({"excludedModelPatterns": ["("]})).await.refused(400, "invalid_regex");
        api.post(PATH, &json!({"providerIds": ["x"]})).await.refused(404, "provider_not_found");
        let nobody = "018f4e6e-0000-7000-8000-00000000dead";
        api.post(PATH, &json!({"providerIds": [nobody]})).await.refused(404, "provider_not_found");
    }
}
