//! One provider: to it, and back from it.

use std::error::Error;
use std::sync::Arc;

use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreIdToken, CoreIdTokenVerifier,
};
use openidconnect::http::{Method, Request, StatusCode, header};
use openidconnect::{
    AccessTokenHash, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, Nonce, NonceVerifier, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, TokenResponse,
};
use promptgate_auth::OidcPerson;
use promptgate_control::sign_in::{Challenge, Identity, ProviderError};
use promptgate_kernel::{Clock, SecretString, Timestamp};

use crate::directory::{Directory, Known};
use crate::http::{Caller, NoAnswer};
use crate::jwt::{ALGORITHMS, Claims, Jwt, text, unverified_claims};
use crate::{LEEWAY, OidcProvider, claims, refresh};

#[cfg(test)]
mod tests;

/// `openidconnect`'s client, once the provider is known.
type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Which nonce an ID token may have.
pub(crate) type NonceRule<'a> = dyn Fn(Option<&Nonce>) -> Result<(), String> + Send + Sync + 'a;

/// A provider, and what is known of it.
pub(crate) struct Provider {
    pub(crate) options: OidcProvider,
    pub(crate) directory: Directory,
    pub(crate) redirect_url: RedirectUrl,
    pub(crate) caller: Caller,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Provider {
    pub(crate) async fn authorization_url(&self, challenge: &Challenge) -> Result<String, ProviderError> {
        let known = self.known().await?;
        let (state, nonce) = (challenge.state.clone(), challenge.nonce.clone());
        let verifier = PkceCodeVerifier::new(challenge.verifier.clone());
        let (url, _, _) = self
            .client(&known)
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || CsrfToken::new(state),
                move || Nonce::new(nonce),
            )
            .add_scopes(self.options.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .url();
        Ok(url.into())
    }

    pub(crate) async fn identify(
        &self,
        code: &str,
        issuer: Option<&str>,
        challenge: &Challenge,
    ) -> Result<Identity, ProviderError> {
        let known = self.known().await?;
        if issuer.is_some_and(|issuer| issuer != known.issuer().as_str()) {
            return Err(ProviderError::refused("wrong_issuer"));
        }
        let client = self.client(&known);
        let request = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|error| self.unavailable(error))?
            .set_pkce_verifier(PkceCodeVerifier::new(challenge.verifier.clone()));
        let tokens = request.request_async(&self.caller).await.map_err(|error| self.not_redeemed(error))?;
        let id_token = tokens.id_token().ok_or(ProviderError::refused("no_id_token"))?;
        let access_token = tokens.access_token();
        let nonce = Nonce::new(challenge.nonce.clone());
        let known = self.verified(known, id_token, &|given| nonce.verify(given), access_token).await?;

        let id_token = id_token.to_string();
        let mut claims = unverified_claims(&id_token).unwrap_or_default();
        self.check_party(&claims)?;
        let subject = text(&claims, "sub").ok_or(ProviderError::refused("no_subject"))?.to_owned();
        self.complete(&known, &mut claims, access_token.secret(), &subject).await?;
        let refresh = refresh::first(&known, &tokens, &subject, &challenge.nonce);
        Ok(Identity { refresh, ..self.identity(&known, subject, &claims, id_token) })
    }

    /// Adds what the access token and userinfo say. It must be about the same person. Says whether nothing
    /// is left to ask: userinfo has answered, or was not needed.
    pub(crate) async fn complete(
        &self,
        known: &Known,
        claims: &mut Claims,
        access_token: &str,
        subject: &str,
    ) -> Result<bool, ProviderError> {
        // Looked at even if nothing is wanted of it: it must not be another's.
        if let Some(more) = self.of_access_token(known, access_token, subject)? {
            claims::fill(claims, more);
        }
        if !claims::is_wanting(&self.options, claims) {
            return Ok(true);
        }
        let Some(more) = self.user_info(known, access_token, subject).await? else { return Ok(false) };
        claims::fill(claims, more);
        Ok(true)
    }

