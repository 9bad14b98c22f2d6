//! `PUT` and `PATCH /api/v1/admin/projects/{uuid}/endpoints/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, endpoints};
use promptgate_endpoints::NewEndpoint;

use super::body::EndpointBody;
use super::parse_address;
use super::view::EndpointView;
use crate::admin::Acting;
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segments;

/// Replaces an AI endpoint, as a new version: what is left out has its default, but for the slug and
/// whether it answers, which stay.
#[utoipa::path(put, path = "/api/v1/admin/projects/{uuid}/endpoints/{id}", tag = "endpoints",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("id" = String, Path, description = "The endpoint"),
    ),
    request_body = EndpointBody,
    responses(
        (status = OK, body = EndpointView),
        (status = BAD_REQUEST, description = "`invalid_endpoint`, with `errors`; `invalid_request_body`",
            body = ErrorBody),
        (status = NOT_FOUND, description = "`project_not_found`, `endpoint_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`slug_conflict`, `concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn replace(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
    StrictJson(body): StrictJson<EndpointBody>,
) -> Result<Json<EndpointView>, ApiError> {
    let new = body.onto(NewEndpoint::default());
    let endpoint = endpoints::replace(&control, actor, parse_address(&segments)?, new).await?;
    Ok(Json(endpoint.into()))
}

/// Changes an AI endpoint, as a new version: what is left out stays. A change that only switches it on
/// or off makes no version.
#[utoipa::path(patch, path = "/api/v1/admin/projects/{uuid}/endpoints/{id}", tag = "endpoints",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("id" = String, Path, description = "The endpoint"),
    ),
    request_body = EndpointBody,
    responses(
        (status = OK, body = EndpointView),
        (status = BAD_REQUEST, description = "`invalid_endpoint`, with `errors`; `invalid_request_body`",
            body = ErrorBody),
        (status = NOT_FOUND, description = "`project_not_found`, `endpoint_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`slug_conflict`, `concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn update(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
    StrictJson(body): StrictJson<EndpointBody>,
) -> Result<Json<EndpointView>, ApiError> {
    let address = parse_address(&segments)?;
    let endpoint = endpoints::amend(&control, actor, address, |present| body.onto(present)).await?;
    Ok(Json(endpoint.into()))
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn put_replaces_and_patch_keeps() {
        let api = Api::new().await;
        let provider = api.create_provider("main", "openai").await;
        let credential = api.create_credential(&provider, "a").await;
        let path = api.create_endpoint("Mail").await;
        let base = json!({"name": "Post", "providerId": provider, "providerModel": "n", "temperature": 0.5,
            "isActive": false});
        let put = |body: serde_json::Value| {
            let (api, path) = (&api, &path);
            async move { api.send("PUT", path, &body.to_string()).await }
        };
        let replaced = put(base).await.ok();
        assert_eq!(
            (&replaced["name"], &replaced["slug"]),
            (&json!("Post"), &json!("mail")),
            "the slug is stable"
        );
        assert_eq!((&replaced["prompt"], &replaced["version"]), (&json!(null), &json!(2)));
        assert_eq!(replaced["isActive"], false);

        let kept = api.patch(&path, &json!({"prompt": "Be kind."})).await.ok();
        assert_eq!((&kept["temperature"], &kept["prompt"]), (&json!(0.5), &json!("Be kind.")));
        assert_eq!((&kept["version"], &kept["isActive"]), (&json!(3), &json!(false)));
        let cleared = api.patch(&path, &json!({"temperature": null})).await.ok();
        assert_eq!((&cleared["temperature"], &cleared["version"]), (&json!(null), &json!(4)));
        let same = api.patch(&path, &json!({"prompt": "Be kind."})).await.ok();
        assert_eq!(same["version"], 4, "nothing changed");
        let on = api.patch(&path, &json!({"isActive": true})).await.ok();
        assert_eq!((&on["isActive"], &on["version"]), (&json!(true), &json!(4)));
        assert_eq!(api.audit_actions().await.last().unwrap(), "endpoint.activated");

        let by_credential = api.patch(&path, &json!({"credentialId": credential})).await.ok();
        assert_eq!(
            (&by_credential["providerId"], &by_credential["providerModel"]),
            (&json!(provider), &json!("n"))
        );
        let template = json!({"name": "t", "providerId": provider, "model": "m"});
        let template = api.post("/api/v1/admin/provider-templates", &template).await.created();
        let by_template = api.patch(&path, &json!({"providerTemplateId": template["id"]})).await.ok();
        assert_eq!(
            (&by_template["providerModel"], &by_template["credentialId"]),
            (&json!(null), &json!(null))
        );
        let by_hand = json!({"providerId": provider, "providerModel": "z"});
        assert_eq!(api.patch(&path, &by_hand).await.ok()["providerTemplateId"], json!(null));
        put(json!({"name": "x"})).await.refused(400, "invalid_endpoint");
        assert_eq!(api.audit_actions().await.last().unwrap(), "endpoint.updated");
    }

    #[tokio::test]
    async fn an_endpoint_of_another_project_is_not_found() {
        let api = Api::new().await;
        let path = api.create_endpoint("Mail").await;
        let id = path.rsplit('/').next().unwrap();
        let other = api.create_project("other", "ai_gateway").await;
        let nobody = "018f4e6e-0000-7000-8000-00000000dead";
        for (method, rest) in [
            ("GET", ""),
            ("PUT", ""),
            ("PATCH", ""),
            ("DELETE", ""),
            ("PATCH", "/activate"),
            ("PATCH", "/deactivate"),
            ("DELETE", "/cache"),
            ("GET", "/versions"),
            ("GET", "/versions/1"),
            ("GET", "/versions/diff"),
            ("POST", "/versions/1/restore"),
            ("GET", "/evals"),
            ("POST", "/evals"),
        ] {
            let at =
                |project: &str, id: &str| format!("/api/v1/admin/projects/{project}/endpoints/{id}{rest}");
            let body = r#"{"name":"x"}"#;
            api.send(method, &at(&other, id), body).await.refused(404, "endpoint_not_found");
            api.send(method, &at(&other, "x"), body).await.refused(404, "endpoint_not_found");
            api.send(method, &at(nobody, id), body).await.refused(404, "project_not_found");
            api.send(method, &at("x", id), body).await.refused(404, "project_not_found");
        }
        assert_eq!(api.get(&path).await.ok()["isActive"], true);
    }
}
