//! `/auth/totp`: the second factor.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponseParts;
use promptgate_control::sign_in::{
    BegunTotp, SecondFactorError, TotpError, begin_totp, confirm_totp, disable_totp, second_factor,
};
use promptgate_kernel::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::view::SignInView;
use super::{ended, too_many};
use crate::ApiState;
use crate::body::{StrictJson, or_default};
use crate::error::{ApiError, ErrorBody};
use crate::session::{Resuming, Seen, SignedIn, Visiting, cookie};

/// A code of the owner's device.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeBody {
    /// Six digits; where a second factor is asked for, a recovery code too.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, example = "123456")]
    code: String,
}

/// The password once more: an open browser is not enough.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ProofBody {
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, format = "password")]
    current_password: String,
}

/// What the owner's device is given. It is shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TotpView {
    /// To be typed in.
    secret: String,
    /// To be read from a picture.
    otpauth_url: String,
}

/// Codes for an owner who loses the device, each good once. They are shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RecoveryView {
    recovery_codes: Vec<String>,
}

/// Takes the code of the second factor, which ends the sign-in. Five tries a minute.
#[utoipa::path(post, path = "/auth/totp", tag = "auth", request_body = CodeBody, responses(
    (status = OK, body = SignInView),
    (status = BAD_REQUEST, description = "`invalid_code`, `totp_not_required`", body = ErrorBody),
    (status = UNAUTHORIZED, description = "`missing session`, `invalid session`", body = ErrorBody),
    (status = TOO_MANY_REQUESTS, description = "`too_many_attempts`, with `Retry-After`", body = ErrorBody),
))]
pub(super) async fn verify(
    Resuming(resumed): Resuming,
    Visiting(visitor): Visiting,
    Seen(client): Seen,
    State(state): State<ApiState>,
    StrictJson(body): StrictJson<CodeBody>,
) -> Result<(impl IntoResponseParts, Json<SignInView>), ApiError> {
    let opened = second_factor(&state.control, &visitor, resumed, &body.code).await?;
    let cookie = cookie(&state, &client, &opened);
    Ok((cookie, Json(SignInView::of(opened, state.control.clock.now()))))
}

/// Begins to set up a second factor. It asks for nothing until it is confirmed.
#[utoipa::path(post, path = "/auth/totp/setup", tag = "auth", request_body = ProofBody, responses(
    (status = OK, body = TotpView),
    (status = BAD_REQUEST, description = "`invalid_current_password`, `no_password`", body = ErrorBody),
    (status = CONFLICT, description = "`totp_already_enabled`, `concurrent_change`", body = ErrorBody),
    (status = TOO_MANY_REQUESTS, description = "`too_many_attempts`, with `Retry-After`", body = ErrorBody),
))]
pub(super) async fn set_up(
    signed_in: SignedIn,
    Visiting(visitor): Visiting,
    State(state): State<ApiState>,
    StrictJson(body): StrictJson<ProofBody>,
) -> Result<Json<TotpView>, ApiError> {
    let current = SecretString::new(body.current_password);
    let BegunTotp { secret, otpauth_url } =
        begin_totp(&state.control, &visitor, signed_in.session()?, &current).await?;
    Ok(Json(TotpView { secret: secret.expose().clone(), otpauth_url: otpauth_url.expose().clone() }))
}

/// Turns the second factor on with a first code. The account's other sessions end.
#[utoipa::path(post, path = "/auth/totp/confirm", tag = "auth", request_body = CodeBody, responses(
    (status = OK, body = RecoveryView),
    (status = BAD_REQUEST, description = "`invalid_code`, `totp_not_enabled`", body = ErrorBody),
    (status = CONFLICT, description = "`totp_already_enabled`, `concurrent_change`", body = ErrorBody),
    (status = TOO_MANY_REQUESTS, description = "`too_many_attempts`, with `Retry-After`", body = ErrorBody),
))]
pub(super) async fn confirm(
    signed_in: SignedIn,
    Visiting(visitor): Visiting,
    Seen(client): Seen,
    State(state): State<ApiState>,
    StrictJson(body): StrictJson<CodeBody>,
) -> Result<(impl IntoResponseParts, Json<RecoveryView>), ApiError> {
    let (opened, codes) = confirm_totp(&state.control, &visitor, signed_in.session()?, &body.code).await?;
    let recovery_codes = codes.expose().iter().map(|code| code.expose().clone()).collect();
    Ok((cookie(&state, &client, &opened), Json(RecoveryView { recovery_codes })))
}

/// Takes the second factor away.
#[utoipa::path(post, path = "/auth/totp/disable", tag = "auth", request_body = ProofBody, responses(
    (status = OK, body = SignInView),
    (status = BAD_REQUEST, description = "`invalid_current_password`, `no_password`, `totp_not_enabled`",
        body = ErrorBody),
    (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    (status = TOO_MANY_REQUESTS, description = "`too_many_attempts`, with `Retry-After`", body = ErrorBody),
))]
pub(super) async fn disable(
    signed_in: SignedIn,
    Visiting(visitor): Visiting,
    Seen(client): Seen,
    State(state): State<ApiState>,
    StrictJson(body): StrictJson<ProofBody>,
) -> Result<(impl IntoResponseParts, Json<SignInView>), ApiError> {
    let current = SecretString::new(body.current_password);
    let opened = disable_totp(&state.control, &visitor, signed_in.session()?, &current).await?;
    let cookie = cookie(&state, &client, &opened);
    Ok((cookie, Json(SignInView::of(opened, state.control.clock.now()))))
}

