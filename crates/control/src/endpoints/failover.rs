//! Keeping failover lists free of what was deleted. They are documents, so the store cannot.

use promptgate_endpoints::Endpoint;
use promptgate_kernel::{CredentialId, EndpointId, ProviderId, Timestamp};
use promptgate_providers::Credential;
use promptgate_store::UnitOfWork;

use super::EndpointError;

/// Takes a credential that is about to be deleted out of every failover list. Returns the endpoints
/// that had it; a change of each is to be recorded, after the audit entry.
pub(crate) async fn forget_credential(
    work: &mut dyn UnitOfWork,
    credential: &Credential,
    at: Timestamp,
) -> Result<Vec<EndpointId>, EndpointError> {
    let forget = |endpoint: Endpoint| endpoint.without_credential(credential.id, credential.provider_id, at);
    rewrite(work, forget).await
}

/// The same for a provider that is about to be deleted, with its credentials.
pub(crate) async fn forget_provider(
    work: &mut dyn UnitOfWork,
    provider: ProviderId,
    at: Timestamp,
) -> Result<Vec<EndpointId>, EndpointError> {
    let credentials = work.providers().credentials(provider).await?;
    let ids: Vec<CredentialId> = credentials.iter().map(|credential| credential.id).collect();
    rewrite(work, |endpoint: Endpoint| endpoint.without_provider(provider, &ids, at)).await
}

async fn rewrite(
    work: &mut dyn UnitOfWork,
    forget: impl Fn(Endpoint) -> Option<Endpoint> + Send,
) -> Result<Vec<EndpointId>, EndpointError> {
    let mut touched = Vec::new();
    for endpoint in work.endpoints().list_all().await?.into_iter().filter_map(forget) {
        if !work.endpoints().save(&endpoint).await? {
            return Err(EndpointError::Changed(endpoint.id));
        }
        touched.push(endpoint.id);
    }
    Ok(touched)
}
