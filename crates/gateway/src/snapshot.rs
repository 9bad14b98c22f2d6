//! The configuration as the data plane reads it: compiled, immutable, in memory.

mod callers;
mod cell;
mod endpoints;
mod guardrails;
mod plans;
mod project;
mod provider;

use std::collections::HashMap;
use std::sync::Arc;

use promptgate_access::{Group, Plan, Standing};
use promptgate_endpoints::{CompiledEndpoint, Endpoint};
use promptgate_firewall::guardrails::{AllRules, Holder, Policy, RuleFaults, Rules};
use promptgate_firewall::{Action, Namespace, NetworkPolicy, NetworkRule};
use promptgate_kernel::{
    AccountId, EndpointId, GroupId, KeyRing, LimitSet, ProjectId, ProviderId, Revision, SealError,
    TemplateId, TokenId,
};
use promptgate_projects::Project;
use promptgate_providers::{Alias, CapabilityTable, Credential, Listed, ProjectProvider, Provider, Template};
use promptgate_usage::{PriceBook, StoredPrices};
use serde::{Deserialize, Serialize};

use callers::Callers;
use endpoints::Endpoints;
use guardrails::Guardrails;
use plans::Plans;

pub(crate) use callers::Caller;
pub use cell::SnapshotCell;
pub(crate) use project::CompiledProject;
pub use provider::CompiledProvider;

/// Everything that configures the data plane, as it is stored, or some [`Parts`] of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Configuration {
    /// The revision that the rest is at least as new as.
    pub revision: Revision,
    /// Every project.
    pub projects: Vec<Project>,
    /// The projects' own names for models.
    pub aliases: Vec<Alias>,
    /// What the projects do with providers.
    pub project_providers: Vec<ProjectProvider>,
    /// Every provider.
    pub providers: Vec<Provider>,
    /// Every credential.
    pub credentials: Vec<Credential>,
    /// Every template.
    pub templates: Vec<Template>,
    /// Every AI endpoint.
    pub endpoints: Vec<Endpoint>,
    /// Every access group.
    pub groups: Vec<Group>,
    /// Who is in which group.
    pub group_members: Vec<(AccountId, GroupId)>,
    /// Every account that may own tokens.
    pub accounts: Vec<Standing>,
    /// How much accounts may use, of those that are limited.
    pub account_limits: Vec<(AccountId, LimitSet)>,
    /// Every subscription plan.
    pub plans: Vec<Plan>,
    /// Every price that was set.
    pub prices: StoredPrices,
    /// Every network rule that counts.
    pub network_rules: Vec<NetworkRule>,
    /// What happens where no network rule does, as far as somebody has set it.
    pub network_defaults: Vec<(Namespace, Action)>,
    /// What guardrails say, but for those of AI endpoints.
    pub guardrails: Vec<(Holder, Rules)>,
    /// What of that cannot be taken as it is stored.
    pub guardrail_faults: RuleFaults,
}

/// Parts of the configuration that change, and are read, apart from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each part is wanted or not, whatever the others are")]
pub struct Parts {
    /// Projects, aliases, and what projects do with providers.
    pub projects: bool,
    /// Providers and credentials.
    pub providers: bool,
    /// Templates.
    pub templates: bool,
    /// AI endpoints.
    pub endpoints: bool,
    /// Accounts, access groups, and who is in them.
    pub access: bool,
    /// Subscription plans.
    pub plans: bool,
    /// Prices.
    pub prices: bool,
    /// Network rules.
    pub network_rules: bool,
    /// Rules of guardrails, but for those of AI endpoints.
    pub guardrails: bool,
}

impl Parts {
    /// Everything.
    pub const ALL: Self = Self {
        projects: true,
        providers: true,
        templates: true,
        endpoints: true,
        access: true,
        plans: true,
        prices: true,
        network_rules: true,
        guardrails: true,
    };

    /// Whether it is nothing.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use promptgate_providers::ProviderKind;

    use super::*;
    use crate::testing::{compiler, credential, keys, provider};

    fn compiled(providers: Vec<Provider>, credentials: Vec<Credential>) -> (Snapshot, usize) {
        let configuration = Configuration { providers, credentials, ..Configuration::default() };
        let (snapshot, unusable) = Snapshot::compile(configuration, &compiler());
        (snapshot, unusable.len())
    }

    fn value(provider: &CompiledProvider, at: usize) -> &str {
        provider.credentials[at].secrets[0].value.to_str().unwrap()
    }

