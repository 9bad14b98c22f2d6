//! What a provider says about itself, and its keys.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
    CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode,
    CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::http::{Method, Request, StatusCode, header};
use openidconnect::{
    AdditionalProviderMetadata, IssuerUrl, JsonWebKeySetUrl, LogoutProviderMetadata, ProviderMetadata,
};
use promptgate_kernel::{Clock, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, MutexGuard};

use crate::http::Caller;

/// How long it is believed without being asked for again.
const FRESH: Duration = Duration::from_hours(1);
/// How often it is asked for again at most, once it is known.
const PAUSE: Duration = Duration::from_mins(1);
/// How long a failure stands, so that those who come together wait together.
const FAILURE_STANDS: Duration = Duration::from_secs(2);

/// What of a provider's metadata `openidconnect` does not read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MoreMetadata {
    /// Where it is told that a token is of no use any more.
    pub(crate) revocation_endpoint: Option<String>,
}

impl AdditionalProviderMetadata for MoreMetadata {}

/// What a provider says about itself.
pub(crate) type Metadata = ProviderMetadata<
    LogoutProviderMetadata<MoreMetadata>,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// What a provider said about itself.
pub(crate) struct Known {
    /// Where everything is.
    pub(crate) metadata: Metadata,
    /// What it signs with.
    pub(crate) keys: CoreJsonWebKeySet,
    at: Timestamp,
}

impl Known {
    pub(crate) fn issuer(&self) -> &IssuerUrl {
        self.metadata.issuer()
    }
}

/// Why nothing is known.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotKnown(String);

/// When a provider was asked.
#[derive(Default)]
struct Asked {
    /// The last time, and why that failed, if it did.
    last: Option<(Timestamp, Option<NotKnown>)>,
    /// Why the last look failed that did.
    looked: Option<NotKnown>,
    /// Whether it did not answer when it was asked last, by whomever.
    is_silent: bool,
    /// The last time because of an unknown key.
    for_key: Option<Timestamp>,
}

/// Asks a provider about itself, and remembers.
pub(crate) struct Directory {
    issuer: String,
    jwks_url: Option<JsonWebKeySetUrl>,
    caller: Caller,
    clock: Arc<dyn Clock>,
    known: RwLock<Option<Arc<Known>>>,
    /// Held while it is asked.
    asked: Mutex<Asked>,
    /// How many looks failed.
    failed_looks: AtomicU64,
}

