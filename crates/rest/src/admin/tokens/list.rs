//! `GET /api/v1/admin/projects/{uuid}/tokens`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::Control;
use promptgate_control::tokens::{self, ListTokensError};
use promptgate_kernel::SortDirection;
use promptgate_tokens::{TokenFilter, TokenSort};
use serde::Deserialize;
use utoipa::IntoParams;

use super::TokenView;
use crate::admin::{Acting, projects};
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView};
use crate::segment::Segment;

const SORTS: [(&str, TokenSort); 4] = [
    ("createdAt", TokenSort::CreatedAt),
    ("name", TokenSort::Name),
    ("lastUsedAt", TokenSort::LastUsedAt),
    ("expiresAt", TokenSort::ExpiresAt),
];

/// Which tokens are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// `true` lists revoked tokens too.
    #[param(value_type = Option<bool>)]
    include_revoked: Option<String>,
}

/// Lists a project's tokens. `sortBy`: createdAt (default, newest first), name, lastUsedAt,
/// expiresAt.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}/tokens", tag = "tokens",
    params(("uuid" = String, Path, description = "The project"), ListParams, Wanted),
    responses(
        (status = OK, body = ListView<TokenView>),
        (status = BAD_REQUEST, description = "`invalid_sort`", body = ErrorBody),
        (status = NOT_FOUND, description = "`project_not_found`", body = ErrorBody),
    ))]
pub(super) async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(uuid): Segment,
    Params(params): Params<ListParams>,
    Params(wanted): Params<Wanted>,
) -> Result<Json<ListView<TokenView>>, ApiError> {
    let project_id = projects::parse_id(&uuid)?;
    let (sort, direction) = params.sort(&SORTS, (TokenSort::CreatedAt, SortDirection::Descending))?;
    let include_revoked = wanted.include_revoked.as_deref() == Some("true");
    let filter = TokenFilter { project_id, include_revoked, sort, direction };
    let page = tokens::list(&control, actor, &filter, params.page()).await?;
    Ok(Json(ListView::of(page, TokenView::from)))
}

impl From<ListTokensError> for ApiError {
    fn from(error: ListTokensError) -> Self {
        match error {
            ListTokensError::Forbidden(error) => error.into(),
            error @ ListTokensError::UnknownProject(_) => projects::not_found(error),
            ListTokensError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;

    #[tokio::test]
    async fn revoked_tokens_are_listed_only_when_asked_for() {
        let api = Api::new().await;
        let project = api.create_project("x", "ai_wrapper").await;
        let (kept, revoked) = (api.issue_token(&project).await, api.issue_token(&project).await);
        api.delete(&format!("/api/v1/admin/tokens/{}", revoked.id)).await.no_content();
        let path = format!("/api/v1/admin/projects/{project}/tokens");
        let listed = api.get(&path).await.ok();
        assert_eq!((&listed["total"], &listed["items"][0]["id"]), (&1.into(), &kept.id.into()));
        let all = api.get(&format!("{path}?includeRevoked=true&sortBy=createdAt")).await.ok();
        assert_eq!(all["total"], 2);
        assert!(all["items"][1]["revokedAt"].is_string());
        api.get(&format!("{path}?sortBy=secret")).await.refused(400, "invalid_sort");
    }
}
