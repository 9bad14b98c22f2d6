//! Whether an outcome may be told again. What its caller may not do any more it is not shown either.

use std::str::FromStr;
use std::sync::Arc;

use promptgate_kernel::{EndpointId, ProjectId};
use promptgate_providers::Operation;
use promptgate_tokens::Token;
use promptgate_usage::RememberedAnswer;

use crate::address::{check_granted, check_open};
use crate::admit::check_process;
use crate::endpoint::EndpointRefusal;
use crate::pipeline::Shared;
use crate::receive::Route;
use crate::record::Ended;
use crate::refusal::Refusal;
use crate::snapshot::Snapshot;

/// Kept among the headers; no header has such a name. Outcomes of older versions have none of them.
const PROVIDER: &str = ":provider";
const MODEL: &str = ":model";
const ENDPOINT: &str = ":endpoint";

/// What is kept of who answered.
pub(super) fn marks(ended: &Ended) -> impl Iterator<Item = (String, String)> {
    let Ended { provider, model, endpoint, .. } = ended;
    let marks = [
        (PROVIDER, provider.map(|id| id.to_string())),
        (MODEL, model.clone()),
        (ENDPOINT, endpoint.map(|id| id.to_string())),
    ];
    marks.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)))
}

/// Whether a call like the one that was answered would be made now.
pub(super) fn check(
    answer: &RememberedAnswer,
    (route, project): (Route, ProjectId),
    token: &Token,
    shared: &Shared,
) -> Result<(), Refusal> {
    check_process(shared)?;
    let snapshot = shared.snapshot.load();
    let project = snapshot.project(project).filter(|project| project.project.active);
    let project = project.ok_or(Refusal::ProjectInactive)?;
    let caller = token.owner.map(|owner| snapshot.caller(owner).ok_or(Refusal::AccountInactive));
    let caller = caller.transpose()?.map(Arc::as_ref);
    if let Some(endpoint) = endpoint(answer) {
        check_endpoint(endpoint, project.project.id, token, &snapshot)?;
    }
    let Some(provider) = mark(answer, PROVIDER) else { return Ok(()) };
    let provider = snapshot.provider(provider).ok_or(Refusal::NoProvider)?;
    check_open(provider, project)?;
    check_granted(provider, caller)?;
    let asks_a_model = !matches!(route, Route::Forward(_) | Route::Model(Operation::CountTokens));
    match (text(answer, MODEL), caller) {
        (Some(model), Some(caller)) if asks_a_model && !caller.allows_model(&provider.provider, model) => {
            let name = &provider.provider.name;
            Err(Refusal::GroupAccessDenied { what: format!("the model `{model}` of the provider `{name}`") })
        }
        _ => Ok(()),
    }
}

/// The AI endpoint that was called, if one was.
pub(super) fn endpoint(answer: &RememberedAnswer) -> Option<EndpointId> {
    mark(answer, ENDPOINT)
}

fn check_endpoint(
    id: EndpointId,
    project: ProjectId,
    token: &Token,
    snapshot: &Snapshot,
) -> Result<(), Refusal> {
    let slug = snapshot.endpoint_with_id(id).map(|endpoint| endpoint.endpoint().config.slug.as_str());
    let called = slug.and_then(|slug| snapshot.endpoint(project, slug));
    let slug = slug.map_or_else(|| id.to_string(), str::to_owned);
    if called.is_none_or(|called| called.endpoint().id != id) {
        return Err(EndpointRefusal::Unknown { slug }.into());
    }
    let allowed = &token.endpoint_ids;
    if !allowed.is_empty() && !allowed.contains(&id) {
        return Err(EndpointRefusal::NotForToken { slug }.into());
    }
    Ok(())
}

fn mark<T: FromStr>(answer: &RememberedAnswer, name: &str) -> Option<T> {
    text(answer, name)?.parse().ok()
}

fn text<'a>(answer: &'a RememberedAnswer, name: &str) -> Option<&'a str> {
    answer.headers.iter().find_map(|(kept, value)| (kept == name).then_some(value.as_str()))
}
