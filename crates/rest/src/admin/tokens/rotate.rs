//! `POST /api/v1/admin/tokens/{id}/rotate`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::Control;
use promptgate_control::tokens::{self, RotateTokenError};
use promptgate_tokens::Overlap;

use super::address::Addressed;
use super::{IssuedView, not_found};
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};

/// Gives a token a new secret, which is in this answer and nowhere else. The old one stops working
/// at once; name, scopes and limits stay.
#[utoipa::path(post, path = "/api/v1/admin/tokens/{id}/rotate", tag = "tokens",
    params(("id" = String, Path, description = "The token")),
    responses(
        (status = OK, body = IssuedView),
        (status = NOT_FOUND, description = "`token_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`token_revoked`, `concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn rotate(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Addressed(address): Addressed,
) -> Result<Json<IssuedView>, ApiError> {
    let issued = tokens::rotate(&control, actor, address, Overlap::NONE).await?;
    Ok(Json(issued.into()))
}

/// Gives a token of a project a new secret, which is in this answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/admin/projects/{uuid}/tokens/{id}/rotate", tag = "tokens",
    params(("uuid" = String, Path, description = "The project"), ("id" = String, Path, description = "The token")),
    responses(
        (status = OK, body = IssuedView),
        (status = NOT_FOUND, description = "`token_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`token_revoked`, `concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn rotate_in_project(
    acting: Acting,
    control: State<Arc<Control>>,
    address: Addressed,
) -> Result<Json<IssuedView>, ApiError> {
    rotate(acting, control, address).await
}

impl From<RotateTokenError> for ApiError {
    fn from(error: RotateTokenError) -> Self {
        match error {
            RotateTokenError::Forbidden(error) => error.into(),
            error @ RotateTokenError::NotFound(_) => not_found(error),
            RotateTokenError::Escalation(error) => error.into(),
            RotateTokenError::Revoked(error) => error.into(),
            error @ RotateTokenError::Changed(_) => Self::changed(&error),
            RotateTokenError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;

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
