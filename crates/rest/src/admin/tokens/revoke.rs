//! `DELETE /api/v1/admin/tokens/{id}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use promptgate_control::Control;
use promptgate_control::tokens::{self, RevokeTokenError};

use super::address::Addressed;
use super::not_found;
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};

/// Revokes a token, and every token that it minted, for good; repeating it changes nothing.
#[utoipa::path(delete, path = "/api/v1/admin/tokens/{id}", tag = "tokens",
    params(("id" = String, Path, description = "The token")),
    responses(
        (status = NO_CONTENT, description = "Revoked, now or before"),
        (status = NOT_FOUND, description = "`token_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn revoke(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Addressed(address): Addressed,
) -> Result<StatusCode, ApiError> {
    tokens::revoke(&control, actor, address).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Revokes a token of a project for good; repeating it changes nothing.
#[utoipa::path(delete, path = "/api/v1/admin/projects/{uuid}/tokens/{id}", tag = "tokens",
    params(("uuid" = String, Path, description = "The project"), ("id" = String, Path, description = "The token")),
    responses(
        (status = NO_CONTENT, description = "Revoked, now or before"),
        (status = NOT_FOUND, description = "`token_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn revoke_in_project(
    acting: Acting,
    control: State<Arc<Control>>,
    address: Addressed,
) -> Result<StatusCode, ApiError> {
    revoke(acting, control, address).await
}

impl From<RevokeTokenError> for ApiError {
    fn from(error: RevokeTokenError) -> Self {
        match error {
            RevokeTokenError::Forbidden(error) => error.into(),
            error @ RevokeTokenError::NotFound(_) => not_found(error),
            error @ RevokeTokenError::Itself => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "own_token").message(error)
            }
            error @ RevokeTokenError::Changed(_) => Self::changed(&error),
            RevokeTokenError::Escape(error) => error.into(),
            RevokeTokenError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;

    #[tokio::test]
    async fn revoking_again_changes_nothing() {
        let api = Api::new().await;
        let token = api.issue_token(&api.create_project("x", "ai_wrapper").await).await;
        let path = format!("/api/v1/admin/tokens/{}", token.id);
        api.delete(&path).await.no_content();
        let first = api.get(&path).await.ok();
        assert!(first["revokedAt"].is_string() && first["isActive"] == false);
        api.delete(&path).await.no_content();
        assert_eq!(api.get(&path).await.ok(), first);
        api.delete("/api/v1/admin/tokens/x").await.refused(404, "token_not_found");
    }
}
