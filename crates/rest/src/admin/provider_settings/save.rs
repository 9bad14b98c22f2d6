//! `PUT /api/v1/admin/projects/{uuid}/provider-settings/{providerId}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::project_providers::SetProvider;
use promptgate_control::{Control, project_providers};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{ProviderSettingView, parse_ids};
use crate::admin::{Acting, credentials};
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segments;

/// What a project is to do with a provider, whole: what is left out falls back to its default.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ProviderSettingBody {
    /// Whether the project may use it; yes unless said otherwise.
    enabled: Option<bool>,
    /// The one credential that the project's calls use; the provider's own unless given.
    #[schema(value_type = Option<String>, format = "uuid")]
    credential_id: Option<String>,
    /// Its place in the project's order, smallest first; last, by name, unless given.
    position: Option<u32>,
}

/// Says what a project does with a provider.
#[utoipa::path(put, path = "/api/v1/admin/projects/{uuid}/provider-settings/{providerId}",
    tag = "provider-settings",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("providerId" = String, Path, description = "The provider"),
    ),
    request_body = ProviderSettingBody,
    responses(
        (status = OK, body = ProviderSettingView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, or `invalid_…` with the `field` that is \
            wrong; `credential_provider_mismatch`", body = ErrorBody),
        (status = NOT_FOUND, description = "`project_not_found`, `provider_not_found`, \
            `credential_not_found`", body = ErrorBody),
    ))]
pub(super) async fn save(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
    StrictJson(body): StrictJson<ProviderSettingBody>,
) -> Result<Json<ProviderSettingView>, ApiError> {
    let (project, provider) = parse_ids(&segments)?;
    let credential_id = body.credential_id.map(|id| id.parse().map_err(credentials::unknown)).transpose()?;
    let command =
        SetProvider { enabled: body.enabled.unwrap_or(true), credential_id, position: body.position };
    let saved = project_providers::save(&control, actor, project, provider, command).await?;
    Ok(Json(saved.into()))
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::{Value, json};

    #[tokio::test]
    async fn every_provider_is_listed_with_what_counts() {
        let api = Api::new().await;
        let (alpha, beta) =
            (api.create_provider("alpha", "openai").await, api.create_provider("beta", "openai").await);
        let off = api.create_provider("off", "openai").await;
        api.patch(&format!("/api/v1/admin/providers/{off}"), &json!({"enabled": false})).await.ok();
        let credential = api.create_credential(&alpha, "a").await;
        let project = api.create_project("x", "ai_wrapper").await;
        let path = format!("/api/v1/admin/projects/{project}/provider-settings");
        let put = |provider: &str, body: Value| {
            let (api, path) = (&api, format!("{path}/{provider}"));
            async move { api.send("PUT", &path, &body.to_string()).await }
        };
        let saved = put(&beta, json!({"position": 1})).await.ok();
        assert_eq!((&saved["enabled"], &saved["isSet"]), (&json!(true), &json!(true)));
        put(&alpha, json!({"enabled": false, "credentialId": credential})).await.ok();
        assert_eq!(api.audit_actions().await.last().unwrap(), "provider_setting.updated");

        let listed = api.get(&path).await.ok();
        let row = |index: usize| {
            let item = &listed["items"][index];
            [&item["name"], &item["enabled"], &item["effective"], &item["isSet"]]
                .map(|value| value.to_string().replace('"', ""))
        };
        assert_eq!(row(0), ["beta", "true", "true", "true"], "those with a position come first");
        assert_eq!(row(1), ["alpha", "false", "false", "true"]);
        assert_eq!(row(2), ["off", "true", "false", "false"]);
        assert_eq!(listed["items"][1]["credentialId"], json!(credential));

        let replaced = put(&alpha, json!({})).await.ok();
        assert_eq!((&replaced["credentialId"], &replaced["enabled"]), (&json!(null), &json!(true)));
        api.delete(&format!("{path}/{beta}")).await.no_content();
        api.delete(&format!("{path}/{beta}")).await.no_content();
        assert_eq!(api.get(&path).await.ok()["items"][1]["isSet"], false);
    }

    #[tokio::test]
    async fn what_is_wrong_has_its_code() {
        let api = Api::new().await;
        let (main, other) =
            (api.create_provider("main", "openai").await, api.create_provider("b", "openai").await);
        let foreign = api.create_credential(&other, "b").await;
        let project = api.create_project("x", "ai_wrapper").await;
        let at = |project: &str, provider: &str| {
            format!("/api/v1/admin/projects/{project}/provider-settings/{provider}")
        };
        let own = at(&project, &main);
        for (path, body, status, code) in [
            (&own, json!({"credentialId": foreign}), 400, "credential_provider_mismatch"),
            (&own, json!({"credentialId": "x"}), 404, "credential_not_found"),
            (&own, json!({"position": -1}), 400, "invalid_request_body"),
            (&own, json!({"weight": 1}), 400, "invalid_request_body"),
            (&at(&project, "x"), json!({}), 404, "provider_not_found"),
            (&at(&project, &project), json!({}), 404, "provider_not_found"),
            (&at("x", &main), json!({}), 404, "project_not_found"),
            (&at(&main, &main), json!({}), 404, "project_not_found"),
        ] {
            api.send("PUT", path, &body.to_string()).await.refused(status, code);
        }
        api.delete(&at(&project, "x")).await.refused(404, "provider_not_found");
        api.get("/api/v1/admin/projects/x/provider-settings").await.refused(404, "project_not_found");
    }
}
