//! `/api/v1/admin/users/{id}/sessions`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_control::Control;
use promptgate_control::sign_in::{end_all_sessions, end_session, sessions_of};

use super::parse_id;
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::listing::ItemsView;
use crate::me::sessions::{self, SessionView};
use crate::segment::{Segment, Segments};

/// Lists the browsers in which somebody is signed in, the newest first.
#[utoipa::path(get, path = "/api/v1/admin/users/{id}/sessions", tag = "users", operation_id = "list_sessions",
    params(("id" = String, Path, description = "The person")),
    responses(
        (status = OK, body = ItemsView<SessionView>),
        (status = NOT_FOUND, description = "`user_not_found`", body = ErrorBody),
    ))]
pub(super) async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<Json<ItemsView<SessionView>>, ApiError> {
    let sessions = sessions_of(&control, actor, parse_id(&id)?).await?;
    Ok(Json(ItemsView {
        items: sessions.into_iter().map(|session| SessionView::of(session, None)).collect(),
    }))
}

/// Signs somebody out everywhere.
#[utoipa::path(delete, path = "/api/v1/admin/users/{id}/sessions", tag = "users",
    params(("id" = String, Path, description = "The person")),
    responses(
        (status = NO_CONTENT),
        (status = NOT_FOUND, description = "`user_not_found`", body = ErrorBody),
    ))]
pub(super) async fn end_all(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<StatusCode, ApiError> {
    end_all_sessions(&control, actor, parse_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Signs somebody out in one browser.
#[utoipa::path(delete, path = "/api/v1/admin/users/{id}/sessions/{sessionId}", tag = "users",
    params(
        ("id" = String, Path, description = "The person"),
        ("sessionId" = String, Path, description = "The session"),
    ),
    responses(
        (status = NO_CONTENT),
        (status = NOT_FOUND, description = "`user_not_found`, `session_not_found`", body = ErrorBody),
    ))]
pub(super) async fn end(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<StatusCode, ApiError> {
    let id = parse_id(segments.named("id"))?;
    end_session(&control, actor, id, sessions::parse_id(segments.named("sessionId"))?).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Api, PASSWORD};

    #[tokio::test]
    async fn an_administrator_sees_and_ends_them() {
        let api = Api::new().await;
        let id = api.create_person("a@example.com", "user").await;
        let other = api.create_person("b@example.com", "user").await;
        let mut browsers = Vec::new();
        for _ in 0..3 {
            browsers.push(api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie")));
        }
        let path = format!("/api/v1/admin/users/{id}/sessions");
        let listed = api.get(&path).await.ok();
        let newest = listed["items"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(listed["items"].as_array().unwrap().len(), 3);
        api.delete(&format!("/api/v1/admin/users/{other}/sessions/{newest}"))
            .await
            .refused(404, "session_not_found");
        api.delete(&format!("{path}/{newest}")).await.no_content();
        browsers[2].get("/api/v1/me").await.refused(401, "invalid session");
        browsers[1].get("/api/v1/me").await.ok();
        api.delete(&path).await.no_content();
        browsers[0].get("/api/v1/me").await.refused(401, "invalid session");
        api.get("/api/v1/admin/users/x/sessions").await.refused(404, "user_not_found");
    }
}
