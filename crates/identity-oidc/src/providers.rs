//! All providers of the installation.

use std::sync::Arc;

use async_trait::async_trait;
use openidconnect::{JsonWebKeySetUrl, RedirectUrl};
use promptgate_control::sign_in::{
    Bearer, Challenge, Identity, IdentityProviders, Logout, ProviderError, Refreshed,
};
use promptgate_kernel::{Clock, SecretString};

use crate::directory::Directory;
use crate::http::Caller;
use crate::jwt::{Jwt, text, unverified_claims};
use crate::provider::Provider;
use crate::{InvalidProvider, OidcHttp, OidcProvider};

/// The path of this API that providers send browsers back to.
const CALLBACK: &str = "/auth/callback";

/// OpenID Connect providers.
pub struct OidcProviders(Vec<Provider>);

impl OidcProviders {
    /// Providers that send browsers back to this API at `base_url`.
    pub fn new(
        providers: Vec<OidcProvider>,
        base_url: &str,
        http: Arc<dyn OidcHttp>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, InvalidProvider> {
        let caller = Caller(http);
        let redirect = format!("{}{CALLBACK}", base_url.trim_end_matches('/'));
        let made = providers.into_iter().map(|options| {
            let invalid = |what, source| InvalidProvider { provider: options.name.clone(), what, source };
            let redirect_url =
                RedirectUrl::new(redirect.clone()).map_err(|error| invalid("redirect address", error))?;
            openidconnect::IssuerUrl::new(options.issuer.clone())
                .map_err(|error| invalid("issuer", error))?;
            let jwks_url = options.jwks_url.clone().map(JsonWebKeySetUrl::new).transpose();
            let jwks_url = jwks_url.map_err(|error| invalid("address of keys", error))?;
            let directory = Directory::new(&options.issuer, jwks_url, caller.clone(), Arc::clone(clock));
            let (caller, clock) = (caller.clone(), Arc::clone(clock));
            Ok(Provider { options, directory, redirect_url, caller, clock })
        });
        made.collect::<Result<_, _>>().map(Self)
    }

    /// Asks every provider about itself, whatever is known of it. Whether all of them answered.
    pub async fn look(&self) -> bool {
        let mut all = true;
        for provider in &self.0 {
            // Why not, it tells itself.
            all &= provider.directory.look().await.is_ok();
        }
        all
    }

    pub(crate) fn named(&self, name: &str) -> Result<&Provider, ProviderError> {
        let found = self.0.iter().find(|provider| provider.options.name == name);
        found.ok_or_else(|| ProviderError::Unknown(name.to_owned()))
    }

    /// The provider that a token says it is from, and for one of its clients here.
    fn issuer_of<'a>(&self, jwt: &'a Jwt<'_>) -> impl Iterator<Item = &Provider> + use<'a, '_> {
        let issuer = jwt.text("iss").unwrap_or_default();
        self.0.iter().filter(move |provider| provider.directory.is_of(issuer))
    }
}

#[async_trait]
impl IdentityProviders for OidcProviders {
    fn names(&self) -> Vec<String> {
        self.0.iter().map(|provider| provider.options.name.clone()).collect()
    }

    async fn authorization_url(
        &self,
        provider: &str,
        challenge: &Challenge,
    ) -> Result<String, ProviderError> {
        self.named(provider)?.authorization_url(challenge).await
    }

    async fn identify(
        &self,
        provider: &str,
        (code, issuer): (&str, Option<&str>),
        challenge: &Challenge,
    ) -> Result<Identity, ProviderError> {
        self.named(provider)?.identify(code, issuer, challenge).await
    }

    async fn refresh(&self, provider: &str, ticket: &SecretString) -> Result<Refreshed, ProviderError> {
        self.named(provider)?.refresh(ticket).await
    }

    async fn revoke(&self, provider: &str, ticket: &SecretString) -> Result<(), ProviderError> {
        self.named(provider)?.revoke(ticket).await
    }

    async fn end_session_url(
        &self,
        provider: &str,
        id_token: Option<&SecretString>,
        back_to: &str,
    ) -> Result<Option<String>, ProviderError> {
        self.named(provider)?.end_session_url(id_token, back_to).await
    }

    async fn verify_access_token(&self, token: &str) -> Result<Bearer, ProviderError> {
        let jwt = Jwt::parse(token).ok_or(ProviderError::refused("malformed_token"))?;
        let mut last = ProviderError::refused("unknown_issuer");
        for provider in self.issuer_of(&jwt) {
            match provider.bearer(&jwt).await {
                Ok(bearer) => return Ok(bearer),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn verify_logout_token(&self, token: &str) -> Result<Logout, ProviderError> {
        let jwt = Jwt::parse(token).ok_or(ProviderError::refused("malformed_token"))?;
        let mut last = ProviderError::refused("unknown_issuer");
        for provider in self.issuer_of(&jwt) {
            match provider.logout(&jwt).await {
                Ok(logout) => return Ok(logout),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn session_in(&self, id_token: &SecretString) -> Option<String> {
        text(&unverified_claims(id_token.expose())?, "sid").map(str::to_owned)
    }
}
