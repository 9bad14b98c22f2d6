//! `DELETE /api/v1/admin/provider-templates/{id}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, templates};

use super::parse_id;
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Deletes a provider template. Endpoints that named it name none afterwards.
#[utoipa::path(delete, path = "/api/v1/admin/provider-templates/{id}", tag = "templates",
    params(("id" = String, Path, description = "The template")),
    responses(
        (status = NO_CONTENT, description = "Deleted"),
        (status = NOT_FOUND, description = "`provider_template_not_found`", body = ErrorBody),
    ))]
pub(super) async fn delete(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<StatusCode, ApiError> {
    templates::delete(&control, actor, parse_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn endpoints_that_used_it_are_shown_and_name_none_afterwards() {
        let api = Api::new().await;
        let provider = api.create_provider("main", "openai").await;
        let body = json!({"name": "t", "providerId": provider, "model": "m"});
        let template = api.post("/api/v1/admin/provider-templates", &body).await.created();
        let path = format!("/api/v1/admin/provider-templates/{}", template["id"].as_str().unwrap());
        let project = api.create_project("x", "ai_gateway").await;
        let endpoints = format!("/api/v1/admin/projects/{project}/endpoints");
        let body = json!({"name": "e", "providerTemplateId": template["id"]});
        let endpoint = api.post(&endpoints, &body).await.created();
        let used = api.get(&path).await.ok();
        assert_eq!(
            used["endpoints"],
            json!([{"id": endpoint["id"], "projectId": project, "name": "e",
            "slug": "e", "isActive": true}])
        );
        api.delete(&path).await.no_content();
        api.get(&path).await.refused(404, "provider_template_not_found");
        api.delete(&path).await.refused(404, "provider_template_not_found");
        let endpoint = format!("{endpoints}/{}", endpoint["id"].as_str().unwrap());
        assert_eq!(api.get(&endpoint).await.ok()["providerTemplateId"], json!(null));
    }
}
