//! Third stage: what is asked for, and who may answer it.

use std::sync::Arc;

use http::HeaderMap;
use promptgate_firewall::guardrails::Policy;
use promptgate_providers::{Operation, Shape, resolve};
use promptgate_wire::{BadRequest, Envelope};

use crate::affinity::{AnswerIds, Continued, Holder, Kept, Pin, read_request};
use crate::authenticate::Authenticated;
use crate::candidate::{Ask, Candidate};
use crate::forward::has_route;
use crate::pipeline::Shared;
use crate::receive::{Entry, Route};
use crate::record::{Record, short, shortened};
use crate::refusal::Refusal;
use crate::snapshot::{Caller, CompiledProject, CompiledProvider, Snapshot};

/// A request whose candidates are found.
pub(crate) struct Addressed {
    /// How the client is to be answered.
    pub(crate) operation: Operation,
    pub(crate) headers: HeaderMap,
    pub(crate) ask: Ask,
    /// Who may answer, in the order in which they are asked; at least one.
    pub(crate) candidates: Vec<Candidate>,
    /// Which ids of the answer lead back to its provider.
    pub(crate) answer_ids: Option<AnswerIds>,
    /// What guardrails say.
    pub(crate) policy: Arc<Policy>,
    _made_here: (),
}

impl Addressed {
    pub(crate) fn new(
        operation: Operation,
        headers: HeaderMap,
        ask: Ask,
        candidates: Vec<Candidate>,
        answer_ids: Option<AnswerIds>,
        policy: Arc<Policy>,
    ) -> Self {
        Self { operation, headers, ask, candidates, answer_ids, policy, _made_here: () }
    }
}

/// Reads the body, once, and finds who may answer for its model.
pub(crate) async fn address(
    authenticated: Authenticated,
    operation: Operation,
    shared: &Arc<Shared>,
    record: &mut Record,
) -> Result<Addressed, Refusal> {
    let Authenticated { entry, route, headers, upload, token, project, snapshot, caller, policy, .. } =
        authenticated;
    let caller = caller.as_deref();
    model_project(&project)?;
    let named = match &entry {
        Entry::Project(_) => None,
        Entry::Provider(name) => {
            let provider = named_provider(name, route, &snapshot, record)?;
            check_granted(provider, caller)?;
            check_open(provider, &project)?;
            Some(provider)
        }
    };
    let body = upload.read(record).await?;
    let is_blank = body.trim_ascii().is_empty();
    let mut envelope =
        Envelope::parse(operation, body).map_err(|bad| unreadable(bad, is_blank, caller.is_some()))?;
    if !policy.reads_input() {
        record.transcript.asked(operation.into(), envelope.body());
        record.tool.look_into(envelope.body());
    }
    record.streamed = envelope.stream;
    record.requested_model = Some(shortened(&envelope.model));
    let holder = Holder { project: token.project_id, token: token.id };
    let continued = match operation {
        Operation::Responses => {
            let continued = read_request(envelope.body(), &shared.affinity, holder)?;
            if continued.body != *envelope.body() {
                let body = continued.body.clone();
                envelope = Envelope::parse(operation, body).map_err(Refusal::BadRequest)?;
            }
            continued
        }
        _ => Continued::default(),
    };
    let candidates = match named {
        Some(provider) => {
            record.rule = Some("named in the path".to_owned());
            vec![candidate(provider, &envelope.model, &project)]
        }
        None => by_model(&envelope.model, &project, &snapshot, record)?,
    };
    let candidates = who_is_granted(candidates, operation, caller)?;
    let candidates = who_can(candidates, operation)?;
    let candidates = who_keeps(candidates, &continued, &snapshot)?;
    let candidates = who_is_open(candidates)?;
    let first = candidates.first().expect("every step keeps one or refuses");
    record.note(format!("asked first: `{}` for `{}`", first.provider.provider.name, short(&first.model)));
    record.provider = Some(Arc::clone(&first.provider));
    record.model = Some(shortened(&first.model));
    let answer_ids = (operation == Operation::Responses).then_some(AnswerIds {
        holder,
        names: Some(Kept::Response),
        known: continued.known,
    });
    Ok(Addressed::new(operation, headers, Ask::Body(envelope), candidates, answer_ids, policy))
}

