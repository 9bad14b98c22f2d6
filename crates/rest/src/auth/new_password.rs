//! `POST /auth/password/change`

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponseParts;
use http::StatusCode;
use promptgate_control::sign_in::{NewPasswordError, set_new_password};
use promptgate_kernel::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::view::SignInView;
use super::{ended, too_many};
use crate::ApiState;
use crate::body::{StrictJson, or_default};
use crate::error::{ApiError, ErrorBody};
use crate::session::{Resuming, Seen, Visiting, cookie};

/// The password that is, and the one that is to be.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ChangePasswordBody {
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, format = "password")]
    current_password: String,
    /// At least 12 characters, at most 72 bytes.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, format = "password")]
    new_password: String,
}

/// Sets a new password. The account's other sessions end; this one goes on under another secret.
#[utoipa::path(post, path = "/auth/password/change", tag = "auth", request_body = ChangePasswordBody, responses(
    (status = OK, body = SignInView),
    (status = BAD_REQUEST, description = "`invalid_current_password`, `invalid_password`, `no_password`, \
        `password_not_set`", body = ErrorBody),
    (status = UNAUTHORIZED, description = "`missing session`, `invalid session`", body = ErrorBody),
    (status = FORBIDDEN, description = "`totp_required`", body = ErrorBody),
    (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    (status = TOO_MANY_REQUESTS, description = "`too_many_attempts`, with `Retry-After`", body = ErrorBody),
))]
pub(super) async fn change(
    Resuming(resumed): Resuming,
    Visiting(visitor): Visiting,
    Seen(client): Seen,
    State(state): State<ApiState>,
    StrictJson(body): StrictJson<ChangePasswordBody>,
) -> Result<(impl IntoResponseParts, Json<SignInView>), ApiError> {
    let [current, new] = [body.current_password, body.new_password].map(SecretString::new);
    let opened = set_new_password(&state.control, &visitor, resumed, &current, &new).await?;
    let cookie = cookie(&state, &client, &opened);
    Ok((cookie, Json(SignInView::of(opened, state.control.clock.now()))))
}

impl From<NewPasswordError> for ApiError {
    fn from(error: NewPasswordError) -> Self {
        let refused = |code| Self::bad_request(code);
        match error {
            NewPasswordError::TooManyAttempts(error) => too_many(error),
            error @ NewPasswordError::NeedsTotp => {
                Self::new(StatusCode::FORBIDDEN, "totp_required").message(error)
            }
            error @ NewPasswordError::NoPassword => refused("no_password").message(error),
            error @ NewPasswordError::WrongPassword => {
                refused("invalid_current_password").field("currentPassword").message(error)
            }
            error @ NewPasswordError::WellKnownPassword => refused("password_not_set").message(error),
            NewPasswordError::Weak(error) => refused("invalid_password").field("newPassword").message(error),
            error @ NewPasswordError::Changed(_) => Self::changed(&error),
            error @ NewPasswordError::Ended => ended(error),
            NewPasswordError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Api, PASSWORD};
    use serde_json::json;

    const PATH: &str = "/auth/password/change";

    #[tokio::test]
    async fn a_new_password_ends_the_other_sessions_and_changes_the_secret() {
        let api = Api::new().await;
        api.create_person("a@example.com", "user").await;
        let [own, other] =
            [api.sign_in("a@example.com", PASSWORD).await, api.sign_in("a@example.com", PASSWORD).await]
                .map(|answer| api.browser(answer.header("set-cookie")));
        let body = json!({"currentPassword": PASSWORD, "newPassword": "another long password"});
        let changed = own.post(PATH, &body).await;
        let renewed = api.browser(changed.header("set-cookie"));
        changed.ok();
        own.get("/api/v1/me").await.refused(401, "invalid session");
        other.get("/api/v1/me").await.refused(401, "invalid session");
        renewed.get("/api/v1/me").await.ok();
        api.sign_in("a@example.com", PASSWORD).await.refused(401, "invalid_credentials");
        api.sign_in("a@example.com", "another long password").await.ok();
    }

    #[tokio::test]
    async fn what_is_wrong_is_said_and_changes_nothing() {
        let api = Api::new().await;
        api.create_person("a@example.com", "user").await;
        let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
        for (current, new, code, field) in [
            ("wrong", "another long password", "invalid_current_password", "currentPassword"),
            (PASSWORD, "short", "invalid_password", "newPassword"),
            (PASSWORD, PASSWORD, "invalid_password", "newPassword"),
        ] {
            let body = json!({"currentPassword": current, "newPassword": new});
            assert_eq!(browser.post(PATH, &body).await.refused(400, code)["field"], field, "{new}");
        }
        api.browser("a=b").post(PATH, &json!({})).await.refused(401, "missing session");
        api.sign_in("a@example.com", PASSWORD).await.ok();
    }
}