    #[test]
    fn a_credential_that_cannot_be_opened_closes_itself_only() {
        let openai = provider("main", ProviderKind::OpenAi);
        let credentials = vec![credential(&openai, "lost", &keys(2)), credential(&openai, "kept", &keys(1))];
        let (snapshot, unusable) = compiled(vec![openai], credentials);
        assert_eq!((unusable, snapshot.providers[0].credentials.len()), (1, 1));
        assert_eq!(value(&snapshot.providers[0], 0), "Bearer kept");
        assert!(!format!("{snapshot:?}").contains("kept\""), "secrets are not shown");
        let anthropic = provider("bad", ProviderKind::Anthropic);
        let credentials = vec![credential(&anthropic, "two\nlines", &keys(1))];
        let (snapshot, unusable) = compiled(vec![anthropic], credentials);
        assert_eq!((unusable, snapshot.providers[0].credentials.len()), (1, 0));
    }

    #[test]
    fn inactive_credentials_are_skipped_without_a_word() {
        let openai = provider("main", ProviderKind::OpenAi);
        let mut inactive = credential(&openai, "sk-inactive", &keys(1));
        inactive.active = false;
        let (snapshot, unusable) = compiled(vec![openai], vec![inactive]);
        assert_eq!((unusable, snapshot.providers[0].credentials.len()), (0, 0));
    }

    #[test]
    fn who_needs_no_secret_has_a_credential_without_any() {
        for kind in [ProviderKind::Echo, ProviderKind::OpenAiCompatible, ProviderKind::Ollama] {
            let (snapshot, _) = compiled(vec![provider("local", kind)], vec![]);
            let [only] = &snapshot.providers[0].credentials[..] else { panic!("one") };
            assert_eq!((only.id, only.secrets.is_empty()), (None, kind != ProviderKind::Ollama), "{kind}");
        }
    }

    #[test]
    fn a_rotated_secret_comes_before_the_one_that_still_serves() {
        let openai = provider("main", ProviderKind::OpenAi);
        let entropy = promptgate_kernel::testing::SeededEntropy::new(8);
        let rotated = credential(&openai, "sk-first", &keys(1))
            .rotate(
                &"sk-second".to_owned().into(),
                std::time::Duration::from_mins(5),
                &keys(1),
                &entropy,
                promptgate_kernel::Timestamp::from_micros(7),
            )
            .unwrap();
        let (snapshot, _) = compiled(vec![openai], vec![rotated]);
        let secrets = &snapshot.providers[0].credentials[0].secrets;
        assert_eq!(secrets.iter().map(|secret| secret.until.is_some()).collect::<Vec<_>>(), [false, true]);
        assert_eq!(
            (&secrets[0].value, &secrets[1].value),
            (&"Bearer sk-second".parse().unwrap(), &"Bearer sk-first".parse().unwrap())
        );
    }

    #[test]
    fn what_a_provider_says_is_told_without_its_credentials() {
        let said = |kind, secret: &str, text: &'static str| {
            let main = provider("main", kind);
            let credentials =
                vec![credential(&main, "sk-another", &keys(1)), credential(&main, secret, &keys(1))];
            let (snapshot, _) = compiled(vec![main], credentials);
            snapshot.providers[0].without_credential(Bytes::from_static(text.as_bytes()))
        };
        for kind in [ProviderKind::OpenAi, ProviderKind::Anthropic, ProviderKind::Google] {
            let told = said(kind, "sk-canary", r#"{"error":"no sk-canary, Bearer sk-another"}"#);
            assert_eq!(told, r#"{"error":"no [credential], Bearer [credential]"}"#);
        }
        assert_eq!(said(ProviderKind::OpenAi, "token", "a token is missing"), "a token is missing");
        for form in
            ["sk/a+b\"c=", r#"sk/a+b\"c="#, r#"sk\/a+b\"c="#, "sk%2Fa%2Bb%22c%3D", "sk%2fa%2bb%22c%3d"]
        {
            let told = said(ProviderKind::OpenAi, "sk/a+b\"c=", form);
            assert_eq!(told, "[credential]", "{form}");
        }
    }

    #[test]
    fn what_did_not_change_is_not_compiled_again() {
        let providers = vec![provider("one", ProviderKind::OpenAi), provider("two", ProviderKind::OpenAi)];
        let compiler = compiler();
        let configuration = Configuration { providers: providers.clone(), ..Configuration::default() };
        let (before, _) = Snapshot::compile(configuration.clone(), &compiler);
        let mut changed = configuration;
        changed.providers[0].models.push("m".into());
        let (after, _) = before.with(changed.clone(), Parts::ALL, &compiler);
        let same = |at: usize, other: &Snapshot| Arc::ptr_eq(&after.providers[at], &other.providers[at]);
        assert_eq!([same(0, &before), same(1, &before)], [false, true]);
        let only_projects = Parts { projects: true, ..Parts::default() };
        let (untouched, _) = after.with(Configuration::default(), only_projects, &compiler);
        assert!(same(0, &untouched) && same(1, &untouched));
        let another_table = Compiler { capabilities: Arc::new(CapabilityTable::bundled()), ..compiler };
        let (anew, _) = after.with(changed, Parts::ALL, &another_table);
        assert!(!same(1, &anew));
    }
}
