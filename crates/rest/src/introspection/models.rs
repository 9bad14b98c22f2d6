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
    use crate::testing::{Api, PASSWORD};
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

    #[tokio::test]
    async fn a_key_of_an_account_shows_what_its_groups_allow() {
        let api = Api::new().await;
        let granted = json!({"name": "granted", "type": "openai", "models": ["gpt-1", "gpt-1-old", "other"]});
        let granted = api.post("/api/v1/admin/providers", &granted).await.created()["id"].clone();
        let hidden = json!({"name": "hidden", "type": "openai", "models": ["gpt-1"]});
        let hidden = api.post("/api/v1/admin/providers", &hidden).await.created()["id"].clone();
        let person = api.create_person("a@example.com", "admin").await;
        let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
        let key = browser.post("/api/v1/tokens", &json!({"name": "k"})).await.created();
        let key = key["token"].as_str().unwrap();
        let projects = api.get("/api/v1/admin/projects").await.ok();
        let project = projects["items"][0]["uuid"].as_str().unwrap();
        for (name, provider, model) in
            [("mine", &granted, "gpt-1"), ("excluded", &granted, "gpt-1-old"), ("foreign", &hidden, "gpt-1")]
        {
            let body = json!({"name": name, "providerId": provider, "model": model});
            api.post(&format!("/api/v1/admin/projects/{project}/aliases"), &body).await.created();
        }
        let path = format!("/api/{project}/models");
        let ids = async |secret: &str| {
            let answer = api.with_token(&path, secret).await.ok();
            let rows = answer["data"].as_array().unwrap().clone();
            rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(ids(key).await, [""; 0], "no group grants nothing");
        let group = json!({"name": "g", "displayName": "g", "providerIds": [granted],
            "modelPatterns": ["^gpt"], "excludedModelPatterns": ["old$"]});
        let group = api.post("/api/v1/admin/groups", &group).await.created()["id"].clone();
        let member = format!("/api/v1/admin/groups/{}/members/{person}", group.as_str().unwrap());
        api.put(&member, &json!({})).await.no_content();
        assert_eq!(ids(key).await, ["promptgate:mine", "granted:*", "granted:gpt-1"]);
        let own = api.issue_token(project).await;
        assert_eq!(ids(&own.secret).await.len(), 9, "groups do not apply to the project's own tokens");
    }
}