    /// Where a browser signs out.
    pub(crate) async fn end_session_url(
        &self,
        id_token: Option<&SecretString>,
        back_to: &str,
    ) -> Result<Option<String>, ProviderError> {
        let known = self.known().await?;
        let Some(place) = &known.metadata.additional_metadata().end_session_endpoint else { return Ok(None) };
        let mut url = place.url().clone();
        let mut query = url.query_pairs_mut();
        match id_token {
            Some(hint) => query.append_pair("id_token_hint", hint.expose()),
            None => query.append_pair("client_id", &self.options.client_id),
        };
        if let Ok(back_to) = self.redirect_url.url().join(back_to) {
            query.append_pair("post_logout_redirect_uri", back_to.as_str());
        }
        drop(query);
        Ok(Some(url.into()))
    }

    pub(crate) async fn known(&self) -> Result<Arc<Known>, ProviderError> {
        self.directory.current().await.map_err(|error| self.unavailable(error))
    }

    pub(crate) fn unavailable(&self, source: impl Error + Send + Sync + 'static) -> ProviderError {
        ProviderError::Unavailable { provider: self.options.name.clone(), source: Box::new(source) }
    }

    pub(crate) fn client(&self, known: &Known) -> Client {
        let secret =
            self.options.client_secret.as_ref().map(|secret| ClientSecret::new(secret.expose().clone()));
        let id = ClientId::new(self.options.client_id.clone());
        let metadata = known.metadata.clone().set_jwks(known.keys.clone());
        let client = CoreClient::from_provider_metadata(metadata, id, secret)
            .set_redirect_uri(self.redirect_url.clone());
        if secret_goes_in_body(known) { client.set_auth_type(AuthType::RequestBody) } else { client }
    }

    /// Checks the ID token, with newer keys if those that are known do not do. Gives what it was
    /// checked with.
    pub(crate) async fn verified(
        &self,
        known: Arc<Known>,
        id_token: &CoreIdToken,
        nonce: &NonceRule<'_>,
        access_token: &openidconnect::AccessToken,
    ) -> Result<Arc<Known>, ProviderError> {
        let checked = match self.check(&known, id_token, nonce, access_token) {
            Err(ClaimsVerificationError::SignatureVerification(error)) => {
                match self.directory.newer(&known).await {
                    Some(newer) => self.check(&newer, id_token, nonce, access_token).map(|()| newer),
                    None => Err(ClaimsVerificationError::SignatureVerification(error)),
                }
            }
            checked => checked.map(|()| known),
        };
        checked.map_err(|error| ProviderError::Refused { reason: reason(&error), source: Some(error.into()) })
    }

    fn check(
        &self,
        known: &Known,
        id_token: &CoreIdToken,
        nonce: &NonceRule<'_>,
        access_token: &openidconnect::AccessToken,
    ) -> Result<(), ClaimsVerificationError> {
        let now = chrono_of(self.clock.now().minus(LEEWAY));
        let id = ClientId::new(self.options.client_id.clone());
        let verifier = CoreIdTokenVerifier::new_public_client(id, known.issuer().clone(), known.keys.clone())
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(move || now)
            // Who of several it was made for is checked afterwards.
            .set_other_audience_verifier_fn(|_| true);
        let claims = id_token.claims(&verifier, |given: Option<&Nonce>| nonce(given))?;
        let Some(expected) = claims.access_token_hash() else { return Ok(()) };
        let algorithm = id_token.signing_alg().map_err(ClaimsVerificationError::SignatureVerification)?;
        let key = id_token.signing_key(&verifier).map_err(ClaimsVerificationError::SignatureVerification)?;
        let is_same =
            AccessTokenHash::from_token(access_token, algorithm, key).is_ok_and(|actual| actual == *expected);
        if is_same {
            Ok(())
        } else {
            Err(ClaimsVerificationError::Other("at_hash is of another token".into()))
        }
    }

    /// Whether the ID token was made for this client, and not only for others with it.
    pub(crate) fn check_party(&self, claims: &Claims) -> Result<(), ProviderError> {
        let several = claims.get("aud").and_then(|aud| aud.as_array()).is_some_and(|all| all.len() > 1);
        match text(claims, "azp") {
            Some(party) if party == self.options.client_id => Ok(()),
            None if !several => Ok(()),
            _ => Err(ProviderError::refused("wrong_audience")),
        }
    }

