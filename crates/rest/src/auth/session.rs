//! `GET /auth/session`

use axum::Json;
use axum::extract::{FromRequestParts, Request, State};
use axum::response::{IntoResponse, Response};

use super::ProfileView;
use crate::ApiState;
use crate::error::{ApiError, ErrorBody};
use crate::session::{Resuming, Seen, complete, no_cookie, unauthorized};

/// Says who is signed in. Inactive accounts and those without a role are told too: the page decides.
#[utoipa::path(get, path = "/auth/session", tag = "auth", responses(
    (status = OK, body = ProfileView),
    (status = UNAUTHORIZED, description = "`not authenticated`", body = ErrorBody),
))]
pub(super) async fn session(
    Seen(client): Seen,
    State(state): State<ApiState>,
    request: Request,
) -> Result<Response, ApiError> {
    let (mut parts, _) = request.into_parts();
    match Resuming::from_request_parts(&mut parts, &state).await {
        Ok(Resuming(resumed)) => match complete(&resumed) {
            Ok(()) => Ok(Json(ProfileView::of(resumed.account, state.control.clock.now())).into_response()),
            // The cookie is still good for the step that is missing.
            Err(_) => Err(unauthorized("not authenticated").message("the sign-in is not complete")),
        },
        Err(error) if error.is_of_the_store() => Err(error),
        Err(_) => Ok((no_cookie(&state.edge, &client), unauthorized("not authenticated")).into_response()),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Api, PASSWORD};

    #[tokio::test]
    async fn without_a_session_the_cookie_is_taken_away() {
        let api = Api::new().await;
        for cookie in ["", "promptgate_session=", "promptgate_session=unknown"] {
            let answer = api.browser(cookie).get("/auth/session").await;
            assert!(answer.header("set-cookie").starts_with("promptgate_session=; "), "{cookie}");
            assert!(answer.header("set-cookie").contains("Max-Age=0"));
            assert_eq!(answer.text(), r#"{"error":"not authenticated"}"#);
            answer.refused(401, "not authenticated");
        }
    }

    #[tokio::test]
    async fn who_may_do_nothing_is_told_who_that_is_and_nothing_else() {
        let api = Api::new().await;
        let id = api.create_person("a@example.com", "user").await;
        let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
        let path = format!("/api/v1/admin/users/{id}");
        for (body, code) in [
            (serde_json::json!({"role": "none"}), "account_role_none"),
            (serde_json::json!({"role": "user", "isActive": false}), "account_inactive"),
        ] {
            api.patch(&path, &body).await.ok();
            browser.get("/auth/session").await.ok();
            browser.get("/api/v1/me").await.refused(403, code);
            browser.get("/api/v1/admin/users").await.refused(403, code);
        }
    }

    #[tokio::test]
    async fn a_session_ends_when_it_is_not_used_and_at_its_end() {
        let api = Api::new().await;
        api.create_person("a@example.com", "user").await;
        let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
        for _ in 0..4 {
            api.advance_secs(119 * 60);
            browser.get("/api/v1/me").await.ok();
        }
        api.advance_secs(6 * 60);
        browser.get("/api/v1/me").await.refused(401, "invalid session");
        let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
        api.advance_secs(120 * 60);
        browser.get("/api/v1/me").await.refused(401, "invalid session");
    }
}