/// Whether the model API belongs to the project.
pub(crate) fn model_project(project: &CompiledProject) -> Result<(), Refusal> {
    let kind = project.project.kind;
    if kind.serves_model_api() { Ok(()) } else { Err(Refusal::WrongProjectType { kind }) }
}

/// The provider that a path names, if its API has the route. From here on the client is spoken to in
/// the provider's way.
pub(crate) fn named_provider<'s>(
    name: &str,
    route: Route,
    snapshot: &'s Snapshot,
    record: &mut Record,
) -> Result<&'s Arc<CompiledProvider>, Refusal> {
    let unknown = || match snapshot.enabled_providers() {
        0 => Refusal::NoProvider,
        _ => Refusal::UnknownProvider { name: name.to_owned() },
    };
    let provider = snapshot.provider_named(name).ok_or_else(unknown)?;
    record.surface = provider.provider.kind.wire_format().into();
    if has_route(provider, route) {
        Ok(provider)
    } else {
        let asked = format!("for {} of the provider `{name}`", route.name());
        Err(Refusal::NoRoute { asked })
    }
}

/// Whether calls may go to a provider: switched on, and allowed in the project.
pub(crate) fn check_open(provider: &CompiledProvider, project: &CompiledProject) -> Result<(), Refusal> {
    let name = || provider.provider.name.as_str().to_owned();
    if !provider.provider.enabled {
        return Err(Refusal::ProviderDisabled { provider: name() });
    }
    if !project.allows(provider.provider.id) {
        return Err(Refusal::ProviderNotAllowed { provider: name() });
    }
    Ok(())
}

/// Whether the groups of the account that calls, if one does, have a provider.
pub(crate) fn check_granted(provider: &CompiledProvider, caller: Option<&Caller>) -> Result<(), Refusal> {
    match caller {
        Some(caller) if !caller.rules.provider_allowed(provider.provider.id) => {
            Err(Refusal::GroupAccessDenied { what: format!("the provider `{}`", provider.provider.name) })
        }
        _ => Ok(()),
    }
}

/// A body that is not passed on. That an account names no model has a code of its own.
fn unreadable(bad: BadRequest, is_blank: bool, has_caller: bool) -> Refusal {
    let no_model = is_blank || (bad.code == "missing_field" && bad.field.as_deref() == Some("model"));
    if has_caller && no_model { Refusal::GroupModelRequired } else { Refusal::BadRequest(bad) }
}

/// Those that the groups of the account that calls, if one does, allow. Token counts name a model but
/// ask nothing of it.
fn who_is_granted(
    candidates: Vec<Candidate>,
    operation: Operation,
    caller: Option<&Caller>,
) -> Result<Vec<Candidate>, Refusal> {
    let Some(caller) = caller else { return Ok(candidates) };
    let is_granted = |candidate: &Candidate| match operation {
        Operation::CountTokens => caller.rules.provider_allowed(candidate.provider.provider.id),
        _ => caller.allows(candidate),
    };
    some_of(candidates, is_granted, |first| {
        let (model, provider) = (shortened(&first.model), &first.provider.provider.name);
        Refusal::GroupAccessDenied { what: format!("the model `{model}` of the provider `{provider}`") }
    })
}

fn candidate(provider: &Arc<CompiledProvider>, model: &str, project: &CompiledProject) -> Candidate {
    Candidate::new(provider, model, project.credential(provider.provider.id))
}

