//! Asking a provider again with its refresh token, and giving that back.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openidconnect::core::{CoreErrorResponseType, CoreTokenResponse};
use openidconnect::http::{Method, Request, header};
use openidconnect::url::form_urlencoded::{Serializer, byte_serialize};
use openidconnect::{
    Nonce, NonceVerifier, OAuth2TokenResponse, RefreshToken, RequestTokenError, StandardErrorResponse,
    TokenResponse,
};
use promptgate_control::sign_in::{Identity, ProviderError, Refresh, Refreshed};
use promptgate_kernel::SecretString;
use serde::{Deserialize, Serialize};

use crate::directory::Known;
use crate::http::NoAnswer;
use crate::jwt::{Claims, text, unverified_claims};
use crate::provider::{NotRedeemed, Provider, secret_goes_in_body};

#[cfg(test)]
mod tests;

/// What a provider is asked again with, and what its answer must agree with.
#[derive(Clone, Serialize, Deserialize)]
struct Ticket {
    /// The refresh token.
    token: String,
    /// Who vouches.
    issuer: String,
    /// For whom.
    subject: String,
    /// What stood in the first ID token.
    nonce: String,
}

impl Ticket {
    fn with(self, lasts: Option<Duration>) -> Option<Refresh> {
        let ticket = SecretString::new(serde_json::to_string(&self).ok()?);
        Some(Refresh { ticket, lasts })
    }
}

/// What to ask again with after a sign-in, if the provider gave anything.
pub(crate) fn first(
    known: &Known,
    tokens: &CoreTokenResponse,
    subject: &str,
    nonce: &str,
) -> Option<Refresh> {
    let ticket = Ticket {
        token: tokens.refresh_token()?.secret().clone(),
        issuer: known.issuer().to_string(),
        subject: subject.to_owned(),
        nonce: nonce.to_owned(),
    };
    ticket.with(tokens.expires_in())
}

/// The ticket cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("what the provider is asked with is in no known form")]
struct NoTicket;

/// The provider does not take a refresh token back.
#[derive(Debug, thiserror::Error)]
#[error("revocation endpoint: HTTP {0}")]
struct NotRevoked(u16);

impl Provider {
    /// Asks whether the provider still vouches for somebody.
    pub(crate) async fn refresh(&self, ticket: &SecretString) -> Result<Refreshed, ProviderError> {
        let ticket = self.read(ticket)?;
        let known = self.known_as(&ticket.issuer).await?;
        let token = RefreshToken::new(ticket.token.clone());
        let client = self.client(&known);
        let request = client.exchange_refresh_token(&token).map_err(|error| self.unavailable(error))?;
        let tokens = request.request_async(&self.caller).await.map_err(|error| self.not_refreshed(error))?;
        // Not every provider gives another one each time.
        let token = tokens.refresh_token().map_or(ticket.token.clone(), |token| token.secret().clone());
        let next = Ticket { token, ..ticket.clone() };
        let refresh = next.with(tokens.expires_in()).ok_or_else(|| self.unavailable(NoTicket))?;
        // What it says may be of no use; the token is.
        let identity = match self.said(known, &tokens, &ticket).await {
            Err(error @ ProviderError::Refused { reason: OTHER_PERSON, .. }) => return Err(error),
            identity => identity,
        };
        Ok(Refreshed { refresh, identity })
    }

    /// What the provider says about the person now, by the rules of OpenID Connect Core, 12.2.
    async fn said(
        &self,
        known: Arc<Known>,
        tokens: &CoreTokenResponse,
        ticket: &Ticket,
    ) -> Result<Option<Identity>, ProviderError> {
        let (access_token, mut known, mut claims) = (tokens.access_token(), known, Claims::new());
        let id_token = tokens.id_token().map(ToString::to_string);
        if let (Some(id_token), Some(text_of_it)) = (tokens.id_token(), &id_token) {
            let nonce = Nonce::new(ticket.nonce.clone());
            let rule = |given: Option<&Nonce>| given.map_or(Ok(()), |given| nonce.verify(Some(given)));
            known = self.verified(known, id_token, &rule, access_token).await?;
            claims = unverified_claims(text_of_it).unwrap_or_default();
            if text(&claims, "sub") != Some(&ticket.subject) {
                return Err(ProviderError::refused(OTHER_PERSON));
            }
            self.check_party(&claims)?;
        }
        let is_all = self.complete(&known, &mut claims, access_token.secret(), &ticket.subject).await?;
        // An access token alone leaves out much, and what is left out must not cost anybody a role.
        if id_token.is_none() && !is_all {
            return Ok(None);
        }
        Ok(Some(self.identity(&known, ticket.subject.clone(), &claims, id_token.unwrap_or_default())))
    }

