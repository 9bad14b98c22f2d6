//! Third stage: what is asked for, and who answers it.

use std::sync::Arc;

use http::HeaderMap;
use promptgate_projects::Project;
use promptgate_providers::{Operation, resolve};
use promptgate_wire::Envelope;

use crate::authenticate::Authenticated;
use crate::record::{Record, shortened};
use crate::refusal::Refusal;
use crate::snapshot::{CompiledProvider, Snapshot};

/// A request whose provider is found.
pub(crate) struct Addressed {
    pub(crate) headers: HeaderMap,
    pub(crate) envelope: Envelope,
    pub(crate) provider: Arc<CompiledProvider>,
    /// The model as the provider knows it.
    pub(crate) model: String,
    _made_here: (),
}

/// Reads the body, once, and finds the provider of its model.
pub(crate) async fn address(
    authenticated: Authenticated,
    operation: Operation,
    record: &mut Record,
) -> Result<Addressed, Refusal> {
    let Authenticated { headers, upload, project, snapshot, .. } = authenticated;
    serves_models(&project)?;
    let body = upload.read().await?;
    let envelope = Envelope::parse(operation, body).map_err(Refusal::BadRequest)?;
    record.streamed = envelope.stream;
    record.requested_model = Some(shortened(&envelope.model));
    let (provider, model) = find(&envelope, &project, &snapshot, record)?;
    let kind = provider.provider.kind;
    if !kind.serves(operation) {
        let provider = provider.provider.name.as_str().to_owned();
        return Err(Refusal::WrongRoute { provider, kind, operation });
    }
    Ok(Addressed { headers, envelope, provider, model, _made_here: () })
}

/// Whether the `/v1` routes belong to the project.
pub(crate) fn serves_models(project: &Project) -> Result<(), Refusal> {
    if project.kind.serves_model_api() {
        Ok(())
    } else {
        Err(Refusal::WrongProjectType { kind: project.kind })
    }
}

fn find(
    envelope: &Envelope,
    project: &Project,
    snapshot: &Snapshot,
    record: &mut Record,
) -> Result<(Arc<CompiledProvider>, String), Refusal> {
    let listed = snapshot.listed();
    let found = resolve(&envelope.model, &listed, project.default_provider, |_| None)?;
    let resolved = found.targets[0];
    let provider = snapshot
        .provider(resolved.provider)
        .map(Arc::clone)
        .expect("the rule answers with one of the providers that it was given");
    let model = resolved.model.to_owned();
    record.note(format!(
        "model `{}` goes to `{}` as `{}`: {}",
        shortened(&envelope.model),
        provider.provider.name,
        shortened(&model),
        found.rule
    ));
    record.provider = Some(Arc::clone(&provider));
    record.model = Some(shortened(&model));
    Ok((provider, model))
}