/// Everybody who answers for a model's name.
fn by_model(
    model: &str,
    project: &CompiledProject,
    snapshot: &Snapshot,
    record: &mut Record,
) -> Result<Vec<Candidate>, Refusal> {
    let listed = snapshot.listed(project);
    let alias = |name: &str| project.alias(name).map(|compiled| &compiled.alias);
    let resolved = resolve(model, &listed, project.project.default_provider, alias)?;
    let preset = resolved.alias.and_then(|alias| project.alias(&alias.name)?.preset.clone());
    let rule = resolved.rule.to_string();
    record.note(format!("model `{}`: {rule}", short(model)));
    record.rule = Some(rule);
    let candidates = resolved.targets.iter().map(|target| {
        let provider = snapshot
            .provider(target.provider)
            .expect("the rule answers with some of the providers that it was given");
        Candidate { preset: preset.clone(), ..candidate(provider, target.model, project) }
    });
    Ok(candidates.collect())
}

/// Those who can answer what is asked for, in their own format or by translation.
fn who_can(candidates: Vec<Candidate>, operation: Operation) -> Result<Vec<Candidate>, Refusal> {
    let can = |candidate: &Candidate| match operation {
        Operation::Embeddings => {
            candidate.capabilities.speaks(Shape::Embeddings)
                || candidate.capabilities.speaks(Shape::CohereEmbed)
        }
        _ => candidate.capabilities.speaks(operation.into()) || candidate.capabilities.chat_shape().is_some(),
    };
    some_of(candidates, can, |first| {
        let provider = &first.provider.provider;
        Refusal::Unsupported { provider: provider.name.as_str().to_owned(), kind: provider.kind, operation }
    })
}

/// The one who keeps what the request goes on from, if it does.
fn who_keeps(
    mut candidates: Vec<Candidate>,
    continued: &Continued,
    snapshot: &Snapshot,
) -> Result<Vec<Candidate>, Refusal> {
    if let Some(pin) = continued.pin {
        let keeper = snapshot.provider(pin.provider).ok_or(Refusal::PinGone)?;
        candidates.retain(|candidate| candidate.provider.provider.id == pin.provider);
        if candidates.is_empty() {
            let provider = keeper.provider.name.as_str().to_owned();
            return Err(Refusal::PinnedElsewhere { provider });
        }
        return pinned(candidates, pin);
    }
    // Reasoning that another provider made is nothing to whoever is asked now; it is theirs to say so.
    match continued.reasoning {
        Some(pin) if candidates.iter().any(|candidate| candidate.provider.provider.id == pin.provider) => {
            candidates.retain(|candidate| candidate.provider.provider.id == pin.provider);
            pinned(candidates, pin)
        }
        _ => Ok(candidates),
    }
}

fn pinned(mut candidates: Vec<Candidate>, pin: Pin) -> Result<Vec<Candidate>, Refusal> {
    for candidate in &mut candidates {
        let is_there =
            candidate.provider.credentials.iter().any(|credential| credential.id == pin.credential);
        if !is_there {
            return Err(Refusal::PinGone);
        }
        candidate.credential = pin.credential;
    }
    Ok(candidates)
}

/// Those who have a credential that can be used.
fn who_is_open(candidates: Vec<Candidate>) -> Result<Vec<Candidate>, Refusal> {
    let is_open = |candidate: &Candidate| match candidate.credential {
        Some(id) => candidate.provider.credential(id).is_some(),
        None => !candidate.provider.credentials.is_empty(),
    };
    some_of(candidates, is_open, |first| {
        let provider = first.provider.provider.name.as_str().to_owned();
        Refusal::CredentialUnusable { provider }
    })
}

/// Those that fit; if none does, the first one says why.
fn some_of(
    candidates: Vec<Candidate>,
    fits: impl Fn(&Candidate) -> bool,
    why: impl FnOnce(&Candidate) -> Refusal,
) -> Result<Vec<Candidate>, Refusal> {
    if candidates.iter().all(&fits) {
        return Ok(candidates);
    }
    let (fitting, others): (Vec<_>, Vec<_>) = candidates.into_iter().partition(fits);
    match others.first() {
        Some(first) if fitting.is_empty() => Err(why(first)),
        _ => Ok(fitting),
    }
}

#[cfg(test)]
mod tests {
    use promptgate_kernel::CredentialId;
    use promptgate_providers::{Credential, Provider, ProviderKind};

