//! `GET /api/v1/admin/tokens/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::Control;
use promptgate_control::tokens::{self, FindTokenError};

use super::address::Addressed;
use super::{TokenView, not_found};
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};

/// Shows a token, without its secret.
#[utoipa::path(get, path = "/api/v1/admin/tokens/{id}", tag = "tokens",
    params(("id" = String, Path, description = "The token")),
    responses(
        (status = OK, body = TokenView),
        (status = NOT_FOUND, description = "`token_not_found`", body = ErrorBody),
    ))]
pub(super) async fn find(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Addressed(address): Addressed,
) -> Result<Json<TokenView>, ApiError> {
    let token = tokens::find(&control, actor, address).await?;
    Ok(Json(token.into()))
}

/// Shows a token of a project, without its secret.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}/tokens/{id}", tag = "tokens",
    params(("uuid" = String, Path, description = "The project"), ("id" = String, Path, description = "The token")),
    responses(
        (status = OK, body = TokenView),
        (status = NOT_FOUND, description = "`token_not_found`", body = ErrorBody),
    ))]
pub(super) async fn find_in_project(
    acting: Acting,
    control: State<Arc<Control>>,
    address: Addressed,
) -> Result<Json<TokenView>, ApiError> {
    find(acting, control, address).await
}

impl From<FindTokenError> for ApiError {
    fn from(error: FindTokenError) -> Self {
        match error {
            FindTokenError::Forbidden(error) => error.into(),
            error @ FindTokenError::NotFound(_) => not_found(error),
            FindTokenError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;

    #[tokio::test]
    async fn a_token_is_shown_without_its_secret() {
        let api = Api::new().await;
        let token = api.issue_token(&api.create_project("x", "ai_wrapper").await).await;
        let shown = api.get(&format!("/api/v1/admin/tokens/{}", token.id)).await;
        assert!(!shown.text().contains(&token.secret));
        assert_eq!(shown.ok()["id"], token.id);
        api.get("/api/v1/admin/tokens/x").await.refused(404, "token_not_found");
    }
}
