//! Asking one provider.

use std::time::Duration;

use promptgate_kernel::{KeyRing, SecretString};
use promptgate_providers::{Credential, Provider, WireFormat};

use super::read::models;
use super::{ListingRequest, ModelLister};

/// How long a provider may take.
pub(super) const DEADLINE: Duration = Duration::from_secs(3);
const MAX_BYTES: usize = 8 << 20;
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// The models of a provider, or for people why they are not known.
pub(super) async fn fetch(
    lister: &dyn ModelLister,
    keys: &KeyRing,
    provider: &Provider,
    credentials: &[Credential],
) -> Result<Vec<String>, String> {
    let Some(url) = provider.models_url() else { return Ok(provider.models.clone()) };
    let request = ListingRequest { url, headers: headers(keys, provider, credentials), max_bytes: MAX_BYTES };
    let answer = match tokio::time::timeout(DEADLINE, lister.fetch(request)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => {
            tracing::info!(
                provider.name = provider.name.as_str(),
                error = %error,
                cause = error.0.to_string(),
                "the models of the provider {} could not be listed", provider.name
            );
            return Err("the provider cannot be reached".to_owned());
        }
        Err(_) => return Err(format!("the provider did not answer within {} seconds", DEADLINE.as_secs())),
    };
    if !(200..300).contains(&answer.status) {
        return Err(format!("fetch models returned {}", answer.status));
    }
    models(provider.kind, &answer.body).ok_or_else(|| "the answer is no list of models".to_owned())
}

fn headers(
    keys: &KeyRing,
    provider: &Provider,
    credentials: &[Credential],
) -> Vec<(&'static str, SecretString)> {
    let text = |text: &str| SecretString::new(text.to_owned());
    let mut headers = vec![("accept", text("application/json"))];
    if provider.kind.wire_format() == WireFormat::Anthropic {
        headers.push(("anthropic-version", text(ANTHROPIC_VERSION)));
    }
    let mut usable = credentials.iter().filter(|credential| credential.active);
    let secret = usable.find_map(|credential| credential.open(keys).ok());
    let secret = secret.or_else(|| provider.kind.default_secret().map(text));
    if let (Some(secret), Some((name, before))) = (secret, provider.kind.auth_style().header()) {
        headers.push((name, SecretString::new(format!("{before}{}", secret.expose()))));
    }
    headers
}
