//! The configuration as the data plane reads it: compiled, immutable, in memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::HeaderValue;
use promptgate_kernel::{KeyRing, ProjectId, ProviderId, Revision, SealError, SecretString};
use promptgate_projects::Project;
use promptgate_providers::{Credential, Listed, Operation, Provider, ProviderKind, Timeouts};
use tokio::sync::{Notify, watch};

/// Stands where a provider repeated its credential.
const REDACTED: &str = "[credential]";
const SHORTEST_SECRET: usize = 8;

/// Everything that configures the data plane, as it is stored.
#[derive(Debug, Clone, Default)]
pub struct Configuration {
    /// The revision that the rest is at least as new as.
    pub revision: Revision,
    /// Every project.
    pub projects: Vec<Project>,
    /// Every provider.
    pub providers: Vec<Provider>,
    /// Every credential.
    pub credentials: Vec<Credential>,
}

/// The header that opens a provider.
#[derive(Debug, Clone)]
pub(crate) enum ProviderAuth {
    /// It wants none.
    None,
    /// `Authorization`.
    Bearer(HeaderValue),
    /// `x-api-key`.
    ApiKey(HeaderValue),
    /// Credentials are stored, but none of them can be used here.
    Unusable,
}

/// A provider, ready for use.
#[derive(Debug)]
pub struct CompiledProvider {
    pub(crate) provider: Provider,
    pub(crate) timeouts: Timeouts,
    pub(crate) auth: ProviderAuth,
    /// The name, as a label of metrics.
    pub(crate) label: Arc<str>,
    urls: [String; 3],
}

impl CompiledProvider {
    /// Where an operation is.
    pub(crate) fn url(&self, operation: Operation) -> &str {
        let position = match operation {
            Operation::ChatCompletions => 0,
            Operation::Messages => 1,
            Operation::Embeddings => 2,
        };
        &self.urls[position]
    }

    /// What the provider said, without the credential that it was sent: some repeat it in their
    /// errors.
    pub(crate) fn without_credential(&self, said: Bytes) -> Bytes {
        let Some(secret) = self.auth.secret() else { return said };
        let text = String::from_utf8_lossy(&said);
        if text.contains(secret) { text.replace(secret, REDACTED).into() } else { said }
    }
}

impl ProviderAuth {
    /// The secret in the header, unless it is too short to be one: such a word may be meant as a word.
    fn secret(&self) -> Option<&str> {
        let value = match self {
            Self::Bearer(value) | Self::ApiKey(value) => value.to_str().ok()?,
            Self::None | Self::Unusable => return None,
        };
        let secret = value.strip_prefix("Bearer ").unwrap_or(value);
        (secret.len() >= SHORTEST_SECRET).then_some(secret)
    }
}

/// A credential that this process cannot use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a credential of the provider `{provider}` cannot be used")]
pub struct UnusableCredential {
    /// The provider's name.
    pub provider: String,
    /// Why.
    #[source]
    pub source: SealError,
}

/// The configuration of one revision. It never changes; a new one takes its place.
#[derive(Debug, Default)]
pub struct Snapshot {
    revision: Revision,
    content: Arc<Content>,
}

#[derive(Debug, Default)]
struct Content {
    projects: HashMap<ProjectId, Arc<Project>>,
    providers: Vec<Arc<CompiledProvider>>,
}

impl Snapshot {
    /// Compiles a configuration. A credential that cannot be opened is reported and closes its own
    /// provider only.
    pub fn compile(configuration: Configuration, keys: &KeyRing) -> (Self, Vec<UnusableCredential>) {
        let mut unusable = Vec::new();
        let mut credentials: HashMap<ProviderId, Vec<Credential>> = HashMap::new();
        for credential in configuration.credentials {
            credentials.entry(credential.provider_id).or_default().push(credential);
        }
        let providers = configuration
            .providers
            .into_iter()
            .map(|provider| {
                let stored = credentials.remove(&provider.id).unwrap_or_default();
                let auth = open(&provider, &stored, keys, &mut unusable);
                Arc::new(compile(provider, auth))
            })
            .collect();
        let projects =
            configuration.projects.into_iter().map(|project| (project.id, Arc::new(project))).collect();
        let content = Arc::new(Content { projects, providers });
        (Self { revision: configuration.revision, content }, unusable)
    }

