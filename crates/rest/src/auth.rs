//! `/auth`: signing in and out.

mod backchannel;
mod binding;
mod callback;
mod login;
mod logout;
mod new_password;
mod password;
mod redirect;
mod session;
mod totp;
mod view;

use http::StatusCode;
use promptgate_control::sign_in::TooManyAttempts;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::error::ApiError;

pub(crate) use backchannel::unavailable;
pub(crate) use view::ProfileView;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(password::sign_in))
        .routes(routes!(new_password::change))
        .routes(routes!(totp::verify))
        .routes(routes!(totp::set_up))
        .routes(routes!(totp::confirm))
        .routes(routes!(totp::disable))
        .routes(routes!(login::begin))
        .routes(routes!(callback::come_back))
        .routes(routes!(backchannel::log_out))
        .routes(routes!(logout::navigate, logout::log_out))
        .routes(routes!(session::session))
}

fn too_many(error: TooManyAttempts) -> ApiError {
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts")
        .retry_after(error.retry_after)
        .message(error)
}

/// The session ended while the request was being answered.
fn ended(error: impl ToString) -> ApiError {
    crate::session::unauthorized("invalid session").message(error)
}
