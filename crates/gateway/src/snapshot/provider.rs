//! Providers, ready for use.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use promptgate_kernel::{CredentialId, KeyRing, SealError, SecretString, Timestamp};
use promptgate_providers::{
    Capabilities, CapabilityTable, Credential, ModelCapabilities, Provider, ProviderKind, Timeouts,
};

use super::UnusableCredential;
use crate::candidate::{SecretHeader, UsableCredential};

/// Stands where a provider repeated its credential.
const REDACTED: &str = "[credential]";
const SHORTEST_SECRET: usize = 8;

/// A provider, ready for use.
#[derive(Debug)]
pub struct CompiledProvider {
    pub(crate) provider: Provider,
    pub(crate) timeouts: Timeouts,
    /// What opens it, oldest first. One without secrets where nothing is stored and nothing is needed;
    /// none at all where what is stored is switched off or cannot be opened.
    pub(crate) credentials: Vec<Arc<UsableCredential>>,
    /// The name, as a label of metrics.
    pub(crate) label: Arc<str>,
    models: ModelCapabilities,
    /// What it was compiled from, besides the provider.
    stored: Vec<Credential>,
}

impl CompiledProvider {
    pub(super) fn compile(
        provider: Provider,
        stored: Vec<Credential>,
        keys: &KeyRing,
        table: &CapabilityTable,
        unusable: &mut Vec<UnusableCredential>,
    ) -> Self {
        let credentials = open_all(&provider, &stored, keys, unusable);
        // What is stored was checked when it was stored; should it be wrong now, because the program
        // is another one, the process's own time-outs and the table's own word count.
        let models = provider.capabilities(table).unwrap_or_else(|error| {
            tracing::error!(provider = provider.name.as_str(), %error, "a provider's options cannot be read");
            table.kind(provider.kind).clone()
        });
        Self {
            timeouts: provider.timeouts().unwrap_or_default(),
            credentials,
            label: Arc::from(provider.name.as_str()),
            models,
            stored,
            provider,
        }
    }

    /// Whether compiling these again would give the same.
    pub(super) fn is_of(&self, provider: &Provider, stored: &[Credential]) -> bool {
        self.provider == *provider && self.stored == stored
    }

    /// What a model can do.
    pub(crate) fn capabilities(&self, model: &str) -> Arc<Capabilities> {
        self.models.of(model)
    }

    /// The credential with this id, if it can be used.
    pub(crate) fn credential(&self, id: CredentialId) -> Option<&Arc<UsableCredential>> {
        self.credentials.iter().find(|credential| credential.id == Some(id))
    }

    /// Whether a credential is stored for the provider, usable or not.
    pub(crate) fn has_stored(&self, id: CredentialId) -> bool {
        self.stored.iter().any(|stored| stored.id == id)
    }

    /// The stored credential with this name, usable or not.
    pub(crate) fn stored_named(&self, name: &str) -> Option<CredentialId> {
        self.stored.iter().find(|stored| stored.name == name).map(|stored| stored.id)
    }

    /// What the provider said, without the credentials that it is sent: some repeat them in their
    /// errors.
    pub(crate) fn without_credential(&self, said: Bytes) -> Bytes {
        let secrets = self.credentials.iter().flat_map(|credential| &credential.secrets);
        let forms = secrets.filter_map(visible).flat_map(forms);
        forms.fold(said, |said, secret| {
            let text = String::from_utf8_lossy(&said);
            if text.contains(&*secret) { text.replace(&*secret, REDACTED).into() } else { said }
        })
    }
}

/// A secret as it stands in a text, in a text of JSON, with and without escaped slashes, and in a URL.
fn forms(secret: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    // Most secrets look the same everywhere.
    let differs = !secret.bytes().all(is_plain);
    let others = differs.then(|| {
        let json = serde_json::Value::from(secret).to_string();
        let json = json[1..json.len() - 1].to_owned();
        let encoded = secret.bytes().fold(String::new(), |mut text, byte| {
            if is_plain(byte) {
                text.push(char::from(byte));
            } else {
                let _ = write!(text, "%{byte:02X}");
            }
            text
        });
        [json.replace('/', "\\/"), json, encoded.to_lowercase(), encoded]
    });
    std::iter::once(Cow::Borrowed(secret)).chain(others.into_iter().flatten().map(Cow::Owned))
}

/// The secret in a header, unless it is too short to be one: such a word may be meant as a word.
fn visible(secret: &SecretHeader) -> Option<&str> {
    let value = secret.value.to_str().ok()?;
    let secret = value.strip_prefix("Bearer ").unwrap_or(value);
    (secret.len() >= SHORTEST_SECRET).then_some(secret)
}

fn open_all(
    provider: &Provider,
    stored: &[Credential],
    keys: &KeyRing,
    unusable: &mut Vec<UnusableCredential>,
) -> Vec<Arc<UsableCredential>> {
    if stored.is_empty() || provider.kind.auth_style().header().is_none() {
        let secret = provider.kind.default_secret().map(|secret| SecretString::new(secret.to_owned()));
        let secrets = secret.and_then(|secret| header(provider.kind, &secret, None)).into_iter().collect();
        return vec![Arc::new(UsableCredential { id: None, weight: 1, secrets })];
    }
    let mut report = |source| {
        unusable.push(UnusableCredential { provider: provider.name.as_str().to_owned(), source });
    };
    let mut usable = Vec::with_capacity(stored.len());
    for credential in stored.iter().filter(|credential| credential.active) {
        let secret = credential
            .open(keys)
            .and_then(|secret| header(provider.kind, &secret, None).ok_or(SealError::Malformed));
        let mut secrets = match secret {
            Ok(secret) => vec![secret],
            Err(source) => {
                report(source);
                Vec::new()
            }
        };
        // Whether its time is over is asked at every call; here it only has to open.
        if let Some(previous) = &credential.previous
            && let Some(opened) = credential.open_previous(keys, Timestamp::default())
        {
            match opened {
                Ok(secret) => secrets.extend(header(provider.kind, &secret, Some(previous.until))),
                Err(source) => report(source),
            }
        }
        if !secrets.is_empty() {
            let (id, weight) = (Some(credential.id), credential.weight);
            usable.push(Arc::new(UsableCredential { id, weight, secrets }));
        }
    }
    usable
}

/// `None` when the secret has characters that no header may have.
fn header(kind: ProviderKind, secret: &SecretString, until: Option<Timestamp>) -> Option<SecretHeader> {
    let (name, prefix) = kind.auth_style().header()?;
    let mut value = HeaderValue::from_str(&format!("{prefix}{}", secret.expose())).ok()?;
    value.set_sensitive(true);
    Some(SecretHeader { name: HeaderName::from_static(name), value, until })
}
