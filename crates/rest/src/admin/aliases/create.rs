//! `POST /api/v1/admin/projects/{uuid}/aliases`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, aliases};
use promptgate_kernel::ProjectId;
use promptgate_providers::{NewAlias, Preset};
use serde::Deserialize;
use utoipa::ToSchema;

use super::AliasView;
use crate::admin::{Acting, projects, providers};
use crate::body::{StrictJson, or_default};
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// A new alias; with one of the last four members, a preset.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateAliasBody {
    /// Unique in the project; no blanks, and `promptgate:` is not its beginning.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, min_length = 1, max_length = 120, example = "fast")]
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, value_type = String, format = "uuid")]
    provider_id: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, min_length = 1, max_length = 200)]
    model: String,
    /// Shown in lists of models.
    #[schema(max_length = 4096)]
    description: Option<String>,
    /// Used where the client sends no system message.
    #[schema(max_length = 65_536)]
    system_prompt: Option<String>,
    /// Used where the client sends none.
    #[schema(minimum = 0, maximum = 2)]
    temperature: Option<f64>,
    /// Used where the client sends none.
    #[schema(minimum = 0, maximum = 1)]
    top_p: Option<f64>,
    /// Used where the client sends none.
    #[schema(minimum = 1, maximum = 10_000_000)]
    max_tokens: Option<u64>,
}

/// Creates an alias in an `ai_wrapper` or `agent_proxy` project.
#[utoipa::path(post, path = "/api/v1/admin/projects/{uuid}/aliases", tag = "aliases",
    params(("uuid" = String, Path, description = "The project")),
    request_body = CreateAliasBody,
    responses(
        (status = CREATED, body = AliasView),
        (status = NOT_FOUND, description = "`project_not_found`, `provider_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`name_conflict`", body = ErrorBody),
    ))]
pub(super) async fn create(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(uuid): Segment,
    StrictJson(body): StrictJson<CreateAliasBody>,
) -> Result<(StatusCode, Json<AliasView>), ApiError> {
    let new = body.into_new(projects::parse_id(&uuid)?)?;
    let created = aliases::create(&control, actor, new).await?;
    Ok((StatusCode::CREATED, Json(created.into())))
}

impl CreateAliasBody {
    fn into_new(self, project_id: ProjectId) -> Result<NewAlias, ApiError> {
        Ok(NewAlias {
            project_id,
            name: self.name,
            provider_id: providers::named(&self.provider_id)?,
            model: self.model,
            description: self.description.unwrap_or_default(),
            preset: Preset {
                system_prompt: self.system_prompt,
                temperature: self.temperature,
                top_p: self.top_p,
                max_tokens: self.max_tokens,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn an_alias_names_a_model_and_may_be_a_preset() {
        let api = Api::new().await;
        let provider = api.create_provider("main", "openai").await;
        let project = api.create_project("x", "agent_proxy").await;
        let path = format!("/api/v1/admin/projects/{project}/aliases");
        let plain = json!({"name": "embed:fast", "providerId": provider, "model": "text-embedding-3-small"});
        let view = api.post(&path, &plain).await.created();
        assert_eq!((&view["name"], &view["isPreset"]), (&json!("embed:fast"), &json!(false)));
        assert_eq!((&view["provider"], &view["projectId"]), (&json!("main"), &json!(project)));
        let preset = json!({"name": "pirate", "providerId": provider, "model": "gpt-x", "description": "d",
            "systemPrompt": "Arr.", "temperature": 1.5, "topP": 0.5, "maxTokens": 99});
        let view = api.post(&path, &preset).await.created();
        for (member, value) in preset.as_object().unwrap() {
            assert_eq!(&view[member], value, "{member}");
        }
        assert_eq!(view["isPreset"], true);
        api.post(&path, &preset).await.refused(409, "name_conflict");
        let other = api.create_project("y", "ai_wrapper").await;
        api.post(&format!("/api/v1/admin/projects/{other}/aliases"), &preset).await.created();
        assert_eq!(api.audit_actions().await.last().unwrap(), "alias.created");
    }

    #[tokio::test]
    async fn what_is_wrong_has_a_code_and_a_field() {
        let api = Api::new().await;
        let provider = api.create_provider("main", "openai").await;
        let project = api.create_project("x", "ai_wrapper").await;
        let path = format!("/api/v1/admin/projects/{project}/aliases");
        let with = |field: &str, value: serde_json::Value| {
            let mut body = json!({"name": "a", "providerId": provider, "model": "m"});
            body[field] = value;
            body
        };
        for (body, status, code, field) in [
            (with("name", json!("promptgate:a")), 400, "invalid_name", "name"),
            (with("name", json!("a b")), 400, "invalid_name", "name"),
            (with("model", json!("")), 400, "invalid_model", "model"),
            (with("temperature", json!(3)), 400, "invalid_temperature", "temperature"),
            (with("topP", json!(2)), 400, "invalid_top_p", "topP"),
            (with("maxTokens", json!(0)), 400, "invalid_max_tokens", "maxTokens"),
            (with("systemPrompt", json!("\0")), 400, "invalid_system_prompt", "systemPrompt"),
            (with("providerId", json!(project)), 404, "provider_not_found", "providerId"),
            (with("preset", json!({})), 400, "invalid_request_body", "preset"),
        ] {
            assert_eq!(api.post(&path, &body).await.refused(status, code)["field"], field);
        }
        let gateway = api.create_project("y", "ai_gateway").await;
        let path = format!("/api/v1/admin/projects/{gateway}/aliases");
        api.post(&path, &with("name", json!("a"))).await.refused(400, "invalid_project_type");
        api.get(&path).await.refused(400, "invalid_project_type");
    }
}
