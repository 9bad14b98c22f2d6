//! Who answers a call: the endpoint's target as it is at this moment, or the one of a routing rule,
//! and then those to fail over to.

use std::sync::Arc;

use promptgate_endpoints::{EndpointConfig, Failover, Route, Sampling, Target};
use promptgate_kernel::{CredentialId, ProviderId};
use promptgate_providers::Template;

use super::refusal::EndpointRefusal;
use crate::candidate::Candidate;
use crate::record::shortened;
use crate::refusal::Refusal;
use crate::snapshot::{Caller, CompiledProject, CompiledProvider, Snapshot};

/// Where a call goes.
pub(crate) struct Plan {
    /// Who is meant, whether it can be asked at the moment or not; nobody that the caller may not ask.
    pub(crate) meant: Option<Choice>,
    /// How the model chooses its words; the same for all who may be asked.
    pub(crate) sampling: Sampling,
    /// Who can be asked, in order.
    pub(crate) candidates: Vec<Candidate>,
    /// Why the first of those who cannot be asked cannot.
    pub(crate) obstacle: Option<Refusal>,
}

/// A model of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) provider: ProviderId,
    pub(crate) credential: Option<CredentialId>,
    pub(crate) model: String,
}

impl Choice {
    /// The same model by the name that rules, prices and capabilities have for it.
    fn named(self, snapshot: &Snapshot) -> Self {
        let model = match snapshot.provider(self.provider) {
            Some(provider) => provider.provider.kind.model_name(&self.model).to_owned(),
            None => self.model,
        };
        Self { model, ..self }
    }
}

/// Decides where a call goes. Whoever is switched off is left out, and so is what the groups of the
/// account that calls, if one does, do not allow.
pub(crate) fn plan(
    config: &EndpointConfig,
    route: Option<&Route>,
    project: &CompiledProject,
    snapshot: &Snapshot,
    caller: Option<&Caller>,
) -> Plan {
    let finder = Finder { config, snapshot };
    let (meant, template) = finder.first(route);
    let meant = meant.map(|choice| choice.named(snapshot));
    let may_call = |choice: &Choice| {
        caller.is_none_or(|caller| caller.rules.model_allowed(choice.provider, &choice.model))
    };
    let sampling = config.sampling(template.map(|template| sampling_of(template)).as_ref());
    let (mut candidates, mut obstacle) = (Vec::new(), None);
    let others = config.failover.iter().map(|entry| finder.other(entry).map(|choice| choice.named(snapshot)));
    for choice in std::iter::once(meant.clone()).chain(others) {
        let candidate = choice.map_err(Refusal::from).and_then(|choice| {
            if may_call(&choice) { candidate(choice, project, snapshot) } else { Err(denied(&choice)) }
        });
        match candidate {
            Ok(candidate) => candidates.push(candidate),
            Err(why) => {
                obstacle.get_or_insert(why);
            }
        }
    }
    Plan { meant: meant.ok().filter(may_call), sampling, candidates, obstacle }
}

fn denied(choice: &Choice) -> Refusal {
    Refusal::GroupAccessDenied { what: format!("the model `{}` of this endpoint", shortened(&choice.model)) }
}

struct Finder<'a> {
    config: &'a EndpointConfig,
    snapshot: &'a Snapshot,
}

type Found = Result<Choice, EndpointRefusal>;

impl<'a> Finder<'a> {
    /// Who is asked first, and the template that says how.
    fn first(&self, route: Option<&Route>) -> (Found, Option<&'a Arc<Template>>) {
        let slug = route.and_then(|route| route.template.as_deref());
        let template = match (slug, self.config.target()) {
            (Some(slug), _) => self.snapshot.template_named(slug),
            (None, Target::Template(id)) => self.snapshot.template(id),
            (None, Target::Manual { .. } | Target::Nobody) => None,
        };
        let base = || match slug {
            Some(slug) => of_template(template, &format!("the template `{slug}` is gone")),
            None => self.own(template),
        };
        let (credential, model) = match route {
            Some(route) => (route.credential.as_deref(), route.model.clone()),
            None => (None, None),
        };
        (self.overridden(base, credential, model), template)
    }

    fn overridden(&self, base: impl Fn() -> Found, credential: Option<&str>, model: Option<String>) -> Found {
        let Some(name) = credential else {
            let base = base()?;
            return Ok(Choice { model: model.unwrap_or(base.model), ..base });
        };
        let mut providers = self.snapshot.providers().iter();
        let named = providers.find_map(|provider| Some((provider, provider.stored_named(name)?)));
        let (provider, credential) =
            named.ok_or_else(|| nobody(format!("the credential `{name}` of a routing rule is gone")))?;
        let model = match model {
            Some(model) => model,
            None => base()?.model,
        };
        Ok(Choice { provider: provider.provider.id, credential: Some(credential), model })
    }

    fn own(&self, template: Option<&Arc<Template>>) -> Found {
        match self.config.target() {
            Target::Template(_) => of_template(template, "its template is gone"),
            Target::Manual { provider, credential, model } => self.choice(provider, credential, model),
            Target::Nobody => Err(nobody("its template or credential was deleted")),
        }
    }

    fn other(&self, entry: &Failover) -> Found {
        self.choice(entry.provider_id, entry.credential_id, &entry.provider_model)
    }

    fn choice(&self, provider: Option<ProviderId>, credential: Option<CredentialId>, model: &str) -> Found {
        let owner = |id| self.snapshot.providers().iter().find(|provider| provider.has_stored(id));
        let provider = provider
            .or_else(|| Some(owner(credential?)?.provider.id))
            .ok_or_else(|| nobody("its credential was deleted"))?;
        Ok(Choice { provider, credential, model: model.to_owned() })
    }
}

fn of_template(template: Option<&Arc<Template>>, missing: &str) -> Found {
    let template = template.ok_or_else(|| nobody(missing))?;
    if !template.active {
        return Err(EndpointRefusal::TemplateInactive { template: template.slug.clone() });
    }
    let (provider, credential) = (template.provider_id, template.credential_id);
    Ok(Choice { provider, credential, model: template.model.clone() })
}

fn nobody(what: impl Into<String>) -> EndpointRefusal {
    EndpointRefusal::NoTarget { what: what.into() }
}

fn sampling_of(template: &Template) -> Sampling {
    let most = template.max_output_tokens.map(|most| u32::try_from(most).unwrap_or(u32::MAX));
    Sampling {
        temperature: template.temperature,
        top_p: template.top_p,
        max_output_tokens: most.unwrap_or(EndpointConfig::DEFAULT_MAX_OUTPUT),
    }
}

fn candidate(choice: Choice, project: &CompiledProject, snapshot: &Snapshot) -> Result<Candidate, Refusal> {
    let Choice { provider, credential, model } = choice;
    let gone = || Refusal::from(nobody("its provider was deleted"));
    let provider = snapshot.provider(provider).ok_or_else(gone)?;
    crate::address::check_open(provider, project)?;
    // A service that wants no credential is not asked with one, whatever is named.
    let wants_one = provider.provider.kind.auth_style().header().is_some();
    let credential = credential.or_else(|| project.credential(provider.provider.id)).filter(|_| wants_one);
    if !is_usable(provider, credential) {
        let provider = provider.provider.name.as_str().to_owned();
        return Err(EndpointRefusal::CredentialUnusable { provider }.into());
    }
    Ok(Candidate::new(provider, &model, credential))
}

fn is_usable(provider: &CompiledProvider, credential: Option<CredentialId>) -> bool {
    match credential {
        Some(id) => provider.credential(id).is_some(),
        None => !provider.credentials.is_empty(),
    }
}
