//! The session of a request: whose it is, what it opens, and the cookie that carries it.

use axum::extract::FromRequestParts;
use axum::response::{AppendHeaders, IntoResponseParts};
use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use promptgate_auth::{Account, AccountRefused, Actor, Origin, SessionStage, Via};
use promptgate_control::sign_in::{BearerError, Opened, ResumeError, Resumed, Visitor, by_bearer, resume};

use crate::auth::unavailable;
use crate::edge::{Client, cookies, has_bearer};
use crate::error::{ApiError, chain};
use crate::{ApiState, Edge};

/// Where a request comes from, as the audit log names it.
pub(crate) fn origin(parts: &Parts) -> Origin {
    let client = parts.extensions.get::<Client>();
    Origin {
        address: client.and_then(|client| client.address),
        request: client.and_then(|client| client.request),
        via: Via::Direct,
    }
}

/// What the browser presents as its session, if anything.
pub(crate) fn presented<'a>(headers: &'a HeaderMap, edge: &'a Edge) -> Option<&'a str> {
    cookies::named(headers, &edge.session_cookie).next().filter(|value| !value.is_empty())
}

/// Who is at the door, signed in or not.
pub(crate) struct Visiting(pub(crate) Visitor);

impl<S: Send + Sync> FromRequestParts<S> for Visiting {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        Ok(Self(Visitor {
            origin: origin(parts),
            user_agent: agent.unwrap_or_default().to_owned(),
            is_local: parts.extensions.get::<Client>().is_some_and(|client| client.is_local),
        }))
    }
}

/// A session, whatever it opens; for the steps of signing in.
pub(crate) struct Resuming(pub(crate) Resumed);

impl FromRequestParts<ApiState> for Resuming {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let secret = presented(&parts.headers, &state.edge).ok_or_else(|| unauthorized("missing session"))?;
        resume(&state.control, secret).await.map(Self).map_err(|error| match error {
            ResumeError::Invalid => unauthorized("invalid session"),
            ResumeError::Store(error) => error.into(),
        })
    }
}

/// Somebody who signed in and may use the installation.
pub(crate) struct SignedIn {
    /// Who.
    pub(crate) account: Account,
    /// The same, for use cases.
    pub(crate) actor: Actor,
    /// The session; none with an access token.
    pub(crate) resumed: Option<Resumed>,
}

impl SignedIn {
    /// The session, for what needs one.
    pub(crate) fn session(self) -> Result<Resumed, ApiError> {
        self.resumed.ok_or_else(|| unauthorized("missing session"))
    }
}

impl FromRequestParts<ApiState> for SignedIn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        // A wrong access token never falls back to the cookie.
        if let Some(account) = by_access_token(parts, state).await? {
            usable(&account, state)?;
            let actor = Actor::person(&account, origin(parts));
            return Ok(Self { account, actor, resumed: None });
        }
        let Resuming(resumed) = Resuming::from_request_parts(parts, state).await?;
        complete(&resumed)?;
        usable(&resumed.account, state)?;
        let actor = Actor::person(&resumed.account, origin(parts));
        Ok(Self { account: resumed.account.clone(), actor, resumed: Some(resumed) })
    }
}

/// Whose access token of an identity provider the request carries, if access tokens open anything.
async fn by_access_token(parts: &Parts, state: &ApiState) -> Result<Option<Account>, ApiError> {
    if !parts.uri.path().starts_with("/api/v1/") {
        return Ok(None);
    }
    if !has_bearer(&parts.headers) {
        return Ok(None);
    }
    let invalid = || unauthorized("invalid_token");
    let mut given = parts.headers.get_all(header::AUTHORIZATION).iter();
    let (Some(first), None) = (given.next(), given.next()) else {
        return Err(invalid().message("there is more than one Authorization header"));
    };
    let token = first.to_str().ok().and_then(|text| text.trim().split_once(char::is_whitespace));
    let token = token.map_or("", |(_, token)| token.trim());
    by_bearer(&state.control, token).await.map_err(|error| match error {
        BearerError::Invalid(cause) => {
            tracing::debug!(cause = chain(&cause), "an access token does not count");
            invalid().message("the access token is not one of an identity provider for this API, or is over")
        }
        error @ BearerError::NoAccount => invalid().message(error),
        BearerError::Unavailable(error) => unavailable(&error),
        BearerError::Store(error) => error.into(),
    })
}

/// Whether every step of signing in is done.
pub(crate) fn complete(resumed: &Resumed) -> Result<(), ApiError> {
    match resumed.session.stage {
        SessionStage::Full => Ok(()),
        SessionStage::MustChangePassword => {
            Err(ApiError::new(StatusCode::FORBIDDEN, "password_change_required")
                .message("set a new password with POST /auth/password/change"))
        }
        SessionStage::NeedsTotp => Err(ApiError::new(StatusCode::FORBIDDEN, "totp_required")
            .message("give the code of the second factor with POST /auth/totp")),
    }
}

/// Whether the account opens anything.
pub(crate) fn usable(account: &Account, state: &ApiState) -> Result<(), ApiError> {
    account.usable(state.control.clock.now()).map_err(|refused| {
        let code = match refused {
            AccountRefused::Inactive => "account_inactive",
            // An account whose access has ended is one without a role.
            AccountRefused::RoleNone | AccountRefused::Expired => "account_role_none",
        };
        ApiError::new(StatusCode::FORBIDDEN, code).message(refused)
    })
}

pub(crate) fn unauthorized(code: &'static str) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, code)
}

/// The header that gives the browser its session.
pub(crate) fn cookie(state: &ApiState, client: &Client, opened: &Opened) -> impl IntoResponseParts + use<> {
    let now = state.control.clock.now();
    let seconds = opened.session.expires_at.since(now).as_secs();
    set(&state.edge, client, opened.secret.expose(), &seconds.to_string())
}

/// The header that takes it away.
pub(crate) fn no_cookie(edge: &Edge, client: &Client) -> impl IntoResponseParts + use<> {
    set(edge, client, "", "0")
}

fn set(
    edge: &Edge,
    client: &Client,
    value: &str,
    age: &str,
) -> AppendHeaders<Option<(HeaderName, HeaderValue)>> {
    cookie_line(&edge.session_cookie, "/", value, age, client)
}

/// A cookie that no script sees.
pub(crate) fn cookie_line(
    name: &str,
    path: &str,
    value: &str,
    age: &str,
    client: &Client,
) -> AppendHeaders<Option<(HeaderName, HeaderValue)>> {
    let secure = if client.is_https { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path={path}; HttpOnly; SameSite=Lax; Max-Age={age}{secure}");
    let value = HeaderValue::from_str(&text).map(|mut value| {
        value.set_sensitive(true);
        value
    });
    AppendHeaders(value.ok().map(|value| (header::SET_COOKIE, value)))
}

/// How the API sees this client; the outermost layer has put it there.
pub(crate) struct Seen(pub(crate) Client);

impl<S: Send + Sync> FromRequestParts<S> for Seen {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self(parts.extensions.get::<Client>().cloned().unwrap_or_default()))
    }
}
