//! Which token an address names: `…/tokens/{id}` any, `…/projects/{uuid}/tokens/{id}` one of that
//! project.

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use promptgate_control::tokens::TokenAddress;

use super::not_found;
use crate::error::ApiError;

/// The token that a request is about. An address that can name none is the address of no token.
pub(in crate::admin) struct Addressed(pub(in crate::admin) TokenAddress);

impl<S: Send + Sync> FromRequestParts<S> for Addressed {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(not_found)?;
        let named = |name: &str| params.iter().find(|(given, _)| *given == name).map(|(_, value)| value);
        let id = named("id").unwrap_or_default().parse().map_err(not_found)?;
        let project = named("uuid").map(str::parse).transpose().map_err(not_found)?;
        Ok(Self(TokenAddress { id, project }))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    const NAMED: [(&str, &str, &str); 4] =
        [("GET", "", ""), ("PATCH", "", r#"{"name":"y"}"#), ("POST", "/rotate", ""), ("DELETE", "", "")];

    #[tokio::test]
    async fn a_project_names_its_own_tokens_and_no_others() {
        let api = Api::new().await;
        let (own, other) =
            (api.create_project("a", "ai_wrapper").await, api.create_project("b", "ai_wrapper").await);
        let token = api.issue_token(&own).await;
        let at =
            |project: &str, id: &str, rest| format!("/api/v1/admin/projects/{project}/tokens/{id}{rest}");
        let nobody = "018f4e6e-0000-7000-8000-00000000dead";
        for (method, rest, body) in NAMED {
            for path in [
                at(&other, &token.id, rest),
                at(nobody, &token.id, rest),
                at("x", &token.id, rest),
                at(&own, "x", rest),
                at(&own, nobody, rest),
            ] {
                api.send(method, &path, body).await.refused(404, "token_not_found");
            }
        }
        let untouched = api.get(&format!("/api/v1/admin/tokens/{}", token.id)).await.ok();
        assert_eq!((&untouched["name"], &untouched["isActive"]), (&json!("test"), &json!(true)));
        assert_eq!(api.with_token(&format!("/api/{own}/models"), &token.secret).await.status, 200);

        let path = at(&own, &token.id, "");
        assert_eq!(api.get(&path).await.ok()["id"], token.id);
        assert_eq!(api.patch(&path, &json!({"name": "y"})).await.ok()["name"], "y");
        let rotated = api.send("POST", &at(&own, &token.id, "/rotate"), "").await.ok();
        assert_eq!(rotated["tokenInfo"]["name"], "y");
        api.delete(&path).await.no_content();
        api.patch(&path, &json!({"name": "z"})).await.refused(409, "token_revoked");
    }

    #[tokio::test]
    async fn a_deleted_project_has_no_tokens() {
        let api = Api::new().await;
        let project = api.create_project("a", "ai_wrapper").await;
        let token = api.issue_token(&project).await;
        api.delete(&format!("/api/v1/admin/projects/{project}")).await.no_content();
        let path = format!("/api/v1/admin/projects/{project}/tokens/{}", token.id);
        api.get(&path).await.refused(404, "token_not_found");
    }
}
