//! What stands in the variable parts of an address.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;

/// What the one variable part of an address holds. What is no text is no id of anything either,
/// and is handed on as a text that is none.
pub(crate) struct Segment(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let text = match RawPathParams::from_request_parts(parts, state).await {
            Ok(params) => params.iter().next().map(|(_, value)| value.to_owned()),
            Err(_) => None,
        };
        Ok(Self(text.unwrap_or_else(|| char::REPLACEMENT_CHARACTER.into())))
    }
}

/// What the variable parts of an address hold, by name. What is no text is handed on as a text that is
/// no id of anything.
pub(crate) struct Segments(Vec<(String, String)>);

impl Segments {
    /// What stands in one part.
    pub(crate) fn named(&self, name: &str) -> &str {
        self.0.iter().find(|(given, _)| given == name).map_or("\u{fffd}", |(_, value)| value)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Segments {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Ok(Self(params.map(|params| params.iter().map(owned).collect()).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;

    #[tokio::test]
    async fn what_is_no_text_is_not_found_like_any_other_wrong_id() {
        let api = Api::new().await;
        for (path, code) in [
            ("/api/v1/admin/projects/%FF", "project_not_found"),
            ("/api/v1/admin/projects/%FF/tokens", "project_not_found"),
            ("/api/v1/admin/projects/%FF/usage", "project_not_found"),
            ("/api/v1/admin/projects/%FF/tokens/%FF", "token_not_found"),
            ("/api/v1/admin/tokens/%FF", "token_not_found"),
            ("/api/v1/admin/providers/%FF", "provider_not_found"),
            ("/api/v1/admin/credentials/%FF", "credential_not_found"),
            ("/api/v1/admin/provider-templates/%FF", "provider_template_not_found"),
            ("/api/v1/admin/calls/%FF", "call_not_found"),
            ("/api/v1/admin/projects/%FF/aliases/%FF", "project_not_found"),
            ("/api/v1/admin/projects/%FF/endpoints/%FF", "project_not_found"),
        ] {
            api.get(path).await.refused(404, code);
        }
        let project = api.create_project("x", "ai_wrapper").await;
        let token = api.issue_scoped(&project, &["admin"]).await;
        let foreign = api.with_token("/api/%FF/info", &token.secret).await;
        assert_eq!((foreign.status, &foreign.json()["ok"]), (403, &false.into()));
    }
}
