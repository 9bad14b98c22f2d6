//! `GET /api/v1/me/limits`

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use http::request::Parts;
use promptgate_control::Control;
use promptgate_control::introspection::{Caller, authenticate_itself};
use promptgate_control::limits::{CallsOf, ShowLimitsError, mine, of_caller};
use promptgate_tokens::PresentedToken;

use crate::ApiState;
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::introspection::Bearer;
use crate::limits::{LimitStandingsView, OfCalls, not_shown};
use crate::session::SignedIn;

/// Who asks: whoever holds a token, else whoever signed in.
pub(super) enum Asking {
    Program(Box<Caller>),
    Person(Box<SignedIn>),
}

impl FromRequestParts<ApiState> for Asking {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let Ok(bearer) = Bearer::from_request_parts(parts, state).await;
        // What is no token of ours is an access token of an identity provider, or nothing.
        if !bearer.as_deref().is_some_and(PresentedToken::is_meant) {
            return Ok(Self::Person(Box::new(SignedIn::from_request_parts(parts, state).await?)));
        }
        Ok(Self::Program(Box::new(authenticate_itself(&state.control, bearer.presented()).await?)))
    }
}

/// Shows how each limit stands that counts for one's calls. To whoever is signed in: those of the groups, one's
/// own, and the quotas of the plan. To a token: its own, those of the tokens that it was minted under, of the
/// endpoint that is named, of its project, and of the account that it acts for. What others use too is told in
/// figures only to a token with the scope `admin`, and so is to a minted token what the account uses. Only such a
/// one is shown endpoints that it may not call.
#[utoipa::path(get, path = "/api/v1/me/limits", tag = "me", params(OfCalls), responses(
    (status = OK, body = LimitStandingsView),
    (status = BAD_REQUEST, description = "`invalid_query`: a parameter is given twice, or whoever signed in names an \
        `endpoint`", body = ErrorBody),
    (status = UNAUTHORIZED, description = "`missing session`, `invalid session`, `invalid_token`", body = ErrorBody),
    (status = FORBIDDEN, description = "`project_inactive`, `account_inactive`, `insufficient_role`, `firewall_denied`, \
        `guardrail_blocked`, `endpoint_not_allowed`, `account_role_none`, `password_change_required`, `totp_required`",
        body = ErrorBody),
    (status = NOT_FOUND, description = "`endpoint_not_found`", body = ErrorBody),
))]
pub(super) async fn own_limits(
    asking: Asking,
    State(control): State<Arc<Control>>,
    Params(wanted): Params<OfCalls>,
) -> Result<Json<LimitStandingsView>, ApiError> {
    let calls = CallsOf::from(wanted);
    let shown = match asking {
        Asking::Program(caller) => of_caller(&control, &caller, &calls).await,
        Asking::Person(_) if calls.endpoint.is_some() => return Err(for_tokens("endpoint")),
        Asking::Person(person) => mine(&control, person.actor, person.account.id, &calls).await,
    };
    Ok(Json(shown.map_err(|error| not_shown(error, gone))?.into()))
}

/// Which endpoint is called matters to no limit of an account.
fn for_tokens(parameter: &'static str) -> ApiError {
    let message = format!("{parameter} is for tokens; leave it out to see what counts for an account");
    ApiError::bad_request("invalid_query").field(parameter).message(message)
}

/// What asks was there a moment ago.
fn gone(error: ShowLimitsError) -> ApiError {
    ApiError::not_found("not_found").message(error)
}

#[cfg(test)]
mod tests;