    /// The revision.
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    /// How many providers are switched on.
    pub fn enabled_providers(&self) -> usize {
        self.content.providers.iter().filter(|compiled| compiled.provider.enabled).count()
    }

    /// The same content under a later revision, when what changed is not in the snapshot.
    #[must_use]
    pub(crate) fn at(&self, revision: Revision) -> Self {
        Self { revision, content: Arc::clone(&self.content) }
    }

    pub(crate) fn project(&self, id: ProjectId) -> Option<&Arc<Project>> {
        self.content.projects.get(&id)
    }

    pub(crate) fn provider(&self, id: ProviderId) -> Option<&Arc<CompiledProvider>> {
        self.content.providers.iter().find(|compiled| compiled.provider.id == id)
    }

    pub(crate) fn providers(&self) -> &[Arc<CompiledProvider>] {
        &self.content.providers
    }

    /// The providers as the addressing rule wants them.
    pub(crate) fn listed(&self) -> Vec<Listed<'_>> {
        self.content
            .providers
            .iter()
            .map(|compiled| Listed {
                id: compiled.provider.id,
                name: &compiled.provider.name,
                kind: compiled.provider.kind,
                models: &compiled.provider.models,
                enabled: compiled.provider.enabled,
                allowed: true,
            })
            .collect()
    }
}

fn compile(provider: Provider, auth: ProviderAuth) -> CompiledProvider {
    let url = |operation| provider.base_url.operation(provider.kind, operation);
    CompiledProvider {
        urls: [url(Operation::ChatCompletions), url(Operation::Messages), url(Operation::Embeddings)],
        // A stored time-out was checked when it was stored; a wrong one leaves the process's own.
        timeouts: provider.timeouts().unwrap_or_default(),
        auth,
        label: Arc::from(provider.name.as_str()),
        provider,
    }
}

fn open(
    provider: &Provider,
    stored: &[Credential],
    keys: &KeyRing,
    unusable: &mut Vec<UnusableCredential>,
) -> ProviderAuth {
    if stored.is_empty() {
        return provider
            .kind
            .default_secret()
            .and_then(|secret| header(provider.kind, &SecretString::new(secret.to_owned())))
            .unwrap_or(ProviderAuth::None);
    }
    let mut report = |source| {
        unusable.push(UnusableCredential { provider: provider.name.as_str().to_owned(), source });
    };
    for credential in stored {
        match credential.open(keys) {
            Ok(secret) => match header(provider.kind, &secret) {
                Some(auth) => return auth,
                None => report(SealError::Malformed),
            },
            Err(source) => report(source),
        }
    }
    ProviderAuth::Unusable
}

/// `None` when the secret has characters that no header may have.
fn header(kind: ProviderKind, secret: &SecretString) -> Option<ProviderAuth> {
    let value = |text: &str| {
        let mut value = HeaderValue::from_str(text).ok()?;
        value.set_sensitive(true);
        Some(value)
    };
    match kind {
        ProviderKind::Anthropic => value(secret.expose()).map(ProviderAuth::ApiKey),
        ProviderKind::Echo => Some(ProviderAuth::None),
        _ => {
            value(&format!("Bearer {}", secret.expose())).map(ProviderAuth::Bearer)
        }
    }
}

/// The snapshot in force. Reading it takes no lock.
#[derive(Debug)]
pub struct SnapshotCell {
    current: ArcSwap<Snapshot>,
    wanted: Notify,
    looked: watch::Sender<u64>,
}

impl Default for SnapshotCell {
    fn default() -> Self {
        Self::new(Snapshot::default())
    }
}

impl SnapshotCell {
    /// A cell that holds `snapshot`.
    pub fn new(snapshot: Snapshot) -> Self {
        Self {
            current: ArcSwap::from_pointee(snapshot),
            wanted: Notify::new(),
            looked: watch::Sender::new(0),
        }
    }

