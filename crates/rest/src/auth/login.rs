//! `GET /auth/login`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Uri};
use promptgate_control::sign_in::{BeginOidc, BeginOidcError, begin_oidc};
use serde::Deserialize;
use utoipa::IntoParams;

use super::binding;
use super::redirect::{self, found};
use crate::ApiState;
use crate::body::Params;
use crate::error::{ApiError, chain};
use crate::session::Seen;

/// Where to sign in, and where to go afterwards.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct Login {
    /// The identity provider; the first without it.
    provider: Option<String>,
    /// A path of the frontend.
    redirect: Option<String>,
    /// The frontend's origin, where it is another loopback name of the configured one.
    frontend_origin: Option<String>,
}

/// Sends the browser to an identity provider; without one, to the frontend's own page.
#[utoipa::path(get, path = "/auth/login", tag = "auth", params(Login), responses(
    (status = FOUND, description = "To the identity provider; to `/login` of the frontend if there is none, \
        with `authError` if it cannot be used"),
))]
pub(super) async fn begin(
    Seen(client): Seen,
    State(state): State<ApiState>,
    uri: Uri,
    headers: HeaderMap,
    Params(login): Params<Login>,
) -> Result<Response, ApiError> {
    let frontend = redirect::frontend(&state.edge, login.frontend_origin.as_deref());
    let path = redirect::path(login.redirect.as_deref(), "/dashboard");
    if let Some(known) = redirect::known_name(&state.edge, &client, &uri) {
        return Ok(found(&known));
    }
    let wanted = BeginOidc {
        provider: login.provider.filter(|provider| !provider.is_empty()),
        redirect: path.clone(),
        frontend: frontend.clone(),
        browser: binding::presented(&headers, &state.edge),
    };
    match begin_oidc(&state.control, wanted).await {
        Ok(begun) => {
            let cookie = binding::cookie(&state.edge, &client, &begun.browser);
            Ok((cookie, found(&begun.url)).into_response())
        }
        Err(BeginOidcError::NoProvider) => {
            let asked = login.redirect.is_some().then_some(("redirect", &*path));
            Ok(found(&redirect::login_page(&frontend, asked)))
        }
        Err(BeginOidcError::Provider(error)) => {
            tracing::warn!(error = %error, cause = chain(&error), "nobody can sign in at an identity provider");
            Ok(found(&redirect::login_page(
                &frontend,
                [
                    ("authError", error.reason()),
                    ("authErrorDescription", "the identity provider cannot be used now; try again later"),
                    ("redirect", &path),
                ],
            )))
        }
        Err(BeginOidcError::Store(error)) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use crate::Edge;
    use crate::testing::Api;

    #[tokio::test]
    async fn without_a_provider_it_leads_to_the_page_of_the_frontend() {
        let edge = Edge { frontend_base_url: Some("http://localhost:3000".into()), ..Edge::default() };
        let api = Api::behind(edge).await;
        let led = api.without_key("GET", "/auth/login").await;
        assert_eq!((led.status, led.header("location")), (302, "http://localhost:3000/login"));
        assert_eq!((led.header("cache-control"), led.header("set-cookie")), ("no-store", ""));
        let led = api
            .without_key("GET", "/auth/login?redirect=%2Fa%3Fb&frontend_origin=http://127.0.0.1:3000")
            .await;
        assert_eq!(led.header("location"), "http://127.0.0.1:3000/login?redirect=%2Fa%3Fb");
        let led = api.without_key("GET", "/auth/login?redirect=//evil.example&provider=x").await;
        assert!(!led.header("location").contains("evil"), "{}", led.header("location"));
    }
    #[tokio::test]
    async fn a_browser_goes_on_under_the_name_that_it_comes_back_to() {
        let edge = Edge { base_url: Some("http://localhost:8080".into()), ..Edge::default() };
        let api = Api::behind(edge).await;
        let led = async |host: &str| {
            let mut request = crate::testing::request("GET", "/auth/login?redirect=%2Fa", "");
            request.headers_mut().insert("host", host.parse().unwrap());
            api.answer(request).await.header("location").to_owned()
        };
        assert_eq!(led("127.0.0.1:8080").await, "http://localhost:8080/auth/login?redirect=%2Fa");
        for host in ["localhost:8080", "127.0.0.1:9", "evil.example:8080", "gate.example"] {
            assert_eq!(led(host).await, "/login?redirect=%2Fa", "{host}");
        }
    }
}
