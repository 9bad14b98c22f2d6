//! Identity providers: from the settings, over the client that calls go over. One that does not answer is asked
//! again and again, ever later, so that what it says is known before the next one signs in.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::base::Base;
use crate::dependencies::{Dependencies, IDENTITY};
use crate::outbound;

/// A provider that takes longer does not answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer that is read.
const MAX_ANSWER: usize = 1024 * 1024;
/// How soon one that did not answer is asked again, at first and at last.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// Signing in, at the configured providers too.
pub(crate) fn with_providers(base: &Base, sign_in: SignIn) -> anyhow::Result<SignIn> {
    let configured = base.settings.oidc()?;
    if configured.is_empty() {
        return Ok(sign_in);
    }
    let providers = configured.into_iter().map(provider).collect::<Result<_, _>>()?;
    let client = outbound::trusted(base)?;
    let silent = Silent::new(base.dependencies.clone());
    let http = Arc::new(Outbound { client, silent: silent.clone() });
    let base_url = base.settings.api()?.backend_base_url;
    let providers = Arc::new(OidcProviders::new(providers, &base_url, http, &base.clock)?);
    let (looking, stop) = (Arc::clone(&providers), base.stop.clone());
    base.tasks.spawn(async move {
        let look = look(|| looking.look(), &silent);
        stop.run_until_cancelled(look).await
    });
    Ok(sign_in.with_providers(providers, base.finishing.clone()))
}

/// Asks the providers at the start, and whenever one does not answer until all of them do.
async fn look<F: Future<Output = bool>>(ask: impl Fn() -> F, silent: &Silent) {
    let (first, last) = AGAIN;
    loop {
        let mut pause = first;
        while !ask().await {
            sleep(pause).await;
            pause = last.min(pause * 2);
        }
        silent.none();
        silent.one().await;
        sleep(first).await;
    }
}

/// The hosts of identity providers that did not answer when they were last asked. Clones are the same.
#[derive(Clone)]
struct Silent {
    hosts: Arc<Mutex<BTreeSet<String>>>,
    changed: Arc<Notify>,
    dependencies: Dependencies,
}

impl Silent {
    fn new(dependencies: Dependencies) -> Self {
        Self { hosts: Arc::default(), changed: Arc::default(), dependencies }
    }

    /// Notes whether a host answered.
    fn note(&self, host: &str, answers: bool) {
        let mut hosts = self.hosts();
        if answers {
            hosts.remove(host);
        } else if hosts.insert(host.to_owned()) {
            self.changed.notify_one();
        }
        self.tell(&hosts);
    }

    /// All of them answer.
    fn none(&self) {
        let mut hosts = self.hosts();
        hosts.clear();
        self.tell(&hosts);
    }

    /// Waits until one of them does not answer.
    async fn one(&self) {
        while self.hosts().is_empty() {
            self.changed.notified().await;
        }
    }

    fn tell(&self, hosts: &BTreeSet<String>) {
        let names = hosts.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let gives_up = (!names.is_empty()).then(|| {
            format!("people cannot sign in with {names}; sessions go on until they have to be renewed there")
        });
        self.dependencies.note(IDENTITY, gives_up.as_deref());
    }

    fn hosts(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
    silent: Silent,
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
        let host = head.uri.authority().map(ToString::to_string).unwrap_or_default();
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
        let answers =
            answer.as_ref().is_ok_and(|answer: &Response<Vec<u8>>| !answer.status().is_server_error());
        self.silent.note(&host, answers);
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use promptgate_kernel::testing::TestClock;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_does_not_answer_is_asked_ever_later_until_it_does() {
        let dependencies = Dependencies::new(Arc::new(TestClock::at_millis(0)));
        let silent = Silent::new(dependencies.clone());
        let (asked, is_away) = (AtomicUsize::new(0), AtomicBool::new(true));
        let ask = || {
            asked.fetch_add(1, Ordering::SeqCst);
            let answers = !is_away.load(Ordering::SeqCst);
            silent.note("id.example", answers);
            std::future::ready(answers)
        };
        let watch = async {
            // After 0, 1, 3, 7, 15, 31, 63 and 123 seconds.
            sleep(Duration::from_secs(130)).await;
            assert_eq!(asked.load(Ordering::SeqCst), 8);
            assert!(dependencies.all()[IDENTITY].gives_up.contains("with id.example;"));
            is_away.store(false, Ordering::SeqCst);
            sleep(Duration::from_mins(1)).await;
            assert!(dependencies.all().is_empty());
            sleep(Duration::from_hours(1)).await;
            assert_eq!(asked.load(Ordering::SeqCst), 9, "who answers is left alone");
            // Somebody signs in, and one of its hosts does not answer.
            silent.note("token.example", false);
            assert!(!dependencies.all().is_empty());
            sleep(Duration::from_secs(2)).await;
            assert!(dependencies.all().is_empty());
        };
        tokio::select! {
            () = look(ask, &silent) => {}
            () = watch => {}
        }
    }
}