    /// The snapshot in force. A request takes one and keeps to it.
    pub fn load(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Puts another snapshot in force.
    pub fn store(&self, snapshot: Snapshot) {
        #[expect(clippy::cast_precision_loss, reason = "a metric; exact below 2^53")]
        metrics::gauge!("promptgate_snapshot_revision").set(snapshot.revision.number() as f64);
        self.current.store(Arc::new(snapshot));
    }

    /// Asks the synchroniser to look for changes now, and waits for the end of a look, but not
    /// longer than `limit`. For callers that name something which may be too new for the snapshot.
    /// The look may be one that was under way already.
    pub(crate) async fn refresh(&self, limit: Duration) {
        let mut looked = self.looked.subscribe();
        self.wanted.notify_one();
        let _ = tokio::time::timeout(limit, looked.changed()).await;
    }

    /// Waits until somebody asks for a look.
    pub(crate) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Tells those who wait that a look is over.
    pub(crate) fn looked(&self) {
        self.looked.send_modify(|count| *count += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{credential, keys, provider};

    #[test]
    fn a_credential_that_cannot_be_opened_closes_its_own_provider_only() {
        let (good, bad) = (provider("good", ProviderKind::OpenAi), provider("bad", ProviderKind::Anthropic));
        let credentials = vec![credential(&good, "sk-good", &keys(1)), credential(&bad, "sk-bad", &keys(2))];
        let configuration =
            Configuration { providers: vec![good, bad], credentials, ..Configuration::default() };
        let (snapshot, unusable) = Snapshot::compile(configuration, &keys(1));
        assert!(matches!(snapshot.providers()[0].auth, ProviderAuth::Bearer(_)));
        assert!(matches!(snapshot.providers()[1].auth, ProviderAuth::Unusable));
        assert_eq!(unusable.len(), 1);
        assert_eq!(unusable[0].provider, "bad");
        assert!(!format!("{snapshot:?}").contains("sk-good"), "secrets are not shown");
    }

    #[test]
    fn what_a_provider_says_is_told_without_its_credential() {
        let said = |kind, secret: &str, text: &'static str| {
            let main = provider("main", kind);
            let credentials = vec![credential(&main, secret, &keys(1))];
            let configuration =
                Configuration { providers: vec![main], credentials, ..Configuration::default() };
            let (snapshot, _) = Snapshot::compile(configuration, &keys(1));
            snapshot.providers()[0].without_credential(Bytes::from_static(text.as_bytes()))
        };
        for kind in [ProviderKind::OpenAi, ProviderKind::Anthropic] {
            let told = said(kind, "sk-canary", r#"{"error":"no sk-canary, Bearer sk-canary"}"#);
            assert_eq!(told, r#"{"error":"no [credential], Bearer [credential]"}"#);
        }
        assert_eq!(said(ProviderKind::OpenAi, "token", "a token is missing"), "a token is missing");
    }

    #[test]
    fn a_secret_that_is_no_header_closes_its_provider() {
        let openai = provider("main", ProviderKind::OpenAi);
        let credentials = vec![credential(&openai, "two\nlines", &keys(1))];
        let configuration =
            Configuration { providers: vec![openai], credentials, ..Configuration::default() };
        let (snapshot, unusable) = Snapshot::compile(configuration, &keys(1));
        assert!(matches!(snapshot.providers()[0].auth, ProviderAuth::Unusable));
        assert_eq!(unusable.len(), 1);
    }

    #[test]
    fn the_second_credential_serves_when_the_first_cannot_be_opened() {
        let openai = provider("main", ProviderKind::OpenAi);
        let credentials = vec![credential(&openai, "lost", &keys(2)), credential(&openai, "kept", &keys(1))];
        let configuration =
            Configuration { providers: vec![openai], credentials, ..Configuration::default() };
        let (snapshot, unusable) = Snapshot::compile(configuration, &keys(1));
        assert!(matches!(snapshot.providers()[0].auth, ProviderAuth::Bearer(_)));
        assert_eq!(unusable.len(), 1);
    }
}