impl Directory {
    pub(crate) fn new(
        issuer: &str,
        jwks_url: Option<JsonWebKeySetUrl>,
        caller: Caller,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            issuer: issuer.trim_end_matches('/').to_owned(),
            jwks_url,
            caller,
            clock,
            known: RwLock::default(),
            asked: Mutex::default(),
            failed_looks: AtomicU64::new(0),
        }
    }

    /// Whether this is how the provider calls itself.
    pub(crate) fn is_of(&self, issuer: &str) -> bool {
        issuer.strip_suffix('/').unwrap_or(issuer) == self.issuer
    }

    /// What is known; if it is old and cannot be renewed, what was known.
    pub(crate) async fn current(&self) -> Result<Arc<Known>, NotKnown> {
        if let Some(known) = self.fresh() {
            return Ok(known);
        }
        let (mut asked, looked) = self.turn().await;
        if let Some(known) = self.fresh() {
            return Ok(known);
        }
        let (stale, now) = (self.known(), self.clock.now());
        let pause = if stale.is_some() { PAUSE } else { FAILURE_STANDS };
        let stands = |at: Timestamp| at <= now && now.since(at) < pause;
        let answer = match (&asked.last, looked) {
            (Some((at, Some(error))), _) if stands(*at) => Err(error.clone()),
            (_, Some(error)) => Err(error),
            (_, None) => self.ask(&mut asked).await,
        };
        answer.or_else(|error| stale.ok_or(error))
    }

    /// What is known now, if it is newer than what somebody had: a key was not among its keys. Asks
    /// for that once a minute at most, so that nobody's invented keys have the provider asked all the
    /// time.
    pub(crate) async fn newer(&self, than: &Arc<Known>) -> Option<Arc<Known>> {
        let (mut asked, looked) = self.turn().await;
        if let Some(known) = self.known().filter(|known| !Arc::ptr_eq(known, than)) {
            return Some(known);
        }
        let now = self.clock.now();
        if looked.is_some() || asked.for_key.is_some_and(|at| now.since(at) < PAUSE) {
            return None;
        }
        asked.for_key = Some(now);
        self.ask(&mut asked).await.ok()
    }

    /// Asks it now, whatever is known. Whoever looks again and again has it known before somebody signs in.
    pub(crate) async fn look(&self) -> Result<(), NotKnown> {
        let mut asked = self.asked.lock().await;
        let before = asked.last.clone();
        let answer = self.ask(&mut asked).await.map(drop);
        if let Err(error) = &answer {
            // It is an answer to those who waited meanwhile; whoever signs in from now on asks by himself.
            asked.last = before;
            asked.looked = Some(error.clone());
            self.failed_looks.fetch_add(1, Ordering::SeqCst);
        }
        answer
    }

    /// Waits until nobody asks it; and why a look failed that was waited for, if one did. Who waited for that is
    /// not to wait once more.
    async fn turn(&self) -> (MutexGuard<'_, Asked>, Option<NotKnown>) {
        let before = self.failed_looks.load(Ordering::SeqCst);
        let asked = self.asked.lock().await;
        let has_waited = self.failed_looks.load(Ordering::SeqCst) != before;
        let looked = asked.looked.clone().filter(|_| has_waited);
        (asked, looked)
    }

    async fn ask(&self, asked: &mut Asked) -> Result<Arc<Known>, NotKnown> {
        let answer = self.fetch().await.map(Arc::new);
        let failed_before = std::mem::replace(&mut asked.is_silent, answer.is_err());
        asked.last = Some((self.clock.now(), answer.as_ref().err().cloned()));
        match &answer {
            Ok(known) => {
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(known));
                if failed_before {
                    tracing::info!(issuer = self.issuer, "the identity provider answers again");
                }
            }
            Err(error) => {
                metrics::counter!("promptgate_oidc_discovery_failures_total").increment(1);
                if !failed_before {
                    tracing::warn!(
                        issuer = self.issuer,
                        error = %error,
                        "the identity provider cannot be asked about itself; it is asked again and again"
                    );
                }
            }
        }
        answer
    }

    fn fresh(&self) -> Option<Arc<Known>> {
        let now = self.clock.now();
        self.known().filter(|known| now.since(known.at) < FRESH)
    }

    fn known(&self) -> Option<Arc<Known>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn fetch(&self) -> Result<Known, NotKnown> {
        let url = format!("{}/.well-known/openid-configuration", self.issuer);
        let failed = |why: String| NotKnown(format!("{url}: {why}"));
        let request = Request::builder()
            .method(Method::GET)
            .uri(&url)
            .header(header::ACCEPT, "application/json")
            .body(Vec::new())
            .map_err(|error| failed(error.to_string()))?;
        let answer = self.caller.0.send(request).await.map_err(|error| failed(error.to_string()))?;
        if answer.status() != StatusCode::OK {
            return Err(failed(format!("HTTP {}", answer.status().as_u16())));
        }
        let metadata: Metadata =
            serde_json::from_slice(answer.body()).map_err(|error| failed(error.to_string()))?;
        if !self.is_of(metadata.issuer()) {
            let issuer = metadata.issuer().as_str();
            return Err(failed(format!("it is of another issuer, {issuer}")));
        }
        let keys_at = self.jwks_url.as_ref().unwrap_or_else(|| metadata.jwks_uri());
        let keys = CoreJsonWebKeySet::fetch_async(keys_at, &self.caller).await;
        let keys = keys.map_err(|error| NotKnown(format!("{}: {error}", keys_at.as_str())))?;
        Ok(Known { metadata, keys, at: self.clock.now() })
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::sync::atomic::{AtomicBool, AtomicUsize};

    use async_trait::async_trait;
    use openidconnect::http::Response;
    use openidconnect::{HttpRequest, HttpResponse};
    use promptgate_kernel::testing::TestClock;
    use serde_json::json;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::OidcHttp;

    /// A provider that counts how often it is asked about itself.
    #[derive(Default)]
    struct Fake {
        asked: AtomicUsize,
        is_away: AtomicBool,
        /// Until when it says nothing, and how often that was waited for.
        slow: std::sync::Mutex<Option<Arc<Semaphore>>>,
        waited: AtomicUsize,
    }

    #[async_trait]
    impl OidcHttp for Fake {
        async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Box<dyn Error + Send + Sync>> {
            let slow = self.slow.lock().unwrap().clone();
            if let Some(slow) = slow {
                self.waited.fetch_add(1, Ordering::SeqCst);
                drop(slow.acquire().await.unwrap());
            }
            if self.is_away.load(Ordering::SeqCst) {
                return Err("connection refused".into());
            }
            let body = if request.uri().path().ends_with("/openid-configuration") {
                self.asked.fetch_add(1, Ordering::SeqCst);
                json!({
                    "issuer": "https://x.example/realm/",
                    "authorization_endpoint": "https://x.example/auth",
                    "token_endpoint": "https://x.example/token",
                    "jwks_uri": "https://x.example/keys",
                    "response_types_supported": ["code"],
                    "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["RS256"],
                })
            } else {
                json!({"keys": []})
            };
            let answer = Response::builder().header("content-type", "application/json");
            Ok(answer.body(body.to_string().into_bytes())?)
        }
    }

    fn directory(issuer: &str) -> (Arc<Fake>, Arc<TestClock>, Directory) {
        let (fake, clock) = (Arc::<Fake>::default(), Arc::new(TestClock::at_millis(1_700_000_000_000)));
        let directory = Directory::new(issuer, None, Caller(fake.clone()), clock.clone());
        (fake, clock, directory)
    }

    #[tokio::test]
    async fn it_is_asked_once_an_hour_and_believed_while_it_is_away() {
        let (fake, clock, directory) = directory("https://x.example/realm");
        let asked = || fake.asked.load(Ordering::SeqCst);
        let first = directory.current().await.unwrap();
        assert_eq!(first.issuer().as_str(), "https://x.example/realm/", "the provider's own spelling");
        clock.advance(Duration::from_secs(3_599));
        directory.current().await.unwrap();
        assert_eq!(asked(), 1);
        clock.advance(Duration::from_secs(1));
        fake.is_away.store(true, Ordering::SeqCst);
        assert!(Arc::ptr_eq(&directory.current().await.unwrap(), &first));
        fake.is_away.store(false, Ordering::SeqCst);
        directory.current().await.unwrap();
        assert_eq!(asked(), 1, "not again so soon");
        clock.advance(PAUSE);
        assert!(!Arc::ptr_eq(&directory.current().await.unwrap(), &first));
        assert_eq!(asked(), 2);
    }

    #[tokio::test]
    async fn unknown_keys_have_it_asked_once_a_minute() {
        let (fake, clock, directory) = directory("https://x.example/realm");
        let first = directory.current().await.unwrap();
        let second = directory.newer(&first).await.unwrap();
        assert!(directory.newer(&second).await.is_none(), "not again so soon");
        assert!(Arc::ptr_eq(&directory.newer(&first).await.unwrap(), &second), "somebody asked already");
        clock.advance(PAUSE);
        assert!(directory.newer(&second).await.is_some());
        assert_eq!(fake.asked.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_failure_stands_for_a_moment_and_another_issuer_is_none() {
        let (fake, clock, directory) = directory("https://x.example/realm");
        fake.is_away.store(true, Ordering::SeqCst);
        assert!(directory.current().await.is_err());
        fake.is_away.store(false, Ordering::SeqCst);
        assert!(directory.current().await.is_err());
        clock.advance(FAILURE_STANDS);
        directory.current().await.unwrap();
        // Whoever looks does not wait for what stands.
        fake.is_away.store(true, Ordering::SeqCst);
        assert!(directory.look().await.is_err());
        fake.is_away.store(false, Ordering::SeqCst);
        directory.look().await.unwrap();

        let (_, _, other) = self::directory("https://y.example");
        assert!(other.current().await.err().unwrap().to_string().contains("another issuer"));
    }

    #[tokio::test]
    async fn who_waits_for_a_look_that_fails_does_not_wait_for_another_question() {
        let (fake, clock, directory) = directory("https://x.example/realm");
        let slowly = || {
            let slow = Arc::new(Semaphore::new(0));
            *fake.slow.lock().unwrap() = Some(Arc::clone(&slow));
            async move { slow.add_permits(1) }
        };
        fake.is_away.store(true, Ordering::SeqCst);
        let (looked, found, ()) = tokio::join!(directory.look(), directory.current(), slowly());
        assert!(looked.is_err() && found.is_err());
        assert_eq!(fake.waited.swap(0, Ordering::SeqCst), 1);
        // It is asked for whoever signs in from now on.
        fake.is_away.store(false, Ordering::SeqCst);
        let known = directory.current().await.unwrap();
        assert_eq!(fake.waited.swap(0, Ordering::SeqCst), 2, "about itself, and for its keys");

        // Who knows something goes on with it.
        clock.advance(FRESH);
        fake.is_away.store(true, Ordering::SeqCst);
        let (looked, found, newer, ()) =
            tokio::join!(directory.look(), directory.current(), directory.newer(&known), slowly());
        assert!(looked.is_err() && newer.is_none());
        assert!(Arc::ptr_eq(&found.unwrap(), &known));
        assert_eq!(fake.waited.load(Ordering::SeqCst), 1);
        fake.is_away.store(false, Ordering::SeqCst);
        assert!(directory.newer(&known).await.is_some());
    }
}
