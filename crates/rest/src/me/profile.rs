//! `GET /api/v1/me`

use axum::Json;
use axum::extract::State;

use crate::ApiState;
use crate::auth::ProfileView;
use crate::session::SignedIn;

/// Says who is signed in.
#[utoipa::path(get, path = "/api/v1/me", tag = "me", responses((status = OK, body = ProfileView)))]
pub(super) async fn profile(signed_in: SignedIn, State(state): State<ApiState>) -> Json<ProfileView> {
    Json(ProfileView::of(signed_in.account, state.control.clock.now()))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Api, PASSWORD};

    #[tokio::test]
    async fn the_profile_has_what_the_frontend_reads() {
        let api = Api::new().await;
        api.create_person("a@example.com", "manager").await;
        let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
        let me = browser.get("/api/v1/me").await.ok();
        for text in ["id", "sub", "preferredUsername", "email", "name", "lastLoginAt", "role", "type"] {
            assert!(me[text].is_string(), "{text}: {me}");
        }
        assert_eq!((&me["isActive"], &me["role"]), (&true.into(), &"manager".into()));
        assert_eq!(me["sub"], format!("local:{}", me["id"].as_str().unwrap()));
        api.browser("").get("/api/v1/me").await.refused(401, "missing session");
        api.browser("promptgate_session=x").get("/api/v1/me").await.refused(401, "invalid session");
        api.get("/api/v1/me").await.refused(401, "missing session");
    }
}
