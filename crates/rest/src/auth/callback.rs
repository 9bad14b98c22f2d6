//! `GET /auth/callback`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use promptgate_auth::SessionSecret;
use promptgate_control::sign_in::{
    OidcAccountError, OidcError, PendingOidc, oidc_failed, pending_oidc, sign_in_with_oidc,
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::binding;
use super::redirect::{self, found};
use crate::ApiState;
use crate::body::Params;
use crate::error::{ApiError, chain};
use crate::session::{Seen, Visiting, cookie, presented};

/// How much of what a provider says about its refusal is passed on.
const MAX_DESCRIPTION: usize = 300;

/// What a provider sends a browser back with.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct Returned {
    /// Names the sign-in that was begun.
    state: String,
    /// What the gateway redeems at the provider.
    code: Option<String>,
    /// The provider's issuer, where it says so.
    iss: Option<String>,
    /// Why the provider did not sign anybody in.
    error: Option<String>,
    /// The same for people.
    error_description: Option<String>,
}

/// Signs in with what the identity provider sent the browser back with.
#[utoipa::path(get, path = "/auth/callback", tag = "auth", params(Returned), responses(
    (status = FOUND, description = "To the path that was asked for, with the session cookie; to `/login` with \
        `authError`, `authErrorDescription` and `redirect` if nobody was signed in"),
))]
pub(super) async fn come_back(
    Visiting(visitor): Visiting,
    Seen(client): Seen,
    State(state): State<ApiState>,
    headers: HeaderMap,
    Params(returned): Params<Returned>,
) -> Result<Response, ApiError> {
    let browser = binding::presented(&headers, &state.edge);
    let pending = pending_oidc(&state.control, &returned.state, browser.as_deref()).await?;
    let Some(pending) = pending else {
        oidc_failed(&state.control, &visitor, "unknown_state");
        // A stranger may have written the address: nothing of it is shown.
        let frontend = redirect::frontend(&state.edge, None);
        return Ok(failed(&frontend, "/dashboard", OVER));
    };
    let (frontend, path) = (pending.frontend.clone(), pending.redirect.clone());
    let Some(code) = returned.code.as_deref().filter(|_| returned.error.is_none()) else {
        oidc_failed(&state.control, &visitor, "provider_error");
        return Ok(refused(&pending, &returned));
    };
    let before = presented(&headers, &state.edge).and_then(SessionSecret::parse);
    let replaces = before.map(|secret| secret.hash());
    let issuer = returned.iss.as_deref();
    match sign_in_with_oidc(&state.control, &visitor, pending, (code, issuer), replaces).await {
        Ok(opened) => {
            let cookie = cookie(&state, &client, &opened);
            Ok((cookie, found(&format!("{frontend}{path}"))).into_response())
        }
        Err(OidcError::Store(error) | OidcError::Account(OidcAccountError::Store(error))) => {
            Err(error.into())
        }
        Err(error) => {
            tracing::warn!(error = %error, cause = chain(&error), "somebody came back from an identity provider and is not signed in");
            Ok(failed(&frontend, &path, NOT_WORKED))
        }
    }
}

const OVER: &str = "the sign-in took too long, or was finished already; start again";
const NOT_WORKED: &str = "the sign-in did not work; try again, or ask an administrator";

fn failed(frontend: &str, path: &str, description: &str) -> Response {
    let page =
        [("authError", "authentication_failed"), ("authErrorDescription", description), ("redirect", path)];
    found(&redirect::login_page(frontend, page))
}

/// The provider did not sign anybody in, and says why.
fn refused(pending: &PendingOidc, returned: &Returned) -> Response {
    let is_code = |code: &&str| {
        (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    let code = returned.error.as_deref().filter(is_code).unwrap_or("authentication_failed");
    let said = returned.error_description.as_deref().unwrap_or_default();
    let said: String = said.chars().filter(|letter| !letter.is_control()).take(MAX_DESCRIPTION).collect();
    let page = [("authError", code), ("authErrorDescription", &*said), ("redirect", &*pending.redirect)];
    found(&redirect::login_page(&pending.frontend, page))
}