    /// What an access token says that the provider signed; `None` for one that only the provider reads.
    fn of_access_token(
        &self,
        known: &Known,
        token: &str,
        subject: &str,
    ) -> Result<Option<Claims>, ProviderError> {
        let Some(jwt) = Jwt::parse(token) else { return Ok(None) };
        let is_its = jwt.text("iss") == Some(known.issuer().as_str())
            && jwt.is_current(self.clock.now())
            && jwt.is_signed_with(&known.keys);
        if !is_its {
            return Ok(None);
        }
        if jwt.text("sub").is_some_and(|other| other != subject) {
            return Err(ProviderError::refused("subject_mismatch"));
        }
        Ok(Some(jwt.claims))
    }

    /// What the provider says about the owner of the access token, if it says anything.
    async fn user_info(
        &self,
        known: &Known,
        token: &str,
        subject: &str,
    ) -> Result<Option<Claims>, ProviderError> {
        let Some(place) = known.metadata.userinfo_endpoint() else { return Ok(None) };
        let request = Request::builder()
            .method(Method::GET)
            .uri(place.as_str())
            .header(header::ACCEPT, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Vec::new())
            .map_err(|error| self.unavailable(error))?;
        let answer = self.caller.0.send(request).await.map_err(|error| self.unavailable(NoAnswer(error)))?;
        if answer.status() != StatusCode::OK {
            return Err(self.unavailable(NoUserInfo(answer.status().as_u16())));
        }
        // A signed answer is none that was asked for.
        let Ok(claims) = serde_json::from_slice::<Claims>(answer.body()) else { return Ok(None) };
        if text(&claims, "sub") != Some(subject) {
            return Err(ProviderError::refused("subject_mismatch"));
        }
        Ok(Some(claims))
    }

    pub(crate) fn identity(
        &self,
        known: &Known,
        subject: String,
        claims: &Claims,
        id_token: String,
    ) -> Identity {
        let text = |name: &str| text(claims, name).unwrap_or_default().to_owned();
        Identity {
            person: OidcPerson {
                issuer: known.issuer().to_string(),
                subject,
                username: text(&self.options.username_claim),
                email: text("email"),
                name: text("name"),
            },
            id_token: SecretString::new(id_token),
            session: self::text(claims, "sid").map(str::to_owned),
            role: claims::role(&self.options, claims),
            groups: claims::groups(&self.options, claims),
            refresh: None,
        }
    }

    pub(crate) fn not_redeemed<T: openidconnect::ErrorResponse + Send + Sync + 'static>(
        &self,
        error: RequestTokenError<NoAnswer, T>,
    ) -> ProviderError {
        match error {
            RequestTokenError::ServerResponse(answer) => ProviderError::Refused {
                reason: "code_refused",
                source: Some(NotRedeemed(format!("{answer:?}")).into()),
            },
            RequestTokenError::Request(error) => self.unavailable(error),
            // The answer itself may hold tokens.
            RequestTokenError::Parse(error, _) => self.unavailable(error),
            RequestTokenError::Other(error) => self.unavailable(NotRedeemed(error)),
        }
    }
}

/// Whether the provider takes the client's secret in the body alone.
pub(crate) fn secret_goes_in_body(known: &Known) -> bool {
    let methods = known.metadata.token_endpoint_auth_methods_supported();
    let takes = |method| methods.is_some_and(|methods| methods.contains(&method));
    takes(CoreClientAuthMethod::ClientSecretPost) && !takes(CoreClientAuthMethod::ClientSecretBasic)
}

/// The provider says nothing about the owner of an access token.
#[derive(Debug, thiserror::Error)]
#[error("userinfo: HTTP {0}")]
struct NoUserInfo(u16);

/// The provider gave nothing for a code.
#[derive(Debug, thiserror::Error)]
#[error("token endpoint: {0}")]
pub(crate) struct NotRedeemed(pub(crate) String);

/// Why an ID token does not count, in one word.
const fn reason(error: &ClaimsVerificationError) -> &'static str {
    match error {
        ClaimsVerificationError::Expired(_) => "expired_token",
        ClaimsVerificationError::InvalidAudience(_) => "wrong_audience",
        ClaimsVerificationError::InvalidIssuer(_) => "wrong_issuer",
        ClaimsVerificationError::InvalidNonce(_) => "wrong_nonce",
        ClaimsVerificationError::SignatureVerification(_) => "wrong_signature",
        _ => "invalid_token",
    }
}

fn chrono_of(at: Timestamp) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp_micros(at.as_micros()).unwrap_or_default()
}
