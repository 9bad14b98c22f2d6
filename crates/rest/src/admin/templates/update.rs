//! `PATCH /api/v1/admin/provider-templates/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, templates};
use promptgate_providers::TemplateChanges;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{TemplateView, parse_id};
use crate::admin::{Acting, credentials, providers};
use crate::body::{Patch, StrictJson};
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// What is to change about a provider template. What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateTemplateBody {
    #[schema(min_length = 1, max_length = 120)]
    name: Option<String>,
    #[schema(max_length = 120, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$")]
    slug: Option<String>,
    /// Null empties it.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 4096)]
    description: Patch<String>,
    /// All of them; null for none.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 20)]
    tags: Patch<Vec<String>>,
    /// Another provider. The credential of the old one is cleared unless another is given.
    #[schema(value_type = Option<String>, format = "uuid")]
    provider_id: Option<String>,
    #[schema(min_length = 1, max_length = 200)]
    model: Option<String>,
    /// One of the provider's credentials; null for any of them.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "uuid")]
    credential_id: Patch<String>,
    /// Null leaves it to the endpoint.
    #[serde(default)]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 2)]
    temperature: Patch<f64>,
    /// Null leaves it to the endpoint.
    #[serde(default)]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 1)]
    top_p: Patch<f64>,
    /// Null leaves it to the endpoint.
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 10_000_000)]
    max_output_tokens: Patch<u64>,
    /// Whether it is used. Endpoints of an inactive one fail over, or fail with 502 `template_inactive`.
    is_active: Option<bool>,
}

/// Changes a provider template. It acts on the next call of every endpoint that uses it.
#[utoipa::path(patch, path = "/api/v1/admin/provider-templates/{id}", tag = "templates",
    params(("id" = String, Path, description = "The template")),
    request_body = UpdateTemplateBody,
    responses(
        (status = OK, body = TemplateView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, or `invalid_…` with the `field` that is \
            wrong; `credential_provider_mismatch`", body = ErrorBody),
        (status = NOT_FOUND, description = "`provider_template_not_found`, `provider_not_found`, \
            `credential_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`slug_conflict`, `concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn update(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
    StrictJson(body): StrictJson<UpdateTemplateBody>,
) -> Result<Json<TemplateView>, ApiError> {
    let changed = templates::update(&control, actor, parse_id(&id)?, body.try_into()?).await?;
    Ok(Json(changed.into()))
}

impl TryFrom<UpdateTemplateBody> for TemplateChanges {
    type Error = ApiError;

    fn try_from(body: UpdateTemplateBody) -> Result<Self, ApiError> {
        let credential = body.credential_id.try_map(|id| id.parse().map_err(credentials::unknown))?;
        let provider = body.provider_id.map(|id| id.parse().map_err(providers::unknown));
        Ok(Self {
            name: body.name,
            slug: body.slug,
            description: body.description.into_change().map(Option::unwrap_or_default),
            tags: body.tags.into_change().map(Option::unwrap_or_default),
            provider_id: provider.transpose()?,
            model: body.model,
            credential_id: credential.into_change(),
            temperature: body.temperature.into_change(),
            top_p: body.top_p.into_change(),
            max_output_tokens: body.max_output_tokens.into_change(),
            active: body.is_active,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn what_is_left_out_stays_and_null_clears() {
        let api = Api::new().await;
        let (main, other) =
            (api.create_provider("main", "openai").await, api.create_provider("b", "openai").await);
        let credential = api.create_credential(&main, "a").await;
        let body = json!({"name": "t", "providerId": main, "model": "m", "credentialId": credential,
            "temperature": 0.5, "maxOutputTokens": 7, "description": "d", "tags": ["x"]});
        let created = api.post("/api/v1/admin/provider-templates", &body).await.created();
        let path = format!("/api/v1/admin/provider-templates/{}", created["id"].as_str().unwrap());
        let kept = api.patch(&path, &json!({"model": "n"})).await.ok();
        assert_eq!((&kept["model"], &kept["temperature"]), (&json!("n"), &json!(0.5)));
        assert_eq!(kept["credentialId"], json!(credential));
        let cleared =
            json!({"temperature": null, "maxOutputTokens": null, "description": null, "tags": null});
        let cleared = api.patch(&path, &cleared).await.ok();
        assert_eq!((&cleared["temperature"], &cleared["maxOutputTokens"]), (&json!(null), &json!(null)));
        assert_eq!((&cleared["description"], &cleared["tags"]), (&json!(""), &json!([])));
        let moved = api.patch(&path, &json!({"providerId": other})).await.ok();
        assert_eq!(moved["credentialId"], json!(null), "a credential stays with its provider");
        api.patch(&path, &json!({"credentialId": credential}))
            .await
            .refused(400, "credential_provider_mismatch");
        api.patch(&path, &json!({"isActive": false})).await.ok();
        assert_eq!(api.audit_actions().await.last().unwrap(), "provider_template.deactivated");
        api.patch(&path, &json!({"uuid": "x"})).await.refused(400, "invalid_request_body");
        let nobody = "/api/v1/admin/provider-templates/x";
        api.patch(nobody, &json!({})).await.refused(404, "provider_template_not_found");
    }
}
