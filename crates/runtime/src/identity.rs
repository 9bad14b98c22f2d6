//! Identity providers: from the settings, over the client that calls go over.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use http::{Request, Response};
use promptgate_auth::Role;
use promptgate_control::sign_in::SignIn;
use promptgate_gateway::ports::{Upstream, UpstreamRequest};
use promptgate_identity_oidc::{OidcHttp, OidcProvider, OidcProviders};
use promptgate_settings::OidcSettings;
use promptgate_upstream_http::HttpUpstream;
use tokio::time::timeout;

use crate::base::Base;
use crate::dependencies::{Dependencies, IDENTITY};
use crate::storage;

/// A provider that takes longer does not answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer that is read.
const MAX_ANSWER: usize = 1024 * 1024;

/// Signing in, at the configured providers too.
pub(crate) fn with_providers(base: &Base, sign_in: SignIn) -> anyhow::Result<SignIn> {
    let configured = base.settings.oidc()?;
    if configured.is_empty() {
        return Ok(sign_in);
    }
    let providers = configured.into_iter().map(provider).collect::<Result<_, _>>()?;
    let client = storage::outbound(&base.settings)?;
    let http = Arc::new(Outbound { client, dependencies: base.dependencies.clone() });
    let base_url = base.settings.api()?.backend_base_url;
    let providers = OidcProviders::new(providers, &base_url, http, &base.clock)?;
    Ok(sign_in.with_providers(Arc::new(providers), base.finishing.clone()))
}

fn provider(settings: OidcSettings) -> anyhow::Result<OidcProvider> {
    let role = |(value, role): (String, String)| Ok((value, role.parse::<Role>()?));
    let roles = settings.roles.into_iter().map(role).collect::<anyhow::Result<_>>();
    let roles = roles.context("PROMPTGATE_OIDC_ROLES")?;
    Ok(OidcProvider {
        name: settings.name,
        issuer: settings.issuer_url,
        jwks_url: settings.jwks_url,
        client_id: settings.client_id,
        client_secret: settings.client_secret,
        scopes: settings.scopes,
        audiences: settings.audiences,
        username_claim: settings.username_claim,
        roles: settings.role_claim.map(|claim| (claim, roles)),
        groups_claim: settings.groups_claim,
    })
}

/// The view that identity providers are called through.
struct Outbound {
    client: HttpUpstream,
    dependencies: Dependencies,
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NotRead(&'static str);

#[async_trait]
impl OidcHttp for Outbound {
    async fn send(
        &self,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, Box<dyn Error + Send + Sync>> {
        let (head, body) = request.into_parts();
        let call = UpstreamRequest {
            method: head.method,
            url: head.uri.to_string(),
            headers: head.headers,
            body: Bytes::from(body),
            connect_timeout: PATIENCE,
            first_byte_timeout: PATIENCE,
        };
        let answer = async {
            let mut answer = self.client.call(call).await?;
            let mut body = Vec::new();
            while let Some(piece) = answer.body.next().await {
                body.extend_from_slice(&piece?);
                if body.len() > MAX_ANSWER {
                    return Err(NotRead("the answer is longer than 1 MiB").into());
                }
            }
            let mut response = Response::new(body);
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            Ok(response)
        };
        let answer = timeout(PATIENCE, answer).await;
        let answer = answer.unwrap_or_else(|_| Err(NotRead("no answer within 10 seconds").into()));
        // Known from when it was last asked, for nobody asks it without need.
        let answers =
            answer.as_ref().is_ok_and(|answer: &Response<Vec<u8>>| !answer.status().is_server_error());
        let gives_up = "people cannot sign in there; sessions go on until they have to be renewed";
        self.dependencies.note(IDENTITY, (!answers).then_some(gives_up));
        answer
    }
}
