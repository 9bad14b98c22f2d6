//! `PATCH /api/v1/admin/projects/{uuid}/aliases/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, aliases};
use promptgate_providers::AliasChanges;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{AliasView, parse_ids};
use crate::admin::{Acting, providers};
use crate::body::{Patch, StrictJson};
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segments;

/// What is to change about an alias. What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateAliasBody {
    #[schema(min_length = 1, max_length = 120)]
    name: Option<String>,
    #[schema(value_type = Option<String>, format = "uuid")]
    provider_id: Option<String>,
    #[schema(min_length = 1, max_length = 200)]
    model: Option<String>,
    /// Null empties it.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 4096)]
    description: Patch<String>,
    /// Null for none.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 65_536)]
    system_prompt: Patch<String>,
    /// Null for none.
    #[serde(default)]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 2)]
    temperature: Patch<f64>,
    /// Null for none.
    #[serde(default)]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 1)]
    top_p: Patch<f64>,
    /// Null for none.
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 10_000_000)]
    max_tokens: Patch<u64>,
}

/// Changes an alias.
#[utoipa::path(patch, path = "/api/v1/admin/projects/{uuid}/aliases/{id}", tag = "aliases",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("id" = String, Path, description = "The alias"),
    ),
    request_body = UpdateAliasBody,
    responses(
        (status = OK, body = AliasView),
        (status = NOT_FOUND, description = "`project_not_found`, `alias_not_found`, `provider_not_found`",
            body = ErrorBody),
        (status = CONFLICT, description = "`name_conflict`, `concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn update(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
    StrictJson(body): StrictJson<UpdateAliasBody>,
) -> Result<Json<AliasView>, ApiError> {
    let (project, id) = parse_ids(&segments)?;
    Ok(Json(aliases::update(&control, actor, project, id, body.try_into()?).await?.into()))
}

impl TryFrom<UpdateAliasBody> for AliasChanges {
    type Error = ApiError;

    fn try_from(body: UpdateAliasBody) -> Result<Self, ApiError> {
        let provider = body.provider_id.map(|id| id.parse().map_err(providers::unknown));
        Ok(Self {
            name: body.name,
            provider_id: provider.transpose()?,
            model: body.model,
            description: body.description.into_change().map(Option::unwrap_or_default),
            system_prompt: body.system_prompt.into_change(),
            temperature: body.temperature.into_change(),
            top_p: body.top_p.into_change(),
            max_tokens: body.max_tokens.into_change(),
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
        let provider = api.create_provider("main", "openai").await;
        let (project, other) =
            (api.create_project("x", "ai_wrapper").await, api.create_project("y", "ai_wrapper").await);
        let at = |project: &str, rest: &str| format!("/api/v1/admin/projects/{project}/aliases{rest}");
        let body = json!({"name": "a", "providerId": provider, "model": "m", "temperature": 1.5});
        let id = api.post(&at(&project, ""), &body).await.created()["id"].as_str().unwrap().to_owned();
        let path = at(&project, &format!("/{id}"));
        let kept = api.patch(&path, &json!({"model": "n", "systemPrompt": "s"})).await.ok();
        assert_eq!((&kept["model"], &kept["temperature"]), (&json!("n"), &json!(1.5)));
        let cleared = api.patch(&path, &json!({"temperature": null, "systemPrompt": null})).await.ok();
        assert_eq!((&cleared["temperature"], &cleared["isPreset"]), (&json!(null), &json!(false)));
        api.patch(&path, &json!({"id": "x"})).await.refused(400, "invalid_request_body");

        let foreign = at(&other, &format!("/{id}"));
        for (method, path, code) in [
            ("GET", &foreign, "alias_not_found"),
            ("PATCH", &foreign, "alias_not_found"),
            ("DELETE", &foreign, "alias_not_found"),
            ("GET", &at(&project, "/x"), "alias_not_found"),
            ("GET", &at(&id, &format!("/{id}")), "project_not_found"),
        ] {
            api.send(method, path, "{}").await.refused(404, code);
        }
        assert_eq!(api.get(&at(&project, "")).await.ok()["items"][0]["name"], "a");
        api.delete(&path).await.no_content();
        api.get(&path).await.refused(404, "alias_not_found");
        assert_eq!(api.get(&at(&project, "")).await.ok()["total"], 0);
        assert_eq!(api.audit_actions().await.last().unwrap(), "alias.deleted");
    }
}
