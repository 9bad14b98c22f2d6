//! `/api/v1/me/sessions`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_auth::{Session, SessionStage};
use promptgate_control::Control;
use promptgate_control::sign_in::{SessionsError, end_own_session, own_sessions};
use promptgate_kernel::{SessionId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{ApiError, ErrorBody};
use crate::listing::ItemsView;
use crate::segment::Segment;
use crate::session::SignedIn;

/// A session: one browser in which somebody is signed in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionView {
    #[schema(value_type = String, format = "uuid")]
    id: SessionId,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    /// To within a minute.
    #[schema(value_type = String, format = "date-time")]
    last_seen_at: Timestamp,
    /// When it ends, however much it is used.
    #[schema(value_type = String, format = "date-time")]
    expires_at: Timestamp,
    /// Where it was opened from.
    address: Option<String>,
    /// With which browser.
    user_agent: String,
    /// The identity provider that vouched for its owner; null for a password.
    provider: Option<String>,
    /// Whether every step of signing in is done.
    is_complete: bool,
    /// Whether it is the one that asks.
    is_current: bool,
}

impl SessionView {
    pub(crate) fn of(session: Session, current: Option<SessionId>) -> Self {
        Self {
            is_current: Some(session.id) == current,
            id: session.id,
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
            expires_at: session.expires_at,
            address: session.address.map(|address| address.to_string()),
            user_agent: session.user_agent,
            provider: session.provider,
            is_complete: session.stage == SessionStage::Full,
        }
    }
}

/// Lists the browsers in which whoever asks is signed in, the newest first.
#[utoipa::path(get, path = "/api/v1/me/sessions", tag = "me",
    responses((status = OK, body = ItemsView<SessionView>)))]
pub(super) async fn list(
    signed_in: SignedIn,
    State(control): State<Arc<Control>>,
) -> Result<Json<ItemsView<SessionView>>, ApiError> {
    let current = signed_in.resumed.as_ref().map(|resumed| resumed.session.id);
    let sessions = own_sessions(&control, signed_in.actor, signed_in.account.id).await?;
    let items = sessions.into_iter().map(|session| SessionView::of(session, current)).collect();
    Ok(Json(ItemsView { items }))
}

/// Signs out in one browser.
#[utoipa::path(delete, path = "/api/v1/me/sessions/{id}", tag = "me",
    params(("id" = String, Path, description = "The session")),
    responses(
        (status = NO_CONTENT),
        (status = NOT_FOUND, description = "`session_not_found`", body = ErrorBody),
    ))]
pub(super) async fn end(
    signed_in: SignedIn,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<StatusCode, ApiError> {
    end_own_session(&control, signed_in.actor, signed_in.account.id, parse_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads the id in the address; what is no id belongs to no session.
pub(crate) fn parse_id(text: &str) -> Result<SessionId, ApiError> {
    text.parse().map_err(|error| ApiError::not_found("session_not_found").message(error))
}

impl From<SessionsError> for ApiError {
    fn from(error: SessionsError) -> Self {
        match error {
            SessionsError::Forbidden(error) => error.into(),
            error @ SessionsError::UnknownAccount(_) => Self::not_found("user_not_found").message(error),
            error @ SessionsError::UnknownSession(_) => Self::not_found("session_not_found").message(error),
            SessionsError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Api, PASSWORD};

    #[tokio::test]
    async fn sessions_are_seen_and_ended_by_their_owner_alone() {
        let api = Api::new().await;
        api.create_person("a@example.com", "user").await;
        api.create_person("b@example.com", "user").await;
        let own = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
        let other = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
        let foreign = api.browser(api.sign_in("b@example.com", PASSWORD).await.header("set-cookie"));
        let listed = own.get("/api/v1/me/sessions").await.ok();
        let items = listed["items"].as_array().unwrap();
        assert_eq!(items.len(), 2);
        assert_eq!((&items[0]["isCurrent"], &items[1]["isCurrent"]), (&false.into(), &true.into()));
        let path = format!("/api/v1/me/sessions/{}", items[0]["id"].as_str().unwrap());
        foreign.delete(&path).await.refused(404, "session_not_found");
        other.get("/api/v1/me").await.ok();
        own.delete(&path).await.no_content();
        other.get("/api/v1/me").await.refused(401, "invalid session");
        own.delete(&path).await.refused(404, "session_not_found");
        own.delete("/api/v1/me/sessions/x").await.refused(404, "session_not_found");
        assert!(api.audit_actions().await.contains(&"session.revoked".to_owned()));
    }
}
