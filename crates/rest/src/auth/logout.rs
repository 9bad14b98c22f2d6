//! `GET` and `POST /auth/logout`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use promptgate_auth::Session;
use promptgate_control::sign_in::{Visitor, end_session_url, leave};
use serde::Deserialize;
use utoipa::IntoParams;

use super::redirect::{self, found};
use crate::ApiState;
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::session::{Seen, Visiting, no_cookie, presented};

/// Where to go afterwards.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct Afterwards {
    /// A path of the frontend.
    redirect: Option<String>,
    /// The frontend's origin, where it is another loopback name of the configured one.
    frontend_origin: Option<String>,
}

/// Signs out, at the identity provider too if the session came from one, and sends the browser back to the
/// frontend. Where a page of another site led here, nobody
/// is signed out.
#[utoipa::path(get, path = "/auth/logout", tag = "auth", params(Afterwards), responses(
    (status = FOUND, description = "To the frontend, or to the identity provider, which leads there"),
))]
pub(super) async fn navigate(
    Visiting(visitor): Visiting,
    Seen(client): Seen,
    State(state): State<ApiState>,
    headers: HeaderMap,
    Params(afterwards): Params<Afterwards>,
) -> Result<Response, ApiError> {
    let frontend = redirect::frontend(&state.edge, afterwards.frontend_origin.as_deref());
    if headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site") {
        return Ok(found(&format!("{frontend}/dashboard")));
    }
    let path = |fallback| redirect::path(afterwards.redirect.as_deref(), fallback);
    let target = match end(&state, &visitor, &headers).await? {
        Some(session) => {
            let back_to = format!("{frontend}{}", path("/login"));
            let elsewhere = end_session_url(&state.control, &session, &back_to).await;
            elsewhere.unwrap_or_else(|| format!("{frontend}{}", path("/dashboard")))
        }
        None => format!("{frontend}/login"),
    };
    Ok((no_cookie(&state.edge, &client), found(&target)).into_response())
}

/// Signs out.
#[utoipa::path(post, path = "/auth/logout", tag = "auth", responses(
    (status = NO_CONTENT),
    (status = FORBIDDEN, description = "`cross_site_request`", body = ErrorBody),
))]
pub(super) async fn log_out(
    Visiting(visitor): Visiting,
    Seen(client): Seen,
    State(state): State<ApiState>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    end(&state, &visitor, &headers).await?;
    Ok((no_cookie(&state.edge, &client), StatusCode::NO_CONTENT).into_response())
}

async fn end(state: &ApiState, visitor: &Visitor, headers: &HeaderMap) -> Result<Option<Session>, ApiError> {
    match presented(headers, &state.edge) {
        Some(secret) => Ok(leave(&state.control, visitor.origin, secret).await?),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use crate::Edge;
    use crate::testing::{Api, PASSWORD};
    use serde_json::json;

    async fn with_frontend() -> Api {
        let edge = Edge { frontend_base_url: Some("http://localhost:3000".into()), ..Edge::default() };
        let api = Api::behind(edge).await;
        api.create_person("a@example.com", "user").await;
        api
    }

    #[tokio::test]
    async fn a_navigation_ends_the_session_and_leads_back() {
        let api = with_frontend().await;
        let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
        let left =
            browser.get("/auth/logout?redirect=%2Flogin&frontend_origin=http%3A%2F%2F127.0.0.1%3A3000").await;
        assert_eq!((left.status, left.header("location")), (302, "http://127.0.0.1:3000/login"));
        assert!(left.header("set-cookie").contains("Max-Age=0"));
        browser.get("/api/v1/me").await.refused(401, "invalid session");
        let again = browser.get("/auth/logout?redirect=%2Fx").await;
        assert_eq!((again.status, again.header("location")), (302, "http://localhost:3000/login"));
        assert!(api.audit_actions().await.contains(&"auth.logout".to_owned()));
    }

    #[tokio::test]
    async fn no_address_leads_elsewhere() {
        let api = with_frontend().await;
        for query in [
            "redirect=//evil.example",
            "redirect=https://evil.example",
            "redirect=/%5Cevil.example",
            "frontend_origin=https://evil.example",
            "redirect=/%09/evil.example",
        ] {
            let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
            let left = browser.get(&format!("/auth/logout?{query}")).await;
            assert_eq!(left.header("location"), "http://localhost:3000/dashboard", "{query}");
        }
    }

    #[tokio::test]
    async fn a_page_of_another_site_signs_nobody_out() {
        let api = with_frontend().await;
        let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
        let led = browser.with("sec-fetch-site", "cross-site").get("/auth/logout").await;
        assert_eq!((led.status, led.header("set-cookie")), (302, ""));
        browser.get("/api/v1/me").await.ok();
        let foreign = browser.with("origin", "https://evil.example").post("/auth/logout", &json!({})).await;
        foreign.refused(403, "cross_site_request");
        browser.get("/api/v1/me").await.ok();
        browser.post("/auth/logout", &json!({})).await.no_content();
        browser.get("/api/v1/me").await.refused(401, "invalid session");
    }
}
