//! `GET /api/{uuid}/models`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::Control;
use promptgate_control::introspection::{self, ListedModel};
use promptgate_tokens::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use super::bearer::Bearer;
use super::error::ProjectError;
use crate::segment::Segment;

/// Models, as OpenAI lists them.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ModelsView {
    /// Always `list`.
    object: &'static str,
    data: Vec<ModelView>,
}

/// A model that a request may name.
#[derive(Debug, Serialize, ToSchema)]
struct ModelView {
    /// What to write into `model`.
    id: String,
    /// Always `model`.
    object: &'static str,
    /// The provider's name, or `promptgate-alias`.
    owned_by: String,
    is_alias: bool,
}

/// Lists the models that the project can be asked for. Needs the scope `models`.
#[utoipa::path(get, path = "/api/{uuid}/models", tag = "introspection",
    params(("uuid" = String, Path, description = "The project")),
    responses((status = OK, body = ModelsView)))]
pub(super) async fn models(
    State(control): State<Arc<Control>>,
    Segment(uuid): Segment,
    bearer: Bearer,
) -> Result<Json<ModelsView>, ProjectError> {
    let project = uuid.parse().ok();
    let caller = introspection::authenticate(&control, bearer.presented(), project, Scope::Models).await?;
    let models = introspection::models(&control, &caller).await?;
    Ok(Json(ModelsView { object: "list", data: models.into_iter().map(ModelView::from).collect() }))
}

impl From<ListedModel> for ModelView {
    fn from(model: ListedModel) -> Self {
        Self { id: model.id, object: "model", owned_by: model.owned_by, is_alias: model.is_alias }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn enabled_providers_are_listed_where_there_is_a_model_api() {
        let api = Api::new().await;
        let echo = json!({"name": "echo", "type": "echo", "models": ["echo"]});
        api.post("/api/v1/admin/providers", &echo).await.created();
        let off = json!({"name": "off", "type": "openai", "enabled": false});
        api.post("/api/v1/admin/providers", &off).await.created();
        let project = api.create_project("x", "ai_wrapper").await;
        let token = api.issue_token(&project).await;
        let answer = api.with_token(&format!("/api/{project}/models"), &token.secret).await.ok();
        let row = |id| json!({"id": id, "object": "model", "owned_by": "echo", "is_alias": false});
        assert_eq!(answer, json!({"object": "list", "data": [row("echo:*"), row("echo:echo")]}));

        let other = api.create_project("y", "api_gateway").await;
        let token = api.issue_scoped(&other, &["models"]).await;
        let answer = api.with_token(&format!("/api/{other}/models"), &token.secret).await.ok();
        assert_eq!(answer["data"], json!([]));
        let admin = api.issue_scoped(&other, &["admin"]).await;
        assert_eq!(api.with_token(&format!("/api/{other}/models"), &admin.secret).await.status, 403);
    }
}