    use super::*;
    use crate::snapshot::Configuration;
    use crate::testing::{compiler, credential, keys, provider};

    fn snapshot(providers: Vec<Provider>, credentials: Vec<Credential>) -> Snapshot {
        let configuration = Configuration { providers, credentials, ..Configuration::default() };
        Snapshot::compile(configuration, &compiler()).0
    }

    fn of(snapshot: &Snapshot, names: &[&str]) -> Vec<Candidate> {
        let candidate = |name: &&str| Candidate::new(snapshot.provider_named(name).unwrap(), "m", None);
        names.iter().map(candidate).collect()
    }

    fn names(candidates: Result<Vec<Candidate>, Refusal>) -> Result<Vec<String>, &'static str> {
        candidates
            .map(|all| all.iter().map(|each| each.provider.provider.name.to_string()).collect())
            .map_err(|refusal| refusal.code())
    }

    #[test]
    fn whoever_cannot_is_left_out_and_named_when_nobody_can() {
        let snapshot = snapshot(
            vec![provider("claude", ProviderKind::Anthropic), provider("main", ProviderKind::OpenAi)],
            vec![],
        );
        let both = || of(&snapshot, &["claude", "main"]);
        assert_eq!(names(who_can(both(), Operation::Embeddings)), Ok(vec!["main".to_owned()]));
        assert_eq!(names(who_can(both(), Operation::Responses)).unwrap().len(), 2);
        let nobody = who_can(of(&snapshot, &["claude"]), Operation::Embeddings).unwrap_err();
        assert_eq!((nobody.status(), nobody.code()), (400, "unsupported_by_provider"));
        assert!(nobody.message().contains("`claude`"));
    }

    #[test]
    fn whoever_keeps_it_is_asked_with_the_same_credential() {
        let (one, other) = (provider("one", ProviderKind::OpenAi), provider("other", ProviderKind::OpenAi));
        let kept = credential(&one, "sk-kept", &keys(1));
        let pin = Pin { provider: one.id, credential: Some(kept.id) };
        let snapshot = snapshot(vec![one, other], vec![kept]);
        let continued = |pin: Pin| Continued { pin: Some(pin), ..Continued::default() };
        let keepers = who_keeps(of(&snapshot, &["other", "one"]), &continued(pin), &snapshot).unwrap();
        assert_eq!((keepers.len(), keepers[0].credential), (1, pin.credential));
        let elsewhere = who_keeps(of(&snapshot, &["other"]), &continued(pin), &snapshot);
        assert_eq!(names(elsewhere), Err("response_pinned"));
        let lost: CredentialId = "018f4e6e-0000-7000-8000-000000000001".parse().unwrap();
        let gone = Pin { credential: Some(lost), ..pin };
        assert_eq!(
            names(who_keeps(of(&snapshot, &["one"]), &continued(gone), &snapshot)),
            Err("response_pin_gone")
        );
        let reasoning = Continued { reasoning: Some(pin), ..Continued::default() };
        assert_eq!(
            names(who_keeps(of(&snapshot, &["other"]), &reasoning, &snapshot)),
            Ok(vec!["other".to_owned()])
        );
        assert_eq!(
            names(who_keeps(of(&snapshot, &["other", "one"]), &reasoning, &snapshot)),
            Ok(vec!["one".to_owned()])
        );
    }

    #[test]
    fn a_provider_whose_credentials_are_closed_is_passed_over() {
        let (open, closed) =
            (provider("open", ProviderKind::OpenAi), provider("closed", ProviderKind::OpenAi));
        let lost = credential(&closed, "sk-lost", &keys(2));
        let snapshot = snapshot(vec![open, closed], vec![lost]);
        let candidates = of(&snapshot, &["closed", "open"]);
        assert_eq!(names(who_is_open(candidates)), Ok(vec!["open".to_owned()]));
        assert_eq!(names(who_is_open(of(&snapshot, &["closed"]))), Err("provider_credential_unusable"));
    }
}
