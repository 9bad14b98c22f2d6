//! `POST /auth/password`

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponseParts;
use http::{HeaderMap, StatusCode};
use promptgate_auth::SessionSecret;
use promptgate_control::sign_in::{ByPassword, SignInError, by_password};
use promptgate_kernel::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::too_many;
use super::view::SignInView;
use crate::ApiState;
use crate::body::{StrictJson, or_default};
use crate::error::{ApiError, ErrorBody};
use crate::session::{Seen, Visiting, cookie, presented, unauthorized};

/// Who wants in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignInBody {
    /// Its case does not matter.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, example = "admin@promptgate.dev")]
    email: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, format = "password")]
    password: String,
}

/// Signs in with e-mail and password. Five tries a minute for each e-mail; a session that the browser
/// had before ends.
#[utoipa::path(post, path = "/auth/password", tag = "auth", request_body = SignInBody, responses(
    (status = OK, body = SignInView, description = "The cookie carries the session from now on"),
    (status = BAD_REQUEST, description = "`password_not_set`: the well-known password of a new installation, \
        not from the machine itself", body = ErrorBody),
    (status = UNAUTHORIZED, description = "`invalid_credentials`", body = ErrorBody),
    (status = TOO_MANY_REQUESTS, description = "`too_many_attempts`, with `Retry-After`", body = ErrorBody),
))]
pub(super) async fn sign_in(
    Visiting(visitor): Visiting,
    Seen(client): Seen,
    State(state): State<ApiState>,
    headers: HeaderMap,
    StrictJson(body): StrictJson<SignInBody>,
) -> Result<(impl IntoResponseParts, Json<SignInView>), ApiError> {
    let before = presented(&headers, &state.edge).and_then(SessionSecret::parse);
    let given = ByPassword {
        email: body.email,
        password: SecretString::new(body.password),
        replaces: before.map(|secret| secret.hash()),
    };
    let opened = by_password(&state.control, &visitor, given).await?;
    let cookie = cookie(&state, &client, &opened);
    Ok((cookie, Json(SignInView::of(opened, state.control.clock.now()))))
}

impl From<SignInError> for ApiError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::TooManyAttempts(error) => too_many(error),
            error @ SignInError::WrongCredentials => unauthorized("invalid_credentials").message(error),
            error @ SignInError::WellKnownPassword => {
                Self::new(StatusCode::BAD_REQUEST, "password_not_set").message(error)
            }
            SignInError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Api, PASSWORD};
    use serde_json::json;

    #[tokio::test]
    async fn the_cookie_opens_what_the_account_may() {
        let api = Api::new().await;
        api.create_person("Ada@Example.com", "admin").await;
        let answer = api.sign_in(" ada@example.COM ", PASSWORD).await;
        let cookie = answer.header("set-cookie").to_owned();
        assert!(cookie.starts_with("promptgate_session="), "{cookie}");
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=28800"), "{cookie}");
        let body = answer.ok();
        assert_eq!((&body["status"], &body["user"]["role"]), (&json!("signed_in"), &json!("admin")));
        let browser = api.browser(&cookie);
        assert_eq!(browser.get("/api/v1/me").await.ok()["email"], "Ada@Example.com");
        assert_eq!(browser.get("/auth/session").await.ok()["preferredUsername"], "Ada@Example.com");
        assert_eq!(browser.get("/api/v1/admin/projects").await.status, 200);
    }

    #[tokio::test]
    async fn an_unknown_e_mail_and_a_wrong_password_answer_alike() {
        let api = Api::new().await;
        api.create_person("a@example.com", "user").await;
        let wrong = api.sign_in("a@example.com", "wrong").await;
        let unknown = api.sign_in("b@example.com", "wrong").await;
        assert_eq!((wrong.status, wrong.text()), (unknown.status, unknown.text()));
        wrong.refused(401, "invalid_credentials");
        api.write_failures().await;
        let actions = api.audit_actions().await;
        assert_eq!(actions.iter().filter(|action| *action == "auth.login_failed").count(), 2);
        assert!(!api.audit_text().await.contains("b@example.com"));
    }

    #[tokio::test]
    async fn the_sixth_try_waits_and_a_success_forgets() {
        let api = Api::new().await;
        api.create_person("a@example.com", "user").await;
        for _ in 0..4 {
            api.sign_in("a@example.com", "wrong").await.refused(401, "invalid_credentials");
        }
        api.sign_in("A@example.com ", PASSWORD).await.ok();
        for _ in 0..5 {
            api.sign_in("a@example.com", "wrong").await.refused(401, "invalid_credentials");
        }
        let sixth = api.sign_in("a@example.com", PASSWORD).await;
        let wait: u64 = sixth.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        sixth.refused(429, "too_many_attempts");
        api.sign_in("other@example.com", "wrong").await.refused(401, "invalid_credentials");
        api.advance_secs(61);
        api.sign_in("a@example.com", PASSWORD).await.ok();
    }

    #[tokio::test]
    async fn a_session_from_before_ends_and_a_planted_one_is_not_taken_over() {
        let api = Api::new().await;
        api.create_person("a@example.com", "user").await;
        let first = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
        let body = json!({"email": "a@example.com", "password": PASSWORD});
        let again = first.post("/auth/password", &body).await;
        let second = api.browser(again.header("set-cookie"));
        again.ok();
        first.get("/api/v1/me").await.refused(401, "invalid session");
        second.get("/api/v1/me").await.ok();
        let planted = api.browser(&format!("promptgate_session={}", "x".repeat(43)));
        let answer = planted.post("/auth/password", &body).await;
        assert!(!answer.header("set-cookie").contains("xxxx"));
        planted.get("/api/v1/me").await.refused(401, "invalid session");
    }

    #[tokio::test]
    async fn the_well_known_password_opens_nothing_from_elsewhere() {
        let api = Api::new().await;
        api.seed_administrator().await;
        let refused = api.sign_in("admin@promptgate.dev", "admin").await.refused(400, "password_not_set");
        assert!(refused["message"].as_str().unwrap().contains("promptgate user reset-password"));
    }
}
