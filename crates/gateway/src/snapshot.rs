//! The configuration as the data plane reads it: compiled, immutable, in memory.

mod callers;
mod cell;
mod compile;
mod configuration;
mod endpoints;
mod guardrails;
mod plans;
mod project;
mod provider;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use promptgate_access::Plan;
use promptgate_endpoints::CompiledEndpoint;
use promptgate_firewall::NetworkPolicy;
use promptgate_firewall::guardrails::Policy;
use promptgate_kernel::{AccountId, EndpointId, ProjectId, ProviderId, Revision, TemplateId, TokenId};
use promptgate_providers::{CapabilityTable, Listed, Template};
use promptgate_usage::PriceBook;

use callers::Callers;
use endpoints::Endpoints;
use guardrails::Guardrails;
use plans::Plans;

pub(crate) use callers::Caller;
pub use cell::SnapshotCell;
pub use compile::{Compiler, UnusableCredential};
pub use configuration::{Configuration, Parts};
pub(crate) use project::CompiledProject;
pub use provider::CompiledProvider;

/// The configuration of one revision. It never changes; a new one takes its place.
#[derive(Debug, Default)]
pub struct Snapshot {
    revision: Revision,
    /// The revision at which anything of the rest was last read.
    content_revision: Revision,
    projects: Arc<HashMap<ProjectId, Arc<CompiledProject>>>,
    /// By name.
    providers: Arc<Vec<Arc<CompiledProvider>>>,
    /// What the providers were compiled with.
    capabilities: Option<Arc<CapabilityTable>>,
    templates: Arc<HashMap<TemplateId, Arc<Template>>>,
    endpoints: Arc<Endpoints>,
    callers: Arc<Callers>,
    plans: Arc<Plans>,
    prices: Arc<PriceBook>,
    network: Arc<NetworkPolicy>,
    guardrails: Arc<Guardrails>,
}

impl Snapshot {
    /// The revision.
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    /// The revision at which anything in it was last read: as long as it is the same, so is the content.
    pub(crate) const fn content_revision(&self) -> Revision {
        self.content_revision
    }

    /// How many providers are switched on.
    pub fn enabled_providers(&self) -> usize {
        self.providers.iter().filter(|compiled| compiled.provider.enabled).count()
    }

    /// The same content under a later revision, when what changed is not in the snapshot.
    #[must_use]
    pub(crate) fn at(&self, revision: Revision) -> Self {
        Self {
            revision,
            content_revision: self.content_revision,
            projects: Arc::clone(&self.projects),
            providers: Arc::clone(&self.providers),
            capabilities: self.capabilities.clone(),
            templates: Arc::clone(&self.templates),
            endpoints: Arc::clone(&self.endpoints),
            callers: Arc::clone(&self.callers),
            plans: Arc::clone(&self.plans),
            prices: Arc::clone(&self.prices),
            network: Arc::clone(&self.network),
            guardrails: Arc::clone(&self.guardrails),
        }
    }

    /// Who may call from where.
    pub(crate) fn network(&self) -> &NetworkPolicy {
        &self.network
    }

    /// What guardrails say for a call by a token; `line` is it and those that it comes from.
    pub(crate) fn policy(
        &self,
        project: ProjectId,
        endpoint: Option<EndpointId>,
        line: &[TokenId],
    ) -> Arc<Policy> {
        self.guardrails.policy(project, endpoint, line)
    }

    /// Whether what a token comes from has to be known, to know what guardrails say for it.
    pub(crate) fn has_token_guardrails(&self) -> bool {
        self.guardrails.has_token_rules()
    }

    /// The prices that were set.
    pub(crate) fn prices(&self) -> &PriceBook {
        &self.prices
    }

    /// An account that may own tokens.
    pub(crate) fn caller(&self, id: AccountId) -> Option<&Arc<Caller>> {
        self.callers.find(id)
    }

    /// The plan that counts for an account: the one that it was given, else the default one.
    pub(crate) fn plan_of(&self, caller: &Caller) -> Option<&Plan> {
        self.plans.effective(caller.standing.plan)
    }

    /// The AI endpoint of a project with this slug, if it is on.
    pub fn endpoint(&self, project: ProjectId, slug: &str) -> Option<&Arc<CompiledEndpoint>> {
        self.endpoints.find(project, slug)
    }

    /// The AI endpoint with this id, on or off.
    pub(crate) fn endpoint_with_id(&self, id: EndpointId) -> Option<&Arc<CompiledEndpoint>> {
        self.endpoints.by_id.get(&id)
    }

    /// The template with this slug, whether it may be used or not.
    pub(crate) fn template_named(&self, slug: &str) -> Option<&Arc<Template>> {
        self.templates.values().find(|template| template.slug == slug)
    }

    /// The providers, by name.
    pub(crate) fn providers(&self) -> &[Arc<CompiledProvider>] {
        &self.providers
    }

    /// The template with this id, whether it may be used or not.
    pub fn template(&self, id: TemplateId) -> Option<&Arc<Template>> {
        self.templates.get(&id)
    }

    pub(crate) fn project(&self, id: ProjectId) -> Option<&Arc<CompiledProject>> {
        self.projects.get(&id)
    }

    pub(crate) fn provider(&self, id: ProviderId) -> Option<&Arc<CompiledProvider>> {
        self.providers.iter().find(|compiled| compiled.provider.id == id)
    }

    pub(crate) fn provider_named(&self, name: &str) -> Option<&Arc<CompiledProvider>> {
        self.providers.iter().find(|compiled| compiled.provider.name.as_str() == name)
    }

    /// The providers in the order of a project.
    pub(crate) fn in_order_of(&self, project: &CompiledProject) -> Vec<&Arc<CompiledProvider>> {
        let mut providers: Vec<_> = self.providers.iter().collect();
        // A stable sort: without a place they stay by name.
        if project.has_order() {
            providers.sort_by_cached_key(|compiled| project.place(compiled.provider.id));
        }
        providers
    }

    /// The providers as the addressing rule wants them, in the order of a project.
    pub(crate) fn listed(&self, project: &CompiledProject) -> Vec<Listed<'_>> {
        let providers = self.in_order_of(project).into_iter().map(|compiled| &compiled.provider);
        providers
            .map(|provider| Listed {
                id: provider.id,
                name: &provider.name,
                kind: provider.kind,
                models: &provider.models,
                enabled: provider.enabled,
                allowed: project.allows(provider.id),
            })
            .collect()
    }
}