fn wrong_code(error: impl ToString) -> ApiError {
    ApiError::bad_request("invalid_code").field("code").message(error)
}

impl From<SecondFactorError> for ApiError {
    fn from(error: SecondFactorError) -> Self {
        match error {
            SecondFactorError::TooManyAttempts(error) => too_many(error),
            error @ SecondFactorError::NotAsked => Self::bad_request("totp_not_required").message(error),
            error @ SecondFactorError::WrongCode => wrong_code(error),
            error @ SecondFactorError::Ended => ended(error),
            SecondFactorError::Store(error) => error.into(),
        }
    }
}

impl From<TotpError> for ApiError {
    fn from(error: TotpError) -> Self {
        match error {
            TotpError::TooManyAttempts(error) => too_many(error),
            error @ TotpError::NoPassword => Self::bad_request("no_password").message(error),
            error @ TotpError::WrongPassword => {
                Self::bad_request("invalid_current_password").field("currentPassword").message(error)
            }
            error @ TotpError::AlreadyEnabled => {
                Self::new(http::StatusCode::CONFLICT, "totp_already_enabled").message(error)
            }
            error @ TotpError::NotBegun => Self::bad_request("totp_not_enabled").message(error),
            error @ TotpError::WrongCode => wrong_code(error),
            error @ TotpError::Changed(_) => Self::changed(&error),
            error @ TotpError::Ended => ended(error),
            TotpError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Api, PASSWORD, totp_code};
    use serde_json::json;

    #[tokio::test]
    async fn a_second_factor_is_set_up_asked_for_and_taken_away() {
        let api = Api::new().await;
        api.create_person("a@example.com", "user").await;
        let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
        let proof = json!({"currentPassword": PASSWORD});
        browser
            .post("/auth/totp/setup", &json!({"currentPassword": "x"}))
            .await
            .refused(400, "invalid_current_password");
        let begun = browser.post("/auth/totp/setup", &proof).await.ok();
        assert!(
            begun["otpauthUrl"].as_str().unwrap().starts_with("otpauth://totp/PromptGate:a@example.com?")
        );
        browser.post("/auth/totp/confirm", &json!({"code": "000000"})).await.refused(400, "invalid_code");
        api.sign_in("a@example.com", PASSWORD).await.ok();
        let secret = begun["secret"].as_str().unwrap();
        let code = json!({"code": totp_code(secret, api.now())});
        let confirmed = browser.post("/auth/totp/confirm", &code).await;
        let browser = api.browser(confirmed.header("set-cookie"));
        let codes = confirmed.ok()["recoveryCodes"].as_array().unwrap().clone();
        assert_eq!(codes.len(), 10);

        let half = api.sign_in("a@example.com", PASSWORD).await;
        let waiting = api.browser(half.header("set-cookie"));
        assert_eq!(half.ok(), json!({"status": "totp_required"}));
        waiting.get("/api/v1/me").await.refused(403, "totp_required");
        waiting.get("/auth/session").await.refused(401, "not authenticated");
        let change = json!({"currentPassword": PASSWORD, "newPassword": "another long password"});
        waiting.post("/auth/password/change", &change).await.refused(403, "totp_required");
        waiting.post("/auth/totp", &code).await.refused(400, "invalid_code");
        let whole = waiting.post("/auth/totp", &json!({"code": codes[0]})).await;
        let signed_in = api.browser(whole.header("set-cookie"));
        assert_eq!(whole.ok()["status"], "signed_in");
        waiting.get("/auth/session").await.refused(401, "not authenticated");
        signed_in.get("/api/v1/me").await.ok();
        signed_in.post("/auth/totp", &json!({"code": codes[1]})).await.refused(400, "totp_not_required");

        let disabled = browser.post("/auth/totp/disable", &proof).await;
        disabled.ok();
        assert_eq!(api.sign_in("a@example.com", PASSWORD).await.ok()["status"], "signed_in");
    }

    #[tokio::test]
    async fn codes_are_tried_five_times_a_minute() {
        let api = Api::new().await;
        api.create_person("a@example.com", "user").await;
        let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
        let begun = browser.post("/auth/totp/setup", &json!({"currentPassword": PASSWORD})).await.ok();
        let code = json!({"code": totp_code(begun["secret"].as_str().unwrap(), api.now())});
        browser.post("/auth/totp/confirm", &code).await.ok();
        api.advance_secs(61);
        let waiting = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
        for _ in 0..5 {
            waiting.post("/auth/totp", &json!({"code": "1"})).await.refused(400, "invalid_code");
        }
        let refused = waiting.post("/auth/totp", &json!({"code": "1"})).await;
        assert!(!refused.header("retry-after").is_empty());
        refused.refused(429, "too_many_attempts");
    }
}