    /// Tells the provider that a refresh token is of no use any more (RFC 7009), if it wants to know.
    pub(crate) async fn revoke(&self, ticket: &SecretString) -> Result<(), ProviderError> {
        let ticket = self.read(ticket)?;
        let known = self.known_as(&ticket.issuer).await?;
        let more = &known.metadata.additional_metadata().additional_metadata;
        let Some(place) = &more.revocation_endpoint else { return Ok(()) };
        let request = self.revocation(place, &known, &ticket).map_err(|error| self.unavailable(error))?;
        let answer = self.caller.0.send(request).await.map_err(|error| self.unavailable(NoAnswer(error)))?;
        if !answer.status().is_success() {
            return Err(self.unavailable(NotRevoked(answer.status().as_u16())));
        }
        Ok(())
    }

    /// By hand, because `openidconnect` calls no such place over plain HTTP, as it does all others.
    fn revocation(
        &self,
        place: &str,
        known: &Known,
        ticket: &Ticket,
    ) -> Result<Request<Vec<u8>>, openidconnect::http::Error> {
        let mut form = Serializer::new(String::new());
        form.append_pair("token", &ticket.token).append_pair("token_type_hint", "refresh_token");
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(place)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let id = &self.options.client_id;
        match &self.options.client_secret {
            Some(secret) if !secret_goes_in_body(known) => {
                let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                let both = format!("{}:{}", encoded(id), encoded(secret.expose()));
                request = request.header(header::AUTHORIZATION, format!("Basic {}", STANDARD.encode(both)));
            }
            secret => {
                form.append_pair("client_id", id);
                if let Some(secret) = secret {
                    form.append_pair("client_secret", secret.expose());
                }
            }
        }
        request.body(form.finish().into_bytes())
    }

    fn read(&self, ticket: &SecretString) -> Result<Ticket, ProviderError> {
        serde_json::from_str(ticket.expose()).map_err(|_| self.unavailable(NoTicket))
    }

    /// What is known of the provider, if it is the one with this issuer: nobody else is shown its tokens.
    async fn known_as(&self, issuer: &str) -> Result<Arc<Known>, ProviderError> {
        if !self.directory.is_of(issuer) {
            return Err(ProviderError::Unknown(format!("{} of {issuer}", self.options.name)));
        }
        self.known().await
    }

    fn not_refreshed(
        &self,
        error: RequestTokenError<NoAnswer, StandardErrorResponse<CoreErrorResponseType>>,
    ) -> ProviderError {
        match error {
            RequestTokenError::ServerResponse(answer) if is_a_no(answer.error()) => ProviderError::Refused {
                reason: "refresh_refused",
                source: Some(NotRedeemed(format!("{answer:?}")).into()),
            },
            // It is about this installation, or the provider's own trouble: nothing about the person.
            RequestTokenError::ServerResponse(answer) => self.unavailable(NotRedeemed(format!("{answer:?}"))),
            other => self.not_redeemed(other),
        }
    }
}

/// Why an answer ends what it was asked for.
const OTHER_PERSON: &str = "subject_mismatch";

/// Whether the provider says that the person has to sign in again.
fn is_a_no(error: &CoreErrorResponseType) -> bool {
    match error {
        CoreErrorResponseType::InvalidGrant => true,
        CoreErrorResponseType::Extension(code) => {
            matches!(code.as_str(), "interaction_required" | "login_required" | "consent_required")
        }
        _ => false,
    }
}
