//! The configuration as it is stored.

use promptgate_access::{Group, Plan, Standing};
use promptgate_endpoints::Endpoint;
use promptgate_firewall::guardrails::{Holder, RuleFaults, Rules};
use promptgate_firewall::{Action, Namespace, NetworkRule};
use promptgate_kernel::{AccountId, GroupId, LimitSet, Revision};
use promptgate_projects::Project;
use promptgate_providers::{Alias, Credential, ProjectProvider, Provider, Template};
use promptgate_usage::StoredPrices;
use serde::{Deserialize, Serialize};

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
