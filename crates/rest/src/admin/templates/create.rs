//! `POST /api/v1/admin/provider-templates`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, templates};
use promptgate_providers::NewTemplate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::TemplateView;
use crate::admin::{Acting, credentials, providers};
use crate::body::{StrictJson, or_default};
use crate::error::{ApiError, ErrorBody};

/// A new provider template.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateTemplateBody {
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, min_length = 1, max_length = 120)]
    name: String,
    /// Its name in routing rules; made from the name unless given.
    #[schema(max_length = 120, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$")]
    slug: Option<String>,
    #[schema(max_length = 4096)]
    description: Option<String>,
    /// At most 20 different texts of 1 to 40 characters.
    #[schema(max_items = 20)]
    tags: Option<Vec<String>>,
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, value_type = String, format = "uuid")]
    provider_id: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, min_length = 1, max_length = 200)]
    model: String,
    /// One of the provider's credentials; any of them unless given.
    #[schema(value_type = Option<String>, format = "uuid")]
    credential_id: Option<String>,
    #[schema(minimum = 0, maximum = 2)]
    temperature: Option<f64>,
    #[schema(minimum = 0, maximum = 1)]
    top_p: Option<f64>,
    #[schema(minimum = 1, maximum = 10_000_000)]
    max_output_tokens: Option<u64>,
    /// Whether it is used; yes unless said otherwise.
    is_active: Option<bool>,
}

/// Creates a provider template.
#[utoipa::path(post, path = "/api/v1/admin/provider-templates", tag = "templates",
    request_body = CreateTemplateBody,
    responses(
        (status = CREATED, body = TemplateView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, or `invalid_…` with the `field` that is \
            wrong; `credential_provider_mismatch`", body = ErrorBody),
        (status = NOT_FOUND, description = "`provider_not_found`, `credential_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`slug_conflict`", body = ErrorBody),
    ))]
pub(super) async fn create(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<CreateTemplateBody>,
) -> Result<(StatusCode, Json<TemplateView>), ApiError> {
    let created = templates::create(&control, actor, body.try_into()?).await?;
    Ok((StatusCode::CREATED, Json(created.into())))
}

impl TryFrom<CreateTemplateBody> for NewTemplate {
    type Error = ApiError;

    fn try_from(body: CreateTemplateBody) -> Result<Self, ApiError> {
        let credential_id = body.credential_id.map(|id| id.parse().map_err(credentials::unknown));
        Ok(Self {
            name: body.name,
            slug: body.slug,
            description: body.description.unwrap_or_default(),
            tags: body.tags.unwrap_or_default(),
            provider_id: providers::named(&body.provider_id)?,
            model: body.model,
            credential_id: credential_id.transpose()?,
            temperature: body.temperature,
            top_p: body.top_p,
            max_output_tokens: body.max_output_tokens,
            active: body.is_active.unwrap_or(true),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    const PATH: &str = "/api/v1/admin/provider-templates";

    #[tokio::test]
    async fn what_was_sent_comes_back_and_false_is_honoured() {
        let api = Api::new().await;
        let provider = api.create_provider("main", "openai").await;
        let credential = api.create_credential(&provider, "a").await;
        let body = json!({"name": "Fast and cheap", "providerId": provider, "model": "gpt-x",
            "credentialId": credential, "temperature": 0.5, "topP": 0.9, "maxOutputTokens": 500,
            "description": "for mail", "tags": ["mail"], "isActive": false});
        let view = api.post(PATH, &body).await.created();
        for (member, value) in body.as_object().unwrap() {
            assert_eq!(&view[member], value, "{member}");
        }
        assert_eq!(view["slug"], "fast-and-cheap");
        // A slug that nobody chose gives way; one that somebody chose does not.
        assert_eq!(api.post(PATH, &body).await.created()["slug"], "fast-and-cheap-2");
        let mut chosen = body.clone();
        chosen["slug"] = "fast-and-cheap".into();
        let again = api.post(PATH, &chosen).await.refused(409, "slug_conflict");
        assert_eq!(again["field"], "slug");
        assert_eq!(api.audit_actions().await.last().unwrap(), "provider_template.created");
    }

    #[tokio::test]
    async fn what_is_wrong_has_a_code_and_a_field() {
        let api = Api::new().await;
        let (main, other) =
            (api.create_provider("main", "openai").await, api.create_provider("b", "openai").await);
        let foreign = api.create_credential(&other, "b").await;
        let with = |field: &str, value: serde_json::Value| {
            let mut body = json!({"name": "t", "providerId": main, "model": "m"});
            body[field] = value;
            body
        };
        for (body, status, code, field) in [
            (with("name", json!("")), 400, "invalid_name", "name"),
            (with("slug", json!("A b")), 400, "invalid_slug", "slug"),
            (with("model", json!(" ")), 400, "invalid_model", "model"),
            (with("temperature", json!(2.1)), 400, "invalid_temperature", "temperature"),
            (with("topP", json!(-0.1)), 400, "invalid_top_p", "topP"),
            (with("maxOutputTokens", json!(0)), 400, "invalid_max_output_tokens", "maxOutputTokens"),
            (with("tags", json!(["a", "a"])), 400, "invalid_tags", "tags"),
            (with("providerId", json!("x")), 404, "provider_not_found", "providerId"),
            (with("credentialId", json!("x")), 404, "credential_not_found", "credentialId"),
            (with("credentialId", json!(main)), 404, "credential_not_found", "credentialId"),
            (with("credentialId", json!(foreign)), 400, "credential_provider_mismatch", "credentialId"),
            (with("visibility", json!(1)), 400, "invalid_request_body", "visibility"),
        ] {
            assert_eq!(api.post(PATH, &body).await.refused(status, code)["field"], field);
        }
    }
}
