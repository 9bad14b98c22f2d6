//! From what is stored to what calls are judged by.

use std::collections::HashMap;
use std::sync::Arc;

use promptgate_firewall::guardrails::AllRules;
use promptgate_kernel::{KeyRing, ProjectId, SealError};
use promptgate_projects::Project;
use promptgate_providers::{Alias, CapabilityTable, Credential, ProjectProvider, Provider};
use promptgate_usage::PriceBook;

use super::plans::Plans;
use super::{CompiledProject, CompiledProvider, Configuration, Parts, Snapshot};

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

/// What a stored configuration is compiled with.
#[derive(Debug, Clone)]
pub struct Compiler {
    /// Opens credentials.
    pub keys: KeyRing,
    /// Knows what models can do.
    pub capabilities: Arc<CapabilityTable>,
}

impl Snapshot {
    /// Compiles a configuration. A credential that cannot be opened is reported and closes itself
    /// only.
    pub fn compile(configuration: Configuration, compiler: &Compiler) -> (Self, Vec<UnusableCredential>) {
        Self::default().with(configuration, Parts::ALL, compiler)
    }

    /// The same with some parts in their new state. What did not change is not compiled again.
    pub fn with(
        &self,
        configuration: Configuration,
        parts: Parts,
        compiler: &Compiler,
    ) -> (Self, Vec<UnusableCredential>) {
        let mut unusable = Vec::new();
        let Configuration {
            revision,
            projects,
            aliases,
            project_providers,
            providers,
            credentials,
            templates,
            endpoints,
            groups,
            group_members,
            accounts,
            account_limits,
            plans,
            prices,
            network_rules,
            network_defaults,
            guardrails: rules,
            guardrail_faults: faults,
        } = configuration;
        let projects = if parts.projects {
            Arc::new(compile_projects(projects, aliases, project_providers))
        } else {
            Arc::clone(&self.projects)
        };
        let (providers, capabilities) = if parts.providers {
            let ready = self.compile_providers(providers, credentials, compiler, &mut unusable);
            (Arc::new(ready), Some(Arc::clone(&compiler.capabilities)))
        } else {
            (Arc::clone(&self.providers), self.capabilities.clone())
        };
        let templates = if parts.templates {
            let shared = templates.into_iter().map(|template| (template.id, Arc::new(template)));
            Arc::new(shared.collect())
        } else {
            Arc::clone(&self.templates)
        };
        let endpoints = if parts.endpoints {
            Arc::new(self.endpoints.compile(endpoints))
        } else {
            Arc::clone(&self.endpoints)
        };
        let callers = if parts.access {
            Arc::new(self.callers.compile(groups, group_members, accounts, account_limits))
        } else {
            Arc::clone(&self.callers)
        };
        let plans = if parts.plans { Arc::new(Plans::new(plans)) } else { Arc::clone(&self.plans) };
        let prices = if parts.prices { Arc::new(PriceBook::new(prices)) } else { Arc::clone(&self.prices) };
        let network = if parts.network_rules {
            Arc::new(self.network.recompile(network_rules, network_defaults))
        } else {
            Arc::clone(&self.network)
        };
        let guardrails = if parts.guardrails || parts.endpoints {
            let kept = parts.guardrails.then_some(AllRules { rules, faults });
            Arc::new(self.guardrails.recompile(kept, endpoints.by_id.values()))
        } else {
            Arc::clone(&self.guardrails)
        };
        let snapshot = Self {
            revision,
            content_revision: revision,
            projects,
            providers,
            capabilities,
            templates,
            endpoints,
            callers,
            plans,
            prices,
            network,
            guardrails,
        };
        (snapshot, unusable)
    }

    fn compile_providers(
        &self,
        providers: Vec<Provider>,
        credentials: Vec<Credential>,
        compiler: &Compiler,
        unusable: &mut Vec<UnusableCredential>,
    ) -> Vec<Arc<CompiledProvider>> {
        let mut by_provider = grouped(credentials, |credential| credential.provider_id);
        let same_table =
            self.capabilities.as_ref().is_some_and(|table| Arc::ptr_eq(table, &compiler.capabilities));
        let compile = |provider: Provider| {
            let stored = by_provider.remove(&provider.id).unwrap_or_default();
            let before = self.provider(provider.id).filter(|_| same_table);
            match before.filter(|before| before.is_of(&provider, &stored)) {
                Some(same) => Arc::clone(same),
                None => Arc::new(CompiledProvider::compile(
                    provider,
                    stored,
                    &compiler.keys,
                    &compiler.capabilities,
                    unusable,
                )),
            }
        };
        providers.into_iter().map(compile).collect()
    }
}

fn compile_projects(
    projects: Vec<Project>,
    aliases: Vec<Alias>,
    settings: Vec<ProjectProvider>,
) -> HashMap<ProjectId, Arc<CompiledProject>> {
    let mut aliases = grouped(aliases, |alias| alias.project_id);
    let mut settings = grouped(settings, |setting| setting.project_id);
    let compile = |project: Project| {
        let id = project.id;
        let aliases = aliases.remove(&id).unwrap_or_default();
        let settings = settings.remove(&id).unwrap_or_default();
        (id, Arc::new(CompiledProject::compile(project, aliases, settings)))
    };
    projects.into_iter().map(compile).collect()
}

fn grouped<K: Eq + std::hash::Hash, V>(rows: Vec<V>, key: impl Fn(&V) -> K) -> HashMap<K, Vec<V>> {
    let mut groups: HashMap<K, Vec<V>> = HashMap::new();
    for row in rows {
        groups.entry(key(&row)).or_default().push(row);
    }
    groups
}
