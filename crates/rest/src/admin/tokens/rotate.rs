//! `POST /api/v1/admin/tokens/{id}/rotate`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::Control;
use promptgate_control::tokens::{self, RotateTokenError};
use promptgate_tokens::Overlap;
use serde::Deserialize;
use utoipa::ToSchema;

use super::address::Addressed;
use super::{IssuedView, not_found};
use crate::admin::Acting;
use crate::body::OptionalJson;
use crate::error::{ApiError, ErrorBody};

/// How a secret is replaced.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RotateTokenBody {
    /// For how long the old secret works besides the new one; not at all unless given.
    #[schema(maximum = 604_800)]
    overlap_seconds: Option<u64>,
}

/// Gives a token a new secret, which is in this answer and nowhere else. The old one stops working
/// at once, or after `overlapSeconds`; name, scopes and limits stay.
#[utoipa::path(post, path = "/api/v1/admin/tokens/{id}/rotate", tag = "tokens",
    params(("id" = String, Path, description = "The token")),
    request_body = Option<RotateTokenBody>,
    responses(
        (status = OK, body = IssuedView),
        (status = BAD_REQUEST, description = "`invalid_overlap`, `invalid_request_body`", body = ErrorBody),
        (status = NOT_FOUND, description = "`token_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`token_revoked`, `concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn rotate(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Addressed(address): Addressed,
    OptionalJson(body): OptionalJson<RotateTokenBody>,
) -> Result<Json<IssuedView>, ApiError> {
    let overlap = Overlap::parse(body.overlap_seconds.unwrap_or_default())?;
    let issued = tokens::rotate(&control, actor, address, overlap).await?;
    Ok(Json(issued.into()))
}

/// Gives a token of a project a new secret, which is in this answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/admin/projects/{uuid}/tokens/{id}/rotate", tag = "tokens",
    params(("uuid" = String, Path, description = "The project"), ("id" = String, Path, description = "The token")),
    request_body = Option<RotateTokenBody>,
    responses(
        (status = OK, body = IssuedView),
        (status = BAD_REQUEST, description = "`invalid_overlap`, `invalid_request_body`", body = ErrorBody),
        (status = NOT_FOUND, description = "`token_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`token_revoked`, `concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn rotate_in_project(
    acting: Acting,
    control: State<Arc<Control>>,
    address: Addressed,
    body: OptionalJson<RotateTokenBody>,
) -> Result<Json<IssuedView>, ApiError> {
    rotate(acting, control, address, body).await
}

impl From<RotateTokenError> for ApiError {
    fn from(error: RotateTokenError) -> Self {
        match error {
            RotateTokenError::Forbidden(error) => error.into(),
            error @ RotateTokenError::NotFound(_) => not_found(error),
            RotateTokenError::Escalation(error) => error.into(),
            RotateTokenError::Escape(error) => error.into(),
            RotateTokenError::Revoked(error) => error.into(),
            error @ RotateTokenError::Changed(_) => Self::changed(&error),
            RotateTokenError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn both_secrets_open_until_the_overlap_ends_and_none_after_revocation() {
        let api = Api::new().await;
        let project = api.create_project("x", "ai_wrapper").await;
        let token = api.issue_token(&project).await;
        let (path, models) = (format!("/api/v1/admin/tokens/{}", token.id), format!("/api/{project}/models"));
        let rotate = format!("{path}/rotate");
        api.post(&rotate, &json!({"overlapSeconds": 604_801})).await.refused(400, "invalid_overlap");
        let rotated = api.post(&rotate, &json!({"overlapSeconds": 60})).await.ok();
        let new = rotated["token"].as_str().unwrap();
        assert!(rotated["tokenInfo"]["oldSecretExpiresAt"].is_string());
        for secret in [new, &token.secret] {
            assert_eq!(api.with_token(&models, secret).await.status, 200);
        }
        api.advance_secs(61);
        assert_eq!(api.with_token(&models, new).await.status, 200);
        assert_eq!(api.with_token(&models, &token.secret).await.status, 401);
        let again = api.post(&rotate, &json!({"overlapSeconds": 60})).await.ok();
        api.delete(&path).await.no_content();
        for secret in [new, again["token"].as_str().unwrap()] {
            assert_eq!(api.with_token(&models, secret).await.status, 401);
        }
    }

    #[tokio::test]
    async fn the_new_secret_opens_and_the_old_one_does_not() {
        let api = Api::new().await;
        let project = api.create_project("x", "ai_wrapper").await;
        let token = api.issue_token(&project).await;
        let rotated = api.send("POST", &format!("/api/v1/admin/tokens/{}/rotate", token.id), "").await.ok();
        let secret = rotated["token"].as_str().unwrap();
        assert_ne!(secret, token.secret);
        assert_eq!(rotated["tokenInfo"]["id"], token.id);
        let models = format!("/api/{project}/models");
        assert_eq!(api.with_token(&models, secret).await.status, 200);
        assert_eq!(api.with_token(&models, &token.secret).await.status, 401);
        api.delete(&format!("/api/v1/admin/tokens/{}", token.id)).await.no_content();
        api.send("POST", &format!("/api/v1/admin/tokens/{}/rotate", token.id), "")
            .await
            .refused(409, "token_revoked");
    }
}
