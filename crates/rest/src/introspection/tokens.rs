//! `GET /api/{uuid}/tokens`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::Control;
use promptgate_control::introspection;
use promptgate_kernel::{Timestamp, TokenId};
use promptgate_tokens::{Scope, ScopeSet, Token, TokenState};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::bearer::Bearer;
use super::error::ProjectError;
use crate::segment::Segment;

/// A project's tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProjectTokensView {
    /// Always true.
    ok: bool,
    /// The newest 1,000.
    data: Vec<TokenRow>,
    /// How many there are.
    total: u64,
}

/// A token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProjectTokenView)]
struct TokenRow {
    #[schema(value_type = String, format = "uuid")]
    id: TokenId,
    #[schema(value_type = String, format = "uuid")]
    uuid: TokenId,
    name: String,
    /// The first characters of the secret, and an ellipsis.
    prefix: String,
    /// `live` or `test`.
    env: &'static str,
    #[schema(value_type = Vec<String>)]
    scopes: ScopeSet,
    /// False for revoked tokens too.
    is_active: bool,
    #[schema(value_type = Option<String>, format = "date-time")]
    last_used_at: Option<Timestamp>,
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
}

/// Lists the project's tokens. Needs the scope `admin`.
#[utoipa::path(get, path = "/api/{uuid}/tokens", tag = "introspection",
    params(("uuid" = String, Path, description = "The project")),
    responses((status = OK, body = ProjectTokensView)))]
pub(super) async fn tokens(
    State(control): State<Arc<Control>>,
    Segment(uuid): Segment,
    bearer: Bearer,
) -> Result<Json<ProjectTokensView>, ProjectError> {
    let project = uuid.parse().ok();
    let caller = introspection::authenticate(&control, bearer.presented(), project, Scope::Admin).await?;
    let page = introspection::tokens(&control, &caller).await?;
    let data = page.items.into_iter().map(TokenRow::from).collect();
    Ok(Json(ProjectTokensView { ok: true, data, total: page.total }))
}

impl From<Token> for TokenRow {
    fn from(token: Token) -> Self {
        Self {
            id: token.id,
            uuid: token.id,
            name: token.name.as_str().to_owned(),
            prefix: format!("{}…", token.prefix),
            env: token.env.as_str(),
            scopes: token.scopes,
            is_active: token.state == TokenState::Active,
            last_used_at: token.last_used_at,
            metadata: token.metadata,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;

    #[tokio::test]
    async fn tokens_are_listed_without_secrets_and_with_their_last_use() {
        let api = Api::new().await;
        let project = api.create_project("x", "ai_wrapper").await;
        let (admin, other) = (api.issue_scoped(&project, &["admin"]).await, api.issue_token(&project).await);
        let path = format!("/api/{project}/tokens");
        let answer = api.with_token(&path, &admin.secret).await;
        assert!(!answer.text().contains(&other.secret) && !answer.text().contains(&admin.secret));
        let answer = answer.ok();
        assert_eq!(answer["total"], 2);
        let row = answer["data"].as_array().unwrap().iter().find(|row| row["id"] == admin.id).unwrap();
        assert_eq!(row["prefix"], format!("{}…", &admin.secret[..12]));
        assert_eq!(row["scopes"], serde_json::json!(["admin"]));
        assert!(row["last_used_at"].is_string(), "the call itself is a use");
    }
}
