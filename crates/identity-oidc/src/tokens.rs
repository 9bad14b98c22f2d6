//! Access tokens that others present, and logout tokens.

use promptgate_control::sign_in::{Bearer, Logout, ProviderError};

use crate::LEEWAY;
use crate::jwt::Jwt;
use crate::provider::Provider;

/// The event that makes a token a logout token.
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// How old a logout token without an end may be.
const LOGOUT_LASTS: std::time::Duration = std::time::Duration::from_mins(2);

impl Provider {
    /// Whom an access token of this provider is about.
    pub(crate) async fn bearer(&self, jwt: &Jwt<'_>) -> Result<Bearer, ProviderError> {
        if !is_access_token(jwt) {
            return Err(ProviderError::refused("no_access_token"));
        }
        if !jwt.is_current(self.clock.now()) {
            return Err(ProviderError::refused("expired_token"));
        }
        let options = &self.options;
        let audiences = std::iter::once(&options.client_id).chain(&options.audiences).map(String::as_str);
        if !jwt.is_for(audiences) {
            return Err(ProviderError::refused("wrong_audience"));
        }
        let issuer = self.signed(jwt).await?;
        let subject = jwt.text("sub").ok_or(ProviderError::refused("no_subject"))?.to_owned();
        Ok(Bearer { issuer, subject })
    }

    /// What a logout token of this provider says.
    pub(crate) async fn logout(&self, jwt: &Jwt<'_>) -> Result<Logout, ProviderError> {
        let invalid = || ProviderError::refused("no_logout_token");
        let event = jwt.claims.get("events").and_then(|events| events.get(LOGOUT_EVENT));
        let is_kind = matches!(&*jwt.kind, "" | "jwt" | "logout+jwt" | "application/logout+jwt");
        if !event.is_some_and(serde_json::Value::is_object) || jwt.claims.contains_key("nonce") || !is_kind {
            return Err(invalid());
        }
        if !jwt.is_for(std::iter::once(self.options.client_id.as_str())) {
            return Err(ProviderError::refused("wrong_audience"));
        }
        let now = self.clock.now();
        let begins = jwt.instant("iat").ok_or_else(invalid)?;
        let expires_at = jwt.expires_at().unwrap_or_else(|| begins.plus(LOGOUT_LASTS));
        if now >= expires_at.plus(LEEWAY) || begins > now.plus(LEEWAY) {
            return Err(ProviderError::refused("expired_token"));
        }
        let [id, subject, session] = ["jti", "sub", "sid"].map(|name| jwt.text(name).map(str::to_owned));
        let id = id.ok_or_else(invalid)?;
        if subject.is_none() && session.is_none() {
            return Err(invalid());
        }
        let (issuer, expires_at) = (self.signed(jwt).await?, expires_at.plus(LEEWAY));
        Ok(Logout { provider: self.options.name.clone(), issuer, subject, session, id, expires_at })
    }

    /// The issuer, if it is this provider's and the signature is too.
    async fn signed(&self, jwt: &Jwt<'_>) -> Result<String, ProviderError> {
        let known = self.known().await?;
        if jwt.text("iss") != Some(known.issuer().as_str()) {
            return Err(ProviderError::refused("wrong_issuer"));
        }
        let is_signed = jwt.is_signed_with(&known.keys)
            || self.directory.newer(&known).await.is_some_and(|newer| jwt.is_signed_with(&newer.keys));
        let issuer = || known.issuer().to_string();
        is_signed.then(issuer).ok_or(ProviderError::refused("wrong_signature"))
    }
}

/// Whether a token is meant to open something. An ID token is not: it travels through addresses when
/// its owner signs out.
fn is_access_token(jwt: &Jwt<'_>) -> bool {
    let says_so = matches!(&*jwt.kind, "at+jwt" | "application/at+jwt") || jwt.text("typ") == Some("Bearer");
    let is_another =
        ["nonce", "at_hash", "c_hash", "events"].iter().any(|name| jwt.claims.contains_key(*name))
            || jwt.text("typ").is_some_and(|kind| kind != "Bearer")
            || jwt.kind.contains("logout");
    says_so || !is_another
}
