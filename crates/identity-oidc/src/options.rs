//! What an operator says about a provider.

use promptgate_auth::Role;
use promptgate_kernel::SecretString;

/// A provider, as it is configured.
#[derive(Debug, Clone)]
pub struct OidcProvider {
    /// What it is called here.
    pub name: String,
    /// Its issuer. A slash at the end does not count.
    pub issuer: String,
    /// Where its keys are, if not where it says itself.
    pub jwks_url: Option<String>,
    /// What it calls this installation.
    pub client_id: String,
    /// The installation's secret there; none for a public client.
    pub client_secret: Option<SecretString>,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// Audiences besides the client whose access tokens count.
    pub audiences: Vec<String>,
    /// The claim that is the user name.
    pub username_claim: String,
    /// The claim that roles come from, and which of its values gives which; without one, roles are
    /// given here.
    pub roles: Option<(String, Vec<(String, Role)>)>,
    /// The claim that names access groups; without one, groups are given here.
    pub groups_claim: Option<String>,
}

/// Something about a provider cannot be.
#[derive(Debug, thiserror::Error)]
#[error("the identity provider `{provider}` has no valid {what}")]
pub struct InvalidProvider {
    /// Which provider.
    pub(crate) provider: String,
    /// What of it.
    pub(crate) what: &'static str,
    /// Why.
    #[source]
    pub(crate) source: openidconnect::url::ParseError,
}
