//! Signing in at OpenID Connect providers: the port
//! [`IdentityProviders`](promptgate_control::sign_in::IdentityProviders) over the authorization code
//! flow with PKCE.
//!
//! Nothing is asked of a provider before somebody needs it, so one that is down stops neither the
//! start nor the sessions that are there. What it says about itself and its keys are kept for an hour;
//! an unknown key makes them be asked for again, once a minute at most. HTTP goes over [`OidcHttp`],
//! which the assembly provides. Only asymmetric signatures count.
//!
//! A provider that gave a refresh token is asked again with it: what it says then must be about the same
//! person, from the same issuer, for the same client.
//!
//! Start at [`OidcProviders`].

mod claims;
mod directory;
mod http;
mod jwt;
mod options;
mod provider;
mod providers;
mod refresh;
mod tokens;

pub use crate::http::OidcHttp;
pub use options::{InvalidProvider, OidcProvider};
pub use providers::OidcProviders;

use std::time::Duration;

/// How far the clocks of a provider and of this machine may be apart.
pub(crate) const LEEWAY: Duration = Duration::from_secs(30);
