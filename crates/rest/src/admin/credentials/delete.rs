//! `DELETE /api/v1/admin/credentials/{id}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, credentials};

use super::parse_id;
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Deletes a credential. Endpoints, templates and projects that named it name none afterwards.
#[utoipa::path(delete, path = "/api/v1/admin/credentials/{id}", tag = "credentials",
    params(("id" = String, Path, description = "The credential")),
    responses(
        (status = NO_CONTENT, description = "Deleted"),
        (status = NOT_FOUND, description = "`credential_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`: an endpoint that names it changed at the \
            same time; try again", body = ErrorBody),
    ))]
pub(super) async fn delete(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<StatusCode, ApiError> {
    credentials::delete(&control, actor, parse_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn whatever_named_it_names_none_afterwards() {
        let api = Api::new().await;
        let provider = api.create_provider("main", "openai").await;
        let id = api.create_credential(&provider, "a").await;
        let path = format!("/api/v1/admin/credentials/{id}");
        let template = json!({"name": "t", "providerId": provider, "model": "m", "credentialId": id});
        let template = api.post("/api/v1/admin/provider-templates", &template).await.created();
        let project = api.create_project("x", "ai_gateway").await;
        let endpoint = json!({"name": "e", "providerModel": "m", "credentialId": id,
            "failover": [{"credentialId": id, "providerModel": "m-2"}]});
        let endpoints = format!("/api/v1/admin/projects/{project}/endpoints");
        let endpoint = api.post(&endpoints, &endpoint).await.created();
        let used_by = api.get(&path).await.ok()["usedBy"].clone();
        assert_eq!(used_by["templates"], json!([{"id": template["id"], "name": "t"}]));
        assert_eq!((&used_by["endpoints"][0]["slug"], &used_by["projects"]), (&json!("e"), &json!([])));

        api.delete(&path).await.no_content();
        api.delete(&path).await.refused(404, "credential_not_found");
        let id = |view: &serde_json::Value| view["id"].as_str().unwrap().to_owned();
        let template = format!("/api/v1/admin/provider-templates/{}", id(&template));
        assert_eq!(api.get(&template).await.ok()["credentialId"], json!(null));
        let endpoint = format!("{endpoints}/{}", id(&endpoint));
        let left = api.get(&endpoint).await.ok();
        assert_eq!((&left["credentialId"], &left["version"]), (&json!(null), &json!(1)));
        let failover = json!([{"credentialId": null, "providerId": provider, "providerModel": "m-2"}]);
        assert_eq!(left["failover"], failover, "it goes on with the provider's other credentials");
        api.patch(&endpoint, &json!({"description": "still changes"})).await.ok();
        let actions = api.audit_actions().await;
        assert_eq!(actions[actions.len() - 2..], ["credential.deleted", "endpoint.updated"]);

        api.delete(&format!("/api/v1/admin/providers/{provider}")).await.no_content();
        assert_eq!(api.get(&endpoint).await.ok()["failover"], json!([]));
    }
}
