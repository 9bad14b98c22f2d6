//! `POST /auth/backchannel-logout`

use axum::extract::{Request, State};
use axum::response::IntoResponse;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};
use promptgate_control::sign_in::{LogoutTokenError, ProviderError, log_out_by_provider};
use serde::Deserialize;
use url::form_urlencoded;
use utoipa::ToSchema;

use crate::ApiState;
use crate::body::read;
use crate::error::{ApiError, ErrorBody, chain};
use crate::session::Visiting;

/// What a provider sends.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it only describes the form")]
pub(super) struct BackChannelForm {
    /// A signed token that names whose sessions have ended.
    logout_token: String,
}

/// Ends the sessions that an identity provider says have ended. Providers call it, not browsers.
#[utoipa::path(post, path = "/auth/backchannel-logout", tag = "auth", operation_id = "log_out_by_provider",
    request_body(content = BackChannelForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = OK, description = "They have ended"),
        (status = BAD_REQUEST, description = "`invalid_request`: the token does not count, or was used before",
            body = ErrorBody),
        (status = SERVICE_UNAVAILABLE, description = "`identity_provider_unavailable`: the provider's keys \
            cannot be had now", body = ErrorBody),
    ))]
pub(super) async fn log_out(
    Visiting(visitor): Visiting,
    State(state): State<ApiState>,
    headers: HeaderMap,
    request: Request,
) -> Result<impl IntoResponse, ApiError> {
    let invalid = || ApiError::bad_request("invalid_request").message("a form with a logout_token is needed");
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_form = kind
        .split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    if !is_form {
        return Err(invalid());
    }
    let body = read(request.into_body()).await?;
    let mut given = form_urlencoded::parse(&body).filter(|(name, _)| name == "logout_token");
    let (Some((_, token)), None) = (given.next(), given.next()) else { return Err(invalid()) };
    log_out_by_provider(&state.control, visitor.origin, &token).await?;
    Ok((StatusCode::OK, [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))]))
}

impl From<LogoutTokenError> for ApiError {
    fn from(error: LogoutTokenError) -> Self {
        match error {
            LogoutTokenError::Provider(error @ ProviderError::Unavailable { .. }) => unavailable(&error),
            error @ (LogoutTokenError::Provider(
                ProviderError::Unknown(_) | ProviderError::Refused { .. },
            )
            | LogoutTokenError::Used) => {
                tracing::warn!(error = %error, cause = chain(&error), "a logout token does not count");
                Self::bad_request("invalid_request").message("the logout token does not count")
            }
            LogoutTokenError::Store(error) => error.into(),
        }
    }
}

/// An identity provider is needed, and away.
pub(crate) fn unavailable(error: &ProviderError) -> ApiError {
    tracing::warn!(error = %error, cause = chain(error), "an identity provider cannot be asked");
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "identity_provider_unavailable")
        .message("the identity provider cannot be asked now; try again")
}

#[cfg(test)]
mod tests {
    use crate::testing::{Api, request};

    #[tokio::test]
    async fn what_no_provider_signed_ends_nothing() {
        let api = Api::new().await;
        for (kind, body) in [
            ("application/x-www-form-urlencoded", "logout_token=x.y.z"),
            ("application/x-www-form-urlencoded", ""),
            ("application/x-www-form-urlencoded", "logout_token=a&logout_token=b"),
            ("application/json", "logout_token=x.y.z"),
        ] {
            let mut request = request("POST", "/auth/backchannel-logout", body);
            request.headers_mut().insert("content-type", kind.parse().unwrap());
            api.answer(request).await.refused(400, "invalid_request");
        }
    }
}
