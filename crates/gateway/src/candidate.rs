//! What is asked for, and who may answer it.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use promptgate_kernel::{CredentialId, Timestamp};
use promptgate_providers::{Capabilities, Preset};
use promptgate_translate::ChatRequest;
use promptgate_wire::Envelope;

use crate::snapshot::CompiledProvider;

/// A provider that may answer, and what it is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    /// The provider.
    pub(crate) provider: Arc<CompiledProvider>,
    /// The model, by the name that rules, prices and capabilities have for it.
    pub(crate) model: String,
    /// What the model can do.
    pub(crate) capabilities: Arc<Capabilities>,
    /// The only credential that may be used, because the project or the answer that is continued
    /// names it; any of the provider's when there is none.
    pub(crate) credential: Option<CredentialId>,
    /// What an alias puts where the client says nothing.
    pub(crate) preset: Option<Arc<Preset>>,
}

impl Candidate {
    /// A provider that is asked for a model, which has one name from here on, whatever it was called.
    pub(crate) fn new(
        provider: &Arc<CompiledProvider>,
        model: &str,
        credential: Option<CredentialId>,
    ) -> Self {
        let model = provider.provider.kind.model_name(model);
        Self {
            capabilities: provider.capabilities(model),
            provider: Arc::clone(provider),
            model: model.to_owned(),
            credential,
            preset: None,
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) enum Ask {
    /// A model operation in the client's own body. It passes as it is where the provider speaks its
    /// format, and is translated where not.
    Body(Envelope),
    /// A chat in no vendor's words. The answer comes in the words of chat completions.
    Chat(Arc<ChatRequest>),
    /// Something that the provider keeps, passed on as it is.
    Forward(Forward),
}

impl Ask {
    /// Whether doing it twice would leave two of something.
    pub(crate) fn is_once(&self) -> bool {
        matches!(self, Self::Forward(forward) if forward.method == Method::POST)
    }
}

/// A request that is neither read nor changed.
#[derive(Debug, Clone)]
pub(crate) struct Forward {
    /// Its method.
    pub(crate) method: Method,
    /// Where to, query included.
    pub(crate) url: String,
    /// Its body; often empty.
    pub(crate) body: Bytes,
}

/// A credential of a provider, opened.
#[derive(Debug)]
pub(crate) struct UsableCredential {
    /// Its identity; none where nothing is stored.
    pub(crate) id: Option<CredentialId>,
    /// Its share of the calls, from 1 to 100.
    pub(crate) weight: u32,
    /// What opens the provider: the secret, then the one before a rotation for as long as it serves.
    /// Empty for a provider that wants none.
    pub(crate) secrets: Vec<SecretHeader>,
}

/// The header that opens a provider.
#[derive(Debug, Clone)]
pub(crate) struct SecretHeader {
    /// Its name.
    pub(crate) name: HeaderName,
    /// Its value, marked sensitive.
    pub(crate) value: HeaderValue,
    /// When it stops serving.
    pub(crate) until: Option<Timestamp>,
}
